package kubelet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// runPod starts a pod's containers and ends with them; a deleted pod's folder goes 0.8 s after its last line.
func (n *Node) runPod(ctx context.Context, i int) error {
	p := &n.cfg.Pods[i]
	if !n.until(ctx, p.Start) {
		return nil
	}
	dir := filepath.Join(n.cfg.Root, fmt.Sprintf("%s_%s_%s", p.Namespace, p.Name, uid(n.cfg.Seed, i)))
	alive, stop := context.WithCancel(ctx)
	defer stop()
	if p.Delete > 0 {
		timer := time.AfterFunc(p.Delete-time.Since(n.begin), stop)
		defer timer.Stop()
	}
	var wg sync.WaitGroup
	errs := make([]error, len(p.Containers))
	for j := range p.Containers {
		wg.Go(func() {
			if errs[j] = n.runContainer(alive, p, &p.Containers[j], dir, uint64(i)<<16|uint64(j)); errs[j] != nil {
				stop()
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil || ctx.Err() != nil {
		return err
	}
	time.Sleep(800 * time.Millisecond)
	return n.removePod(dir)
}

// runContainer runs one attempt after the other. When an attempt exits, the files of the one before it go.
func (n *Node) runContainer(ctx context.Context, p *Pod, c *Container, podDir string, number uint64) error {
	dir := filepath.Join(podDir, c.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var before *attempt
	for nth := 0; ctx.Err() == nil; nth++ {
		life, end := ctx, context.CancelFunc(func() {})
		if nth < len(c.Exits) {
			life, end = context.WithDeadline(ctx, n.begin.Add(c.Exits[nth]))
		}
		a := n.newAttempt(p, c, dir, nth, number)
		err := a.run(ctx, life)
		end()
		if err != nil {
			return fmt.Errorf("%s: %w", a.path, err)
		}
		if before != nil && ctx.Err() == nil {
			time.Sleep(n.between(500*time.Millisecond, 900*time.Millisecond))
			if err := before.remove(); err != nil {
				return err
			}
		}
		if before = a; ctx.Err() == nil {
			n.Restarts.Add(1)
		}
	}
	return nil
}

// removePod unlinks the files of a pod and then its folders.
func (n *Node) removePod(dir string) error {
	files, err := filepath.Glob(filepath.Join(escape(dir), "*", "*"))
	if err != nil {
		return err
	}
	n.Deleted.Add(int64(len(files)))
	return os.RemoveAll(dir)
}

// escape makes a path safe for filepath.Glob.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// uid makes a pod's uid, the same one for the same seed.
func uid(seed uint64, i int) string {
	r := rand.New(rand.NewPCG(seed, uint64(i)+1))
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x",
		r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xfff, r.Uint32()&0xfff, r.Uint64()&0xffffffffffff)
}
