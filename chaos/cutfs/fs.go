package cutfs

import (
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Mode says how much a power cut may lose of what was not fsynced. In both modes a rename is made whole or not at all.
type Mode int

const (
	// Chaotic takes the least that POSIX promises: each folder keeps some of its own changes, from the oldest on, and
	// fsync of a file says nothing of its name. Sectors may be torn.
	Chaotic Mode = iota

	// Journal is ext4 or xfs: all changes of all folders have one order, of which the disk has a beginning, and any
	// fsync brings that at least to the last change of the file it is for. Sectors are whole.
	Journal
)

// Options of a file system. The zero value is good.
type Options struct {
	Mode     Mode
	Capacity int64         // bytes, also a bound for this process's memory, which holds up to three times as much; 0: 1 GiB
	Age      time.Duration // what waited longer than this is on the disk at a cut; 0: 30 s; below 0: nothing ever
}

// ErrOff is the answer to a second Cut, and to what needs power.
var ErrOff = errors.New("the power is off")

// ErrOn is the answer to Restart when the power is on.
var ErrOn = errors.New("the power is on")

// FS is a mounted file system. Its methods may be called from any goroutine.
type FS struct {
	mountpoint string
	unguard    func()

	mu      sync.Mutex // guards all below, and the session's and volume's state
	vol     *volume
	session *session // nil: unmounted
	rules   []*rule
	changes int
	wrong   int
	off     chan struct{} // closed when the power goes
	lost    string
}

// Mount mounts a new, empty file system. It needs root and /dev/fuse.
func Mount(mountpoint string, o Options) (*FS, error) {
	if o.Capacity == 0 {
		o.Capacity = 1 << 30
	}
	if o.Age == 0 {
		o.Age = 30 * time.Second
	}
	f := &FS{mountpoint: mountpoint, vol: newVolume(o)}
	var err error
	if f.unguard, err = startGuard(mountpoint); err != nil {
		return nil, err
	}
	if err := f.mount(); err != nil {
		f.unguard()
		return nil, err
	}
	return f, nil
}

// mount begins a session.
func (f *FS) mount() error {
	s := &session{
		RawFileSystem: fuse.NewDefaultRawFileSystem(),
		fs:            f,
		served:        make(chan struct{}),
		forgotten:     make(chan struct{}),
		handles:       make(map[uint64]*handle),
	}
	server, err := fuse.NewServer(s, f.mountpoint, &fuse.MountOptions{
		FsName: "cutfs", Name: "cutfs", DirectMountStrict: true, AllowOther: true, Options: []string{"default_permissions"},
		MaxWrite: 1 << 20, DisableXAttrs: true, DisableReadDirPlus: true, ExplicitDataCacheControl: true,
		Logger:       log.New(io.Discard, "", 0), // it only speaks of answers that nobody waits for any more
		PanicHandler: func(bug any) fuse.Status { panic(bug) },
	})
	if err != nil {
		return fmt.Errorf("mount %s: %w", f.mountpoint, err)
	}
	s.server = server
	f.mu.Lock()
	f.session, f.off = s, make(chan struct{})
	f.mu.Unlock()
	go func() {
		defer close(s.served)
		server.Serve()
	}()
	if err := server.WaitMount(); err != nil {
		return fmt.Errorf("mount %s: %w", f.mountpoint, errors.Join(err, f.unmount(s)))
	}
	return nil
}

// unmount ends a session, also when files are still open: their handles are of no use from now on.
func (f *FS) unmount(s *session) error {
	f.mu.Lock()
	s.dead = true
	f.session = nil
	f.mu.Unlock()
	if err := unix.Unmount(f.mountpoint, unix.MNT_FORCE|unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", f.mountpoint, err)
	}
	<-s.served
	return nil
}

// Unmount ends the file system, and what was in it is gone.
func (f *FS) Unmount() error {
	f.mu.Lock()
	s := f.session
	f.mu.Unlock()
	if s == nil {
		return nil
	}
	select {
	case <-f.Off():
		<-s.forgotten
	default:
	}
	defer f.unguard()
	return f.unmount(s)
}

// Cut lets the power go. Of what was not durable each part is lost, torn or kept, as the seed says; from now on every
// operation fails with EIO, until Restart. Processes that have files open should be killed before or after.
func (f *FS) Cut(seed uint64) error {
	f.mu.Lock()
	s := f.session
	if s == nil || s.dead {
		f.mu.Unlock()
		return ErrOff
	}
	f.cut(seed)
	f.mu.Unlock()
	<-s.forgotten
	return nil
}

// cut is Cut for those who hold the mutex. It does not wait for the kernel, which may wait for them.
func (f *FS) cut(seed uint64) {
	known := f.vol.sorted()
	f.session.dead = true
	f.lost = f.vol.cut(rand.New(rand.NewPCG(seed, 0)))
	close(f.off)
	go f.session.forget(known)
}

// Restart mounts what the disk held when the power went, in the same place. Rules stay.
func (f *FS) Restart() error {
	f.mu.Lock()
	s := f.session
	f.mu.Unlock()
	select {
	case <-f.Off():
		<-s.forgotten
	default:
		return ErrOn
	}
	if err := f.unmount(s); err != nil {
		return err
	}
	return f.mount()
}

// Off returns a channel that is closed when the power goes. Each Restart makes a new one.
func (f *FS) Off() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.off
}

// Lost says in words what the last cut took: one line for each change of the tree and each file.
func (f *FS) Lost() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// Changes returns how many operations there were of those in Change, so that a Rule can cut the power at any of them.
func (f *FS) Changes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changes
}

// Wrong returns how many operations fell under a Rule that makes them fail.
func (f *FS) Wrong() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wrong
}

// Sync makes everything durable.
func (f *FS) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.session == nil || f.session.dead {
		return ErrOff
	}
	f.vol.syncAll()
	return nil
}

// SetCapacity makes the volume larger or smaller, in bytes. Below what is in use it is full.
func (f *FS) SetCapacity(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.vol.capacity = bytes
}

// Available says why file systems can't be mounted here, or nil.
func Available() error {
	if os.Geteuid() != 0 {
		return errors.New("cutfs needs root")
	}
	dev, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("cutfs needs /dev/fuse: %w", err)
	}
	return dev.Close()
}
