package cutfs

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// program is a small program that the power leaves when it has run. All that prepare makes is durable before. The states
// listed are those that a cut may leave: each file as path=content, as show has it, and each folder as path/. Each must
// be seen in 300 cuts, but the rare ones.
type program struct {
	name    string
	prepare func(m *machine)
	run     func(m *machine)
	chaotic []string
	journal []string // nil: as chaotic
	rare    []string // chaotic only
}

func programs() []program {
	full := func(c string) string { return strings.Repeat(c, sectorSize) }
	return []program{
		{
			name:    "overwrite without fsync: each sector is old, new or torn",
			prepare: func(m *machine) { m.write("a", full("o")+full("o")) },
			run:     func(m *machine) { m.write("a", full("n")+full("n")) },
			chaotic: []string{"a=oo", "a=on", "a=no", "a=nn"},
			rare:    []string{"a=o~", "a=~o", "a=n~", "a=~n", "a=~~"},
			journal: []string{"a=oo", "a=on", "a=no", "a=nn"},
		},
		{
			name:    "append without fsync: old or new size, data or zeros",
			prepare: func(m *machine) { m.write("a", full("o")) },
			run:     func(m *machine) { m.append("a", full("n")+full("m")) },
			chaotic: []string{"a=o", "a=onm", "a=o00", "a=on0", "a=o0m"},
			rare:    []string{"a=o~0", "a=o0~", "a=o~m", "a=on~", "a=o~~"},
			journal: []string{"a=o", "a=onm", "a=o00", "a=on0", "a=o0m"},
		},
		{
			name:    "a sector written twice: any version",
			prepare: func(m *machine) { m.write("a", full("o")) },
			run:     func(m *machine) { m.write("a", full("m")); m.write("a", full("n")) },
			chaotic: []string{"a=o", "a=m", "a=n", "a=~"},
			journal: []string{"a=o", "a=m", "a=n"},
		},
		{
			name:    "overwrite and fsync",
			prepare: func(m *machine) { m.write("a", "old") },
			run:     func(m *machine) { m.write("a", "new"); m.sync("a") },
			chaotic: []string{"a=new"},
		},
		{
			name:    "create, write, nothing more",
			run:     func(m *machine) { m.write("a", full("n")) },
			chaotic: []string{"", "a=", "a=0", "a=n", "a=~"},
			journal: []string{"", "a=", "a=0", "a=n"},
		},
		{
			name:    "create, write, fsync the file: its name is not safe",
			run:     func(m *machine) { m.write("a", "new"); m.sync("a") },
			chaotic: []string{"", "a=new"},
			journal: []string{"a=new"},
		},
		{
			name:    "create, write, fsync the folder: its content is not safe",
			run:     func(m *machine) { m.write("a", full("n")); m.sync(".") },
			chaotic: []string{"a=", "a=0", "a=n", "a=~"},
			journal: []string{"a=", "a=0", "a=n"},
		},
		{
			name:    "create, write, fsync both",
			run:     func(m *machine) { m.write("a", "new"); m.sync("a"); m.sync(".") },
			chaotic: []string{"a=new"},
		},
		{
			name:    "a new folder's own name",
			run:     func(m *machine) { m.mkdir("d"); m.write("d/a", "new"); m.sync("d/a"); m.sync("d") },
			chaotic: []string{"", "d/ d/a=new"},
			journal: []string{"d/ d/a=new"},
		},
		{
			name:    "replace by rename, all fsynced but the rename",
			prepare: func(m *machine) { m.write("a", "old") },
			run:     func(m *machine) { m.write("b", "new"); m.sync("b"); m.sync("."); m.rename("b", "a") },
			chaotic: []string{"a=old b=new", "a=new"},
		},
		{
			name:    "replace by rename without any fsync: the classic empty file",
			prepare: func(m *machine) { m.write("a", full("o")) },
			run:     func(m *machine) { m.write("b", full("n")); m.rename("b", "a") },
			chaotic: []string{"a=o", "a=o b=", "a=o b=0", "a=o b=n", "a=", "a=0", "a=n"},
			rare:    []string{"a=o b=~", "a=~"},
			journal: []string{"a=o", "a=o b=", "a=o b=0", "a=o b=n", "a=", "a=0", "a=n"},
		},
		{
			name:    "rename to another folder",
			prepare: func(m *machine) { m.mkdir("d"); m.write("a", "x") },
			run:     func(m *machine) { m.rename("a", "d/a") },
			chaotic: []string{"a=x d/", "d/ d/a=x"},
		},
		{
			name:    "rename to another folder, fsync the old one: the new name is safe too",
			prepare: func(m *machine) { m.mkdir("d"); m.write("a", "x") },
			run:     func(m *machine) { m.rename("a", "d/a"); m.sync(".") },
			chaotic: []string{"d/ d/a=x"},
		},
		{
			name:    "rename into a new folder never loses the file",
			prepare: func(m *machine) { m.write("a", "x") },
			run:     func(m *machine) { m.mkdir("d"); m.rename("a", "d/a") },
			chaotic: []string{"a=x", "a=x d/", "d/ d/a=x"},
		},
		{
			name:    "hard link, not fsynced, then unlink",
			prepare: func(m *machine) { m.mkdir("pins"); m.mkdir("logs"); m.write("logs/a", "x") },
			run:     func(m *machine) { m.link("logs/a", "pins/a"); m.unlink("logs/a") },
			chaotic: []string{"logs/ logs/a=x pins/", "logs/ logs/a=x pins/ pins/a=x", "logs/ pins/ pins/a=x", "logs/ pins/"},
			journal: []string{"logs/ logs/a=x pins/", "logs/ logs/a=x pins/ pins/a=x", "logs/ pins/ pins/a=x"},
		},
		{
			name:    "hard link, fsync its folder, then unlink: the link stays",
			prepare: func(m *machine) { m.mkdir("pins"); m.mkdir("logs"); m.write("logs/a", "x") },
			run:     func(m *machine) { m.link("logs/a", "pins/a"); m.sync("pins"); m.unlink("logs/a") },
			chaotic: []string{"logs/ logs/a=x pins/ pins/a=x", "logs/ pins/ pins/a=x"},
		},
		{
			name:    "copytruncate: what was written after it does not go into the old sectors",
			prepare: func(m *machine) { m.write("a", full("o")+full("o")) },
			run:     func(m *machine) { m.truncate("a", 0); m.append("a", full("n")) },
			chaotic: []string{"a=oo", "a=", "a=0", "a=n"},
			rare:    []string{"a=~"},
		},
		{
			name:    "a removed folder takes no file with it that was moved out",
			prepare: func(m *machine) { m.mkdir("d"); m.mkdir("e"); m.write("d/a", "x") },
			run:     func(m *machine) { m.rename("d/a", "e/a"); m.rmdir("d") },
			chaotic: []string{"d/ d/a=x e/", "d/ e/ e/a=x", "e/ e/a=x"},
		},
		{
			name: "a failed fsync loses the data, and the next one says nothing",
			prepare: func(m *machine) {
				m.write("a", full("o")+full("o"))
			},
			run: func(m *machine) {
				defer m.fs.Inject(Rule{Op: Sync, Path: m.path("a"), Times: 1, Err: syscall.EIO})()
				m.append("a", full("n"))
				m.syncFails("a", syscall.EIO)
				m.sync("a")
				m.holds("a", full("o")+full("o")+full("n"))
			},
			chaotic: []string{"a=oo0"},
		},
		{
			name:    "after a failed fsync, a later write brings its whole page to the disk",
			prepare: func(m *machine) { m.write("a", full("o")) },
			run: func(m *machine) {
				defer m.fs.Inject(Rule{Op: Sync, Path: m.path("a"), Times: 1, Err: syscall.EIO})()
				m.append("a", full("n")+strings.Repeat("z", 2*blockSize))
				m.syncFails("a", syscall.EIO)
				m.append("a", full("m"))
				m.sync("a")
			},
			chaotic: []string{"a=o0000000" + "00000000" + "zzm"},
		},
		{
			name:    "a failed fsync of the folder makes no name durable",
			prepare: func(m *machine) {},
			run: func(m *machine) {
				defer m.fs.Inject(Rule{Op: SyncDir, Times: 1, Err: syscall.EIO})()
				m.write("a", "x")
				m.syncFails(".", syscall.EIO)
			},
			chaotic: []string{"", "a=", "a=0", "a=x"},
		},
	}
}

func TestProgramsLeaveWhatTheyMay(t *testing.T) {
	for mode, word := range []string{"chaotic", "journal"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			f, dir := mount(t, Options{Mode: Mode(mode)})
			for _, p := range programs() {
				want, rare := p.chaotic, p.rare
				if Mode(mode) == Journal {
					rare = nil
					if p.journal != nil {
						want = p.journal
					}
				}
				t.Run(p.name, func(t *testing.T) { checkProgram(t, f, dir, p, want, rare) })
			}
		})
	}
}

// checkProgram runs the program once, and tries many cuts on copies of the volume. The last cut is a real one, and must
// leave what its copy did.
func checkProgram(t *testing.T, f *FS, mountpoint string, p program, want, rare []string) {
	m := &machine{t: t, fs: f, mountpoint: mountpoint, dir: t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]}
	m.must(os.Mkdir(filepath.Join(mountpoint, m.dir), 0o755))
	if p.prepare != nil {
		p.prepare(m)
	}
	m.must(f.Sync())
	p.run(m)
	seen, last := make(map[string]int), ""
	for seed := range uint64(300) {
		last = stateAfter(f, m.dir, seed)
		seen[last]++
	}
	m.must(errors.Join(f.Cut(299), f.Restart()))
	if got := m.state(); got != last {
		t.Errorf("the real cut left %q, its copy %q", got, last)
	}
	for state := range seen {
		if !slices.Contains(want, state) && !slices.Contains(rare, state) {
			t.Errorf("a cut left %q", state)
		}
	}
	for _, state := range want {
		if seen[state] == 0 {
			t.Errorf("no cut left %q; seen: %v", state, slices.Sorted(maps.Keys(seen)))
		}
	}
}

// stateAfter says what a cut would leave in a folder.
func stateAfter(f *FS, dir string, seed uint64) string {
	f.mu.Lock()
	v := f.vol.clone()
	f.mu.Unlock()
	v.cut(rand.New(rand.NewPCG(seed, 0)))
	return strings.Join(listing(v, v.root.names[dir], ""), " ")
}

// listing says what is in a folder, as state does.
func listing(v *volume, dir *inode, at string) (all []string) {
	for _, base := range v.list(dir) {
		if n := dir.names[base]; n.isDir() {
			all = append(append(all, at+base+"/"), listing(v, n, at+base+"/")...)
		} else {
			all = append(all, at+base+"="+show(n.now))
		}
	}
	return all
}
