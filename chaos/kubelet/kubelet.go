// Package kubelet writes container logs the way the kubelet and containerd do, without either, and lists what it wrote.
//
// It promises: files, names, modes, lines and the steps of a rotation are those of a real node (kubelet 1.34
// with containerd on ext4, as chaos/e2e sees it); each line carries its stream and number (package manifest); and the manifest
// lists exactly what was written, whatever was deleted afterwards.
//
//	<root>/<namespace>_<pod>_<uid>/<container>/<attempt>.log                       being written
//	                                           <attempt>.log.20261122-161000      rotated, still plain for one tick
//	                                           <attempt>.log.20261122-160950.gz   rotated before that
//
// How: one goroutine a container writes, one goroutine is the kubelet that looks at the sizes at each tick. Contents
// depend on Seed alone; what falls between which other things depends on the machine's clock.
//
// The kubelet's quota deletes rotated files whether or not anybody has read them, and so does this package: with
// MaxFiles files of a container and one rotation a tick, a rotated file lives for MaxFiles-1 ticks.
//
// It costs a goroutine and a few KB a container.
package kubelet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"logboom/chaos/manifest"
)

// Config describes a node. Zero values of Speed, MaxSize and MaxFiles mean what a kubelet has by default.
type Config struct {
	Root     string // such as /var/log/pods; made when it is missing
	Seed     uint64
	Pods     []Pod
	Duration time.Duration // after it all containers stop; their files stay
	Speed    float64       // how much faster than every 10 s the sizes are looked at; the clock in rotated names too
	MaxSize  int64         // bytes from which a file is rotated: containerLogMaxSize, 10 MiB
	MaxFiles int           // files a container's attempt may have: containerLogMaxFiles, 5
	Manifest *manifest.Writer
}

// Pod is one pod. Times count from the start of Run.
type Pod struct {
	Namespace  string
	Name       string
	Start      time.Duration
	Delete     time.Duration // when it is deleted; 0: it stays
	Containers []Container
}

// Container is one container of a pod.
type Container struct {
	Name    string
	Rate    float64         // lines a second
	Stderr  float64         // share of the lines that go to stderr, 0 to 1
	Long    float64         // share of lines that are longer than one piece
	Binary  float64         // share of lines with bytes that are not UTF-8
	Exits   []time.Duration // when it exits and is started again, in order
	OpenEnd bool            // the last line before each exit has no newline
}

// Node is a running simulation. Its counters may be read at any time.
type Node struct {
	cfg   Config
	begin time.Time

	Lines     atomic.Int64 // messages that were written whole
	Bytes     atomic.Int64 // bytes in the files, time stamps included
	Rotations atomic.Int64
	Restarts  atomic.Int64
	Deleted   atomic.Int64 // files that were unlinked: by the quota, with a pod, or with an attempt before the last

	mu      sync.Mutex // guards running and rand
	running map[*attempt]struct{}
	rand    *rand.Rand
}

// New returns a Node that has not begun.
func New(cfg Config) *Node {
	if cfg.Speed == 0 {
		cfg.Speed = 1
	}
	if cfg.MaxSize == 0 {
		cfg.MaxSize = 10 << 20
	}
	if cfg.MaxFiles == 0 {
		cfg.MaxFiles = 5
	}
	return &Node{cfg: cfg, running: map[*attempt]struct{}{}, rand: rand.New(rand.NewPCG(cfg.Seed, 0))}
}

// Run writes logs until the Duration is over or ctx is done, and returns when every writer has stopped. A write that
// fails ends it with an error, since the manifest would not be exact any more.
func (n *Node) Run(ctx context.Context) error {
	if n.cfg.MaxFiles < 3 {
		return fmt.Errorf("kubelet: MaxFiles is %d, want at least 3", n.cfg.MaxFiles)
	}
	if err := os.MkdirAll(n.cfg.Root, 0o750); err != nil {
		return err
	}
	n.begin = time.Now()
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Duration)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(n.cfg.Pods)+1)
	for i := range n.cfg.Pods {
		wg.Go(func() {
			if errs[i] = n.runPod(ctx, i); errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Go(func() {
		if errs[len(n.cfg.Pods)] = n.watchSizes(ctx); errs[len(n.cfg.Pods)] != nil {
			cancel()
		}
	})
	wg.Wait()
	return errors.Join(errs...)
}

// watchSizes is the kubelet's container log manager: at each tick it rotates, one after the other, what is too large.
func (n *Node) watchSizes(ctx context.Context) error {
	tick := time.NewTicker(time.Duration(float64(10*time.Second) / n.cfg.Speed))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, a := range n.snapshot() {
			if err := a.rotateIfLarge(); err != nil {
				return fmt.Errorf("rotate %s: %w", a.path, err)
			}
		}
	}
}

func (n *Node) snapshot() []*attempt {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]*attempt, 0, len(n.running))
	for a := range n.running {
		list = append(list, a)
	}
	return list
}

// clock is the time that rotated names get: Speed times as fast as the real one, so that no two are equal.
func (n *Node) clock() time.Time {
	return n.begin.Add(time.Duration(float64(time.Since(n.begin)) * n.cfg.Speed))
}

// between returns a random duration.
func (n *Node) between(low, high time.Duration) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return low + time.Duration(n.rand.Int64N(int64(high-low)))
}

// until waits for a time after the start. It returns false when ctx ended first.
func (n *Node) until(ctx context.Context, at time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(at - time.Since(n.begin)):
		return true
	}
}
