package wal

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestPatienceBeginsAnewWhenNobodyAsked: the disk gives something not out, Delivery then waits hours for its backend, and the
// disk does so again for a moment. Twice a moment is no minute.
func TestPatienceBeginsAnewWhenNobodyAsked(t *testing.T) {
	m := newImage(t, 20, 2000, true)
	names := m.names()
	for what, d := range map[string]sulking{
		"a file":   {segment: names[1]},
		"a sector": {segment: names[1], opens: true, from: 600, to: 1112},
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
				d.until = time.Now().Add(time.Second)
				after, b := Index(0), new(Block)
				for err = l.Next(after, b); err == nil; err = l.Next(after, b) {
					after = b.Index
				}
				if !broken(err) {
					t.Fatalf("the disk does not sulk: %v", err)
				}
				time.Sleep(2 * time.Hour)
				d.until = time.Now().Add(10 * time.Second)
				for err = l.Next(after, b); broken(err); err = l.Next(after, b) {
					time.Sleep(250 * time.Millisecond)
				}
				if err != nil || m.segmentOf(b.Index) != names[1] {
					t.Errorf("behind block %d: block %d, %v", after, b.Index, err)
				}
			})
		})
	}
}

// TestPatienceEndsForWhoAsksSeldom: the letters of an index that takes nothing are looked at every five minutes.
func TestPatienceEndsForWhoAsksSeldom(t *testing.T) {
	m := newImage(t, 20, 2000, true)
	dir := filepath.Join(memoryDir(t), "wal")
	m.write(t, dir, nil)
	synctest.Test(t, func(t *testing.T) {
		d := sulking{segment: m.names()[0]}
		l, _, err := open(Options{Dir: dir, Patience: time.Minute}, realDisk{}, access{size, d.open})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		d.until = time.Now().Add(24 * time.Hour)
		asks := 1
		for err = l.Next(0, new(Block)); broken(err); err = l.Next(0, new(Block)) {
			time.Sleep(5 * time.Minute)
			if asks++; asks > 10 {
				t.Fatal("no end")
			}
		}
		if asks < 4 {
			t.Errorf("damage after %d refusals: %v", asks, err)
		}
	})
}
