package tail

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"logboom/wal"
)

// secret is a file that lies outside of everything that an input may read.
func (n *node) secret() string {
	path := filepath.Join(n.t.TempDir(), "secret")
	must(n.t, os.WriteFile(path, []byte("secret\n"), 0o600))
	return path
}

func (n *node) link(target, name string) {
	n.t.Helper()
	must(n.t, os.MkdirAll(filepath.Dir(n.path(name)), 0o755))
	must(n.t, os.Symlink(target, n.path(name)))
}

// told counts the lines of the Tailer's own log that hold text.
func (n *node) told(text string) (times int) {
	for _, line := range n.logged {
		if strings.Contains(line, text) {
			times++
		}
	}
	return times
}

func TestALinkOutOfTheRootsIsRefused(t *testing.T) {
	for _, kube := range []bool{true, false} {
		t.Run(fmt.Sprint("kubernetes ", kube), func(t *testing.T) {
			n := newNode(t)
			if !kube {
				n.files("*.log")
			}
			secret := n.secret()
			relative, err := filepath.Rel(filepath.Dir(n.path("x")), secret)
			must(t, err)
			n.link(secret, "1.log")
			n.link(relative, "2.log")
			n.link(filepath.Dir(n.path("x"))+"/../../../"+strings.Repeat("../", 20)+secret, "3.log")
			n.link("1.log", "4.log") // a link to a link
			n.lines("0.log", "a")
			n.start()
			for range 5 {
				n.poll(time.Second)
			}
			if len(n.ids) != 1 || len(n.tail.byID) != 1 {
				t.Errorf("read: %q", n.got)
			}
			r := n.tail.Report()
			if len(r.Files) != 5 || r.Refused != 4 || n.told("refusing to read") != 4 {
				t.Errorf("%d counted, told %d times; report %+v", r.Refused, n.told("refusing to read"), r.Files)
			}
			for _, f := range r.Files[:4] {
				if f.State != "unreadable" || !strings.Contains(f.Error, "allowed_roots") {
					t.Errorf("report: %+v", f)
				}
			}
			for _, name := range []string{"1.log", "2.log", "3.log", "4.log"} {
				n.remove(name)
			}
			n.poll(time.Second)
			if r := n.tail.Report(); len(r.Files) != 1 || len(n.tail.refused) != 0 {
				t.Errorf("remembered of what is gone: %+v", r.Files)
			}
		})
	}
}

// What was refused may lead elsewhere later.
func TestARefusedLinkIsTriedAgain(t *testing.T) {
	n := newNode(t)
	n.files("*.log")
	n.link(n.secret(), "app.log")
	n.start()
	n.poll(0)
	n.remove("app.log")
	n.write("real", "a\n")
	n.link("real", "app.log")
	for range refuseFor + 1 {
		n.poll(time.Second)
	}
	n.want("a")
}

// The folder may be what leads out: under the name of a pod, in the middle of a pattern, and behind **.
func TestAFolderThatLeadsOutIsRefused(t *testing.T) {
	n := newNode(t)
	out := filepath.Dir(n.secret())
	must(t, os.WriteFile(filepath.Join(out, "0.log"), []byte("secret\n"), 0o600))
	must(t, os.MkdirAll(filepath.Join(out, "app"), 0o755))
	must(t, os.WriteFile(filepath.Join(out, "app", "0.log"), []byte("secret\n"), 0o600))
	n.inputs = append(n.inputs, Input{Paths: []string{n.root + "/*/*.log"}}, Input{Paths: []string{n.root + "/x/**/0.log"}})
	must(t, os.MkdirAll(filepath.Join(n.root, "x", "y"), 0o755))
	must(t, os.Symlink(out, filepath.Join(n.root, "x", "y", "z")))
	must(t, os.Symlink(out, filepath.Join(n.root, "default_web-2_22222222-2222-3333-4444-555555555555")))
	n.link(out, "../other")
	n.start()
	for range 3 {
		n.poll(time.Second)
	}
	n.want()
	if len(n.tail.byID) > 0 || n.tail.Report().Refused == 0 {
		t.Errorf("met: %d, refused: %d", len(n.tail.byID), n.tail.Report().Refused)
	}
}

// A path that was looked at may lead elsewhere when it is opened.
func TestASwapBeforeOpeningWinsNothing(t *testing.T) {
	swaps := map[string]func(n *node, secret string){
		"the file for a link": func(n *node, secret string) {
			n.remove("0.log")
			n.link(secret, "0.log")
		},
		"the file for a hard link": func(n *node, secret string) {
			n.remove("0.log")
			must(n.t, os.Link(secret, n.path("0.log")))
		},
		"the file for a FIFO": func(n *node, _ string) {
			n.remove("0.log")
			must(n.t, unix.Mkfifo(n.path("0.log"), 0o600))
		},
		"its folder for a link": func(n *node, secret string) {
			dir := filepath.Dir(n.path("0.log"))
			must(n.t, os.Rename(dir, dir+"-away"))
			must(n.t, os.Rename(secret, filepath.Join(filepath.Dir(secret), "0.log")))
			must(n.t, os.Symlink(filepath.Dir(secret), dir))
		},
	}
	for name, swap := range swaps {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.pins = ""
			n.files("../*/*.log")
			n.write("0.log", "a\n")
			n.start()
			n.tail.list()
			swap(n, n.secret())
			for _, fo := range n.tail.folders {
				if len(fo.entries) != 1 {
					t.Fatalf("entries: %+v", fo.entries)
				}
				n.tail.scanFolder(fo, n.now)
			}
			if len(n.tail.byID) > 0 || n.tail.open > 0 {
				t.Errorf("%d Files, %d open", len(n.tail.byID), n.tail.open)
			}
		})
	}
}

// The same for a File that is known and closed: it is opened again by its path.
func TestASwapBeforeReopeningWinsNothing(t *testing.T) {
	for name, swap := range map[string]func(old, new string) error{"link": os.Symlink, "hard link": os.Link} {
		n := newNode(t)
		n.pins = ""
		n.lines("0.log", "a")
		n.start()
		n.poll(0)
		for _, f := range n.tail.byID {
			n.tail.close(f)
			n.rename("0.log", "x")
			must(t, swap(n.secret(), n.path("0.log")))
			if err := n.tail.reopen(f); err == nil || f.src != nil {
				t.Errorf("a %s was reopened: %v", name, err)
			}
		}
	}
}

// Nor does it help to change a link all the time.
func TestALinkThatChangesAllTheTimeWinsNothing(t *testing.T) {
	n := newNode(t)
	n.files("*.log")
	n.write("real", "a\n")
	secret := n.secret()
	n.start()
	n.tail.list()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			os.Symlink([]string{n.path("real"), secret}[i%2], n.path("next"))
			os.Rename(n.path("next"), n.path("app.log"))
		}
	}()
	opened := 0
	for range 5000 {
		if f, err := n.tail.inputs[0].open(n.path("app.log"), 0); err == nil {
			opened++
			if st, err := statAt(int(f.Fd()), ""); err != nil || st.size != 2 {
				t.Fatalf("opened what it must not after %d: %+v %v", opened, st, err)
			}
			f.Close()
		}
	}
	close(stop)
	<-stopped
	if opened == 0 {
		t.Error("the link was never opened at all")
	}
}

// A .gz may have another inode than when it was last seen; but a FIFO in its place would hold up everything.
func TestAFifoInThePlaceOfAGzIsNotOpened(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log.20261122-160141", "a")
	n.zip("0.log.20261122-160141")
	n.start()
	n.tail.scan(n.now)
	for _, f := range n.tail.byID {
		n.tail.close(f)
		n.remove("0.log.20261122-160141.gz")
		must(t, unix.Mkfifo(f.path, 0o600))
		opened := make(chan error)
		go func() { opened <- n.tail.reopen(f) }()
		select {
		case err := <-opened:
			if !errors.Is(err, errNotRegular) {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("it hangs")
		}
	}
	if len(n.tail.byID) != 1 {
		t.Errorf("%d Files", len(n.tail.byID))
	}
}

func TestAllowedRootsAreFollowed(t *testing.T) {
	n := newNode(t)
	links, docker := t.TempDir(), t.TempDir()
	must(t, os.Symlink(docker, filepath.Join(links, "docker"))) // the way to a root may hold links
	n.inputs = []Input{{Root: n.root, AllowedRoots: []string{filepath.Join(links, "docker")}},
		{Paths: []string{links + "/*.log"}, Format: wal.Plain, AllowedRoots: []string{docker}}}
	must(t, os.MkdirAll(filepath.Join(docker, "c1"), 0o700))
	must(t, os.WriteFile(filepath.Join(docker, "c1", "c1-json.log"), []byte(n.cri("F", "a")), 0o640))
	n.link(filepath.Join(docker, "c1", "c1-json.log"), "0.log")
	must(t, os.WriteFile(filepath.Join(docker, "other"), []byte("b\n"), 0o640))
	must(t, os.Symlink(filepath.Join(docker, "other"), filepath.Join(links, "hop")))
	must(t, os.Symlink("hop", filepath.Join(links, "other.log"))) // relative, then absolute
	n.start()
	for range 3 {
		n.poll(time.Second)
	}
	slices.Sort(n.got)
	n.want("a", "b")
	if r := n.tail.Report(); r.Refused != 0 {
		t.Errorf("refused: %+v", r.Files)
	}
	if len(n.tail.inputs[0].anchors) != 3 || n.tail.inputs[0].anchors[1].path != "/var/lib/docker/containers" {
		t.Errorf("docker's folder is no root of a kubernetes input")
	}
}

func TestWhatIsNoFileIsPassedOverWithAWord(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	must(t, unix.Mkfifo(n.path("1.log"), 0o600))
	must(t, os.Mkdir(n.path("2.log"), 0o755))
	must(t, unix.Mknod(n.path("3.log"), unix.S_IFSOCK|0o600, 0))
	if os.Getuid() == 0 && unix.Mknod(n.path("4.log"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))) == nil {
		t.Log("with a device")
	} else {
		must(t, unix.Mknod(n.path("4.log"), unix.S_IFSOCK|0o600, 0))
	}
	n.start()
	for range 3 {
		n.poll(time.Second)
	}
	n.want("a")
	if told := n.told("no regular file"); told != 4 {
		t.Errorf("told %d times of 4", told)
	}
}

func TestLinksInCirclesAreNotFollowed(t *testing.T) {
	n := newNode(t)
	n.files("**/*.log")
	n.write("app.log", "a\n")
	n.link(".", "circle")
	n.link("self.log", "self.log")
	n.start()
	for range 3 {
		n.poll(time.Second)
	}
	n.want("a")
	if len(n.tail.folders) != 1 {
		t.Errorf("%d folders", len(n.tail.folders))
	}
	for _, fo := range n.tail.folders {
		if fo.unlisted {
			t.Error("a link in a circle makes its folder unknown: nothing in it could ever be called lost")
		}
	}
}

// A folder that was removed and made again is another one, and its files are read like all.
func TestARootThatIsMadeAgainIsRead(t *testing.T) {
	for _, kube := range []bool{true, false} {
		n := newNode(t)
		if !kube {
			n.files("*.log")
			n.inputs[0].Format = ""
		}
		n.lines("0.log", "a")
		n.start()
		n.poll(0)
		must(t, os.RemoveAll(n.root))
		n.poll(time.Second)
		n.lines("0.log", "b")
		for range 3 {
			n.poll(20 * time.Second)
		}
		n.once("a", "b")
	}
}

// The kubelet counts every name in a container's folder as a rotated log, and removes a real one in its place.
func TestNothingIsMadeAmongTheLogs(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.lines("0.log.20261122-160141", "old")
	n.zip("0.log.20261122-160141")
	names := func() (all []string) {
		must(t, filepath.WalkDir(n.root, func(path string, _ os.DirEntry, err error) error {
			all = append(all, path)
			return err
		}))
		return all
	}
	before := names()
	n.start()
	for range 3 {
		n.poll(time.Second)
		if now := names(); !slices.Equal(before, now) {
			t.Fatalf("%q", now)
		}
	}
}
