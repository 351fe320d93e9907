package wal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// sulking is a disk that does not give out some of its files, or a part of them, until it is well again.
type sulking struct {
	until    time.Time
	segment  string // name; "": all
	opens    bool   // the file is opened, and its bytes from From to to can't be read
	from, to int64
}

func (d *sulking) open(path string) (readable, error) {
	sick := d.segment == "" || d.segment == filepath.Base(path)
	if sick && !d.opens && d.sulks() {
		return nil, &os.PathError{Op: "open", Path: path, Err: syscall.EIO}
	}
	f, err := realAccess.open(path)
	if err != nil || !sick {
		return f, err
	}
	return sulkingFile{f, d}, nil
}

func (d *sulking) sulks() bool { return time.Now().Before(d.until) }

type sulkingFile struct {
	readable
	d *sulking
}

func (f sulkingFile) ReadAt(p []byte, at int64) (int, error) {
	if f.d.opens && f.d.sulks() && at < f.d.to && at+int64(len(p)) > f.d.from {
		return 0, syscall.EIO
	}
	return f.readable.ReadAt(p, at)
}

// TestWhatTheDiskGivesOutLaterIsNoDamage refuses a Segment, or a part of one, for a while: when Next reads it, or already
// when Open does. With patience nothing is lost, without it is.
func TestWhatTheDiskGivesOutLaterIsNoDamage(t *testing.T) {
	m := newImage(t, 20, 2000, false)
	names := m.names()
	for what, d := range map[string]sulking{
		"a file":                {segment: names[1]},
		"the unsealed file":     {segment: names[len(names)-1]},
		"a sector":              {segment: names[1], opens: true, from: 600, to: 1112},
		"a sector at the end":   {segment: names[len(names)-1], opens: true, from: 512, to: 1024},
		"all there is":          {},
		"all bytes there are":   {opens: true, to: 1 << 40},
		"the bytes of a header": {segment: names[2], opens: true, to: 10},
	} {
		for _, patience := range []time.Duration{0, time.Minute} {
			for _, when := range []string{"before Open", "before Next"} {
				t.Run(what+"/"+patience.String()+"/"+when, func(t *testing.T) {
					dir := filepath.Join(memoryDir(t), "wal")
					m.write(t, dir, nil)
					synctest.Test(t, func(t *testing.T) {
						d := d
						if when == "before Open" {
							d.until = time.Now().Add(50 * time.Second)
						}
						l, r, err := open(Options{Dir: dir, Patience: patience}, realDisk{}, access{size, d.open})
						if err != nil {
							t.Fatal(err)
						}
						defer l.Close()
						if when == "before Next" {
							d.until = time.Now().Add(50 * time.Second)
						}
						got, damaged := patientDrain(t, l)
						if patience == 0 {
							if len(got) == len(m.blocks) {
								t.Fatal("all is there, so the disk did not sulk")
							}
							return
						}
						if len(damaged)+len(r.Damaged) > 0 {
							t.Fatalf("damaged: %+v", damaged)
						}
						sameAll(t, got, m.blocks)
					})
				})
			}
		}
	}
}

// patientDrain reads all, and asks again where the disk gives something not out.
func patientDrain(t *testing.T, l *Log) (blocks []*Block, damaged []Damage) {
	t.Helper()
	after := Index(0)
	for {
		b := new(Block)
		err := l.Next(after, b)
		var d *DamageError
		switch {
		case errors.Is(err, ErrNone):
			return blocks, damaged
		case errors.As(err, &d):
			damaged, after = append(damaged, d.Damaged...), d.Index
		case broken(err):
			time.Sleep(250 * time.Millisecond)
		case err != nil:
			t.Fatal(err)
		default:
			blocks, after = append(blocks, b), b.Index
		}
	}
}

// TestPatienceEnds: what stays unreadable is damage after a minute, all of it, and holds up the rest no longer.
func TestPatienceEnds(t *testing.T) {
	m := newImage(t, 30, 2000, true)
	names := m.names()
	if len(names) < 5 {
		t.Fatal("want more segments")
	}
	for what, d := range map[string]sulking{
		"a sector":      {segment: names[1], opens: true, from: 600, to: 1112},
		"a file":        {segment: names[1]},
		"the same part": {opens: true, from: 600, to: 1112},
	} {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(memoryDir(t), "wal")
			m.write(t, dir, nil)
			synctest.Test(t, func(t *testing.T) {
				d := d
				l, _, err := open(Options{Dir: dir, Patience: time.Minute}, realDisk{}, access{size, d.open})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				d.until = time.Now().Add(time.Hour)
				start := time.Now()
				got, damaged := patientDrain(t, l)
				waits := time.Duration(1)
				if d.segment == "" {
					waits = time.Duration(len(names))
				}
				if took := time.Since(start); took < time.Minute || took > waits*(time.Minute+2*askEvery) {
					t.Errorf("it took %v", took)
				}
				if len(damaged) == 0 {
					t.Fatal("no damage")
				}
				for _, b := range m.blocks {
					there := slices.ContainsFunc(got, func(g *Block) bool { return g.Index == b.Index })
					lost := slices.ContainsFunc(damaged, func(d Damage) bool { return d.Index >= b.Index })
					if !there && !lost {
						t.Errorf("block %d is gone without a word", b.Index)
					}
				}
			})
		})
	}
}

// TestPatienceBeginsAnew when the disk was well in between; and damage that has nothing to do with a disk that sulked before
// is told at once.
func TestPatienceBeginsAnew(t *testing.T) {
	m := newImage(t, 30, 2000, true)
	dir := filepath.Join(memoryDir(t), "wal")
	names := m.names()
	rotten := names[len(names)-2]
	p := slices.Clone(m.files[rotten])
	p[500] ^= 0x41
	hit := m.blockAt(rotten, 500)
	m.write(t, dir, map[string][]byte{rotten: p})
	synctest.Test(t, func(t *testing.T) {
		d := sulking{opens: true, from: 600, to: 1112}
		l, _, err := open(Options{Dir: dir, Patience: time.Minute}, realDisk{}, access{size, d.open})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		next := func(after Index) (*Block, *DamageError) {
			for {
				var b Block
				err := l.Next(after, &b)
				var damage *DamageError
				if errors.As(err, &damage) {
					return nil, damage
				}
				if err == nil {
					return &b, nil
				}
				if !broken(err) {
					t.Fatal(err)
				}
				time.Sleep(250 * time.Millisecond)
			}
		}
		after := Index(0)
		for _, name := range names[:3] {
			d.until = time.Now().Add(50 * time.Second)
			for _, b := range m.blocks {
				if m.segmentOf(b.Index) != name {
					continue
				}
				got, damage := next(after)
				if damage != nil {
					t.Fatalf("segment %s: %+v", name, damage)
				}
				after = got.Index
			}
		}
		d.until = time.Time{}
		start := time.Now()
		for after < hit.Index {
			got, damage := next(after)
			if damage != nil {
				after = damage.Index
				exactly(t, "the rotten block", hit, damage.Damaged)
				break
			}
			after = got.Index
		}
		if time.Since(start) > 0 || after != hit.Index {
			t.Errorf("it took %v to say that block %d is damaged", time.Since(start), after)
		}
	})
}

// TestADiskThatSulksIsAskedOnceASecond: each time costs the reading of a Segment.
func TestADiskThatSulksIsAskedOnceASecond(t *testing.T) {
	m := newImage(t, 20, 2000, true)
	dir := filepath.Join(memoryDir(t), "wal")
	m.write(t, dir, nil)
	reads := 0
	count := func(path string) (readable, error) {
		f, err := realAccess.open(path)
		return countingFile{f, &reads}, err
	}
	synctest.Test(t, func(t *testing.T) {
		l, _, err := open(Options{Dir: dir, Patience: time.Minute}, realDisk{}, access{size, count})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		reads = -1 << 20
		patient := 0
		for range 40 {
			if err := l.Next(0, new(Block)); broken(err) {
				patient++
			}
			time.Sleep(250 * time.Millisecond)
		}
		if perSecond := (reads + 1<<20) / 10; patient != 40 || perSecond > 8 {
			t.Errorf("%d of 40 said so; %d reads a second", patient, perSecond)
		}
	})
}

// countingFile can't be read once reads is below zero, and counts how often it was tried.
type countingFile struct {
	readable
	reads *int
}

func (f countingFile) ReadAt(p []byte, at int64) (int, error) {
	if *f.reads++; *f.reads < 0 {
		return 0, syscall.EIO
	}
	return f.readable.ReadAt(p, at)
}
