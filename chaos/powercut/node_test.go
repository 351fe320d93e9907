package powercut

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"logboom/chaos/kubelet"
	"logboom/chaos/manifest"
)

// writers are the pods of one boot: new ones each time, so that no stream goes on across a cut.
type writers struct {
	node *kubelet.Node
	list bytes.Buffer
	end  context.CancelFunc
	done chan error
}

// rotation is how the kubelet of a life rotates.
type rotation struct {
	on    bool
	speed float64
	size  int64 // bytes
	tame  bool  // no container crashes and no pod is deleted: their logs go when no agent may be there to see them
}

// startWriters starts some pods that write below root.
func startWriters(r *rand.Rand, root string, boot int, rot rotation) *writers {
	w := &writers{done: make(chan error, 1)}
	manifest := manifest.NewWriter(&w.list)
	cfg := kubelet.Config{
		Root: root, Seed: r.Uint64(), Duration: time.Hour, Manifest: manifest,
		Speed: 1, MaxSize: 1 << 40,
	}
	if rot.on {
		cfg.Speed, cfg.MaxSize, cfg.MaxFiles = rot.speed, rot.size, 5
	}
	for i := range 1 + r.IntN(4) {
		cfg.Pods = append(cfg.Pods, somePod(r, fmt.Sprintf("b%d-p%d", boot, i), rot.on && !rot.tame))
	}
	w.node = kubelet.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	w.end = cancel
	go func() {
		err := w.node.Run(ctx)
		if closed := manifest.Close(); closed != nil {
			err = closed
		}
		w.done <- err
	}()
	return w
}

// somePod makes a pod: some write much, some little; of wild ones, some crash and some are deleted.
func somePod(r *rand.Rand, name string, wild bool) kubelet.Pod {
	c := kubelet.Container{
		Name: "main", Rate: []float64{5, 200, 2000, 4000}[r.IntN(4)],
		Stderr: 0.2, Long: 0.002, Binary: 0.01,
	}
	p := kubelet.Pod{Namespace: "shop", Name: name, Start: time.Duration(r.IntN(300)) * time.Millisecond}
	if wild && r.IntN(3) == 0 {
		p.Delete = time.Second + time.Duration(r.IntN(1000))*time.Millisecond
	}
	if wild && r.IntN(3) == 0 {
		c.Exits = []time.Duration{p.Start + 400*time.Millisecond, p.Start + 1200*time.Millisecond}
	}
	p.Containers = []kubelet.Container{c}
	return p
}

// stop ends the writers and returns what they wrote. After a cut they end by themselves, with an error.
func (w *writers) stop() (m manifest.Manifest, ended error, err error) {
	w.end()
	ended = <-w.done
	m, err = manifest.Read(&w.list)
	return m, ended, err
}
