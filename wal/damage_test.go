package wal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestTornTailKeepsWhatIsWhole damages an unsealed Segment from each of its bytes on.
func TestTornTailKeepsWhatIsWhole(t *testing.T) {
	m := newImage(t, 4, 1<<20, false)
	name := m.names()[0]
	whole := m.files[name]
	r := rand.New(rand.NewPCG(1, 1))
	damage := map[string]func(p []byte, at int) []byte{
		"cut":   func(p []byte, at int) []byte { return p[:at] },
		"zeros": func(p []byte, at int) []byte { clear(p[at:]); return p },
		"noise": func(p []byte, at int) []byte {
			for i := at; i < len(p); i++ {
				p[i] = byte(r.Uint32())
			}
			return p
		},
	}
	dir := filepath.Join(memoryDir(t), "wal")
	for kind, change := range damage {
		for at := 0; at <= len(whole); at += stride() {
			m.write(t, dir, map[string][]byte{name: change(slices.Clone(whole), at)})
			delivered, damaged := m.account(t, dir, Options{})
			if len(damaged) > 0 {
				t.Fatalf("%s at %d: a torn tail is called damage: %+v", kind, at, damaged)
			}
			for n, s := range m.starts {
				if (s[1] <= int64(at)) != delivered[n] && kind != "zeros" {
					t.Fatalf("%s at %d: block %d, which ends at %d, delivered: %v", kind, at, n, s[1], delivered[n])
				}
				if s[1] <= int64(at) && !delivered[n] {
					t.Fatalf("%s at %d: block %d, which ends at %d, is gone", kind, at, n, s[1])
				}
			}
			if at%11 == 0 {
				goesOn(t, m, dir, Index(len(delivered)))
			}
		}
	}
}

// TestDamagedBlockIsNamedExactly flips each byte of a sealed Segment that others follow.
func TestDamagedBlockIsNamedExactly(t *testing.T) {
	m := newImage(t, 14, 2000, true)
	names := m.names()
	if len(names) < 3 {
		t.Fatal("want 3 segments or more")
	}
	dir := filepath.Join(memoryDir(t), "wal")
	for _, name := range names[:2] {
		whole := m.files[name]
		m.write(t, dir, nil)
		for at := 0; at < len(whole); at += stride() {
			p := slices.Clone(whole)
			p[at] ^= 0x41
			writeFile(t, filepath.Join(dir, name, name), p)
			delivered, damaged := m.account(t, dir, Options{})
			hit := m.blockAt(name, at)
			if len(damaged) == 0 { // only bytes that nothing depends on: tidwall's lengths, the summary
				if len(delivered) != len(m.blocks) {
					t.Fatalf("%s byte %d: %d blocks delivered and no damage", name, at, len(delivered))
				}
				if hit != nil && int64(at) >= m.starts[hit.Index][0]+2 {
					t.Fatalf("%s byte %d of block %d was changed, and nobody cared", name, at, hit.Index)
				}
				continue
			}
			if hit == nil || len(delivered) != len(m.blocks)-1 || delivered[hit.Index] {
				t.Fatalf("%s byte %d: delivered %v", name, at, delivered)
			}
			exactly(t, fmt.Sprintf("%s byte %d", name, at), hit, damaged)
		}
	}
}

// TestDamageBeforeTheDurableMarkIsNamed flips bytes of a Segment that a kill left unsealed: the Blocks behind vouch for
// what was durable before them.
func TestDamageBeforeTheDurableMarkIsNamed(t *testing.T) {
	m := newImage(t, 8, 1<<20, false)
	name := m.names()[0]
	dir := filepath.Join(memoryDir(t), "wal")
	for at := 0; at < int(m.starts[5][1]); at += stride() { // each File has Records behind
		p := slices.Clone(m.files[name])
		p[at] ^= 0x41
		m.write(t, dir, map[string][]byte{name: p})
		delivered, damaged := m.account(t, dir, Options{})
		if len(damaged) == 0 {
			continue
		}
		hit := m.blockAt(name, at)
		if len(delivered) != len(m.blocks)-1 || delivered[hit.Index] {
			t.Fatalf("byte %d: delivered %v", at, delivered)
		}
		exactly(t, fmt.Sprintf("byte %d", at), hit, damaged)
	}
}

// TestDamageAddsUp breaks a WAL at random: bytes, ranges, ends, whole Segments.
func TestDamageAddsUp(t *testing.T) {
	m := newImage(t, 30, 2500, true)
	unsealed := newImage(t, 30, 2500, false)
	dir := filepath.Join(memoryDir(t), "wal")
	for seed := range 3000 / (4 + stride()) {
		r := rand.New(rand.NewPCG(uint64(seed), 4))
		m := m
		if seed%2 == 0 {
			m = unsealed
		}
		names := m.names()
		change := map[string][]byte{}
		for range 1 + r.IntN(3) {
			name := names[r.IntN(len(names))]
			p := slices.Clone(m.files[name])
			at := r.IntN(len(p))
			switch r.IntN(5) {
			case 0:
				p[at] ^= 1 << r.IntN(8)
			case 1:
				clear(p[at:min(len(p), at+r.IntN(2000))])
			case 2:
				p = p[:at]
			case 3:
				copy(p[at:], p[r.IntN(len(p)):])
			default:
				p = nil
			}
			change[name] = p
		}
		m.write(t, dir, change)
		o := Options{}
		if r.IntN(2) == 0 {
			o.Floor = m.blocks[len(m.blocks)-1].Index
		}
		t.Logf("seed %d", seed)
		m.account(t, dir, o)
	}
}

// TestDamageAfterCrashesAddsUp breaks WALs that have seen kills, power cuts and failing disks.
func TestDamageAfterCrashesAddsUp(t *testing.T) {
	for seed := range *runs {
		s := newSim(t, uint64(seed))
		s.open()
		for range 150 {
			switch n := s.rand.IntN(100); {
			case n < 60:
				s.append()
			case n < 85:
				s.settled(s.log.Sync())
			case n < 90:
				s.restart("kill", s.disk.release)
			case n < 94:
				s.restart("cut", func() { s.disk.cut(t, s.dir) })
			default:
				s.disk.fail = injecting(s.rand, 1+s.rand.IntN(6), 1+s.rand.IntN(4))
			}
		}
		s.disk.fail = nil
		s.settled(s.log.Sync())
		floor := s.log.Durable()
		s.log.Close()
		for range 1 + s.rand.IntN(3) {
			names := segmentFiles(t, s.dir)
			name := names[s.rand.IntN(len(names))]
			p := readFile(t, name)
			if len(p) == 0 {
				continue
			}
			at := s.rand.IntN(len(p))
			switch s.rand.IntN(4) {
			case 0:
				p[at] ^= 1 << s.rand.IntN(8)
			case 1:
				clear(p[at:min(len(p), at+s.rand.IntN(2000))])
			case 2:
				p = p[:at]
			default:
				os.RemoveAll(filepath.Dir(name))
				continue
			}
			writeFile(t, name, p)
		}
		s.account(Index(s.rand.IntN(2)) * floor)
	}
}
