package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"logboom/bench/peers"
	"logboom/chaos/kubelet"
	"logboom/chaos/manifest"
	"logboom/chaos/port"
)

// trial is one contender in one scenario: a simulated kubelet writes, and things happen at set times.
type trial struct {
	m       *meter
	side    *contender
	place   peers.Place
	program *process
	backend *backend
}

// act is something that happens.
type act struct {
	at time.Duration // after the first line
	do func(context.Context, *trial) error
}

// scenario is a way to lose or repeat lines.
type scenario struct {
	name string
	what string
	node kubelet.Config
	acts []act
}

// The scenarios are those of chaos/README.md that can be played with any forwarder. Lines are short and whole: joining pieces is another
// matter.
var scenarios = []scenario{
	{
		name: "rotation", what: "each log is rotated every 0.2 s, 50 times the kubelet's speed; the backend is dead from 3 s to 8 s",
		node: kubelet.Config{Speed: 50, MaxSize: 16 << 10, Duration: 15 * time.Second, Pods: pods(3, 0)},
		acts: []act{{3 * time.Second, killBackend}, {8 * time.Second, reviveBackend}},
	},
	{
		name: "deleted pod", what: "the forwarder is ended at 3 s and started again at 7 s; one of three pods is deleted at 5 s",
		node: kubelet.Config{Duration: 10 * time.Second, Pods: pods(3, 5*time.Second)},
		acts: []act{{3 * time.Second, endProgram}, {7 * time.Second, startProgram}},
	},
	{
		name: "kills", what: "SIGKILL of the forwarder at 3 s and 9 s, each time for a second; SIGKILL of the backend at 6 s, for 2 s",
		node: kubelet.Config{Duration: 13 * time.Second, Pods: pods(3, 0)},
		acts: []act{
			{3 * time.Second, killProgram}, {4 * time.Second, startProgram},
			{6 * time.Second, killBackend}, {8 * time.Second, reviveBackend},
			{9 * time.Second, killProgram}, {10 * time.Second, startProgram},
		},
	},
}

// pods are n pods with a container of 1,000 lines/s each. The first is deleted after some time, unless that is 0.
func pods(n int, deleted time.Duration) []kubelet.Pod {
	list := make([]kubelet.Pod, n)
	for i := range list {
		list[i] = kubelet.Pod{Namespace: "shop", Name: fmt.Sprintf("web-%d", i), Containers: []kubelet.Container{{Name: "app", Rate: 1000}}}
	}
	list[0].Delete = deleted
	return list
}

func startProgram(_ context.Context, t *trial) (err error) {
	t.program, err = t.side.start(t.place)
	return err
}
func endProgram(_ context.Context, t *trial) error  { return end(t.program) }
func killProgram(_ context.Context, t *trial) error { t.program.kill(); return nil }
func killBackend(_ context.Context, t *trial) error { t.backend.process.kill(); return nil }

func reviveBackend(ctx context.Context, t *trial) (err error) {
	t.backend, err = startStore(ctx, t.m.backend, filepath.Dir(t.place.Root), t.place.Backend)
	return err
}

// play has one contender go through a scenario, and counts what is stored when nothing comes any more.
func (m *meter) play(ctx context.Context, s *scenario, side *contender) (*Account, error) {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	dir, err := os.MkdirTemp(m.dir, "loss-")
	if err != nil {
		return nil, err
	}
	if !m.keep {
		defer os.RemoveAll(dir)
	}
	t := &trial{m: m, side: side, place: peers.Place{Home: filepath.Join(dir, "program"), Root: filepath.Join(dir, "pods")}}
	if t.place.Backend, err = port.Free(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(t.place.Home, 0o700); err != nil {
		return nil, err
	}
	if err := reviveBackend(ctx, t); err != nil {
		return nil, err
	}
	defer func() { t.backend.process.kill() }()
	if err := startProgram(ctx, t); err != nil {
		return nil, err
	}
	defer func() { t.program.kill() }()
	list, err := t.write(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := t.backend.awaitQuiet(ctx, m.quiet); err != nil {
		return nil, err
	}
	if err := end(t.program); err != nil {
		return nil, err
	}
	return account(ctx, t.backend.addr, list)
}

// write lets the kubelet write while the acts are played, and returns the list of what was written.
func (t *trial) write(ctx context.Context, s *scenario) (manifest.Manifest, error) {
	path := filepath.Join(filepath.Dir(t.place.Root), "manifest.jsonl")
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	config := s.node
	config.Root, config.Seed, config.Manifest = t.place.Root, 1, manifest.NewWriter(file)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	node, written := kubelet.New(config), make(chan error, 1)
	began := time.Now()
	go func() { written <- node.Run(ctx) }()
	acted := t.act(ctx, s.acts, began)
	if acted != nil {
		cancel(acted)
	}
	if err := errors.Join(acted, <-written, config.Manifest.Close()); err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, 0); err != nil {
		return nil, err
	}
	return manifest.Read(file)
}

func (t *trial) act(ctx context.Context, acts []act, began time.Time) error {
	for _, a := range acts {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Until(began.Add(a.at))):
		}
		if err := a.do(ctx, t); err != nil {
			return fmt.Errorf("at %v: %w", a.at, err)
		}
	}
	return nil
}

// awaitQuiet waits until no document has come for a while.
func (b *backend) awaitQuiet(ctx context.Context, quiet time.Duration) error {
	var docs int64
	for last := time.Now(); time.Since(last) < quiet; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(250 * time.Millisecond):
		}
		c, err := b.stats(ctx)
		if err != nil {
			return err
		}
		if c.Docs != docs {
			docs, last = c.Docs, time.Now()
		}
	}
	return nil
}

// Losses is what each contender lost and stored twice in one scenario.
type Losses struct {
	Scenario string    `json:"scenario"`
	What     string    `json:"what"`
	Names    []string  `json:"names"`
	Accounts []Account `json:"accounts"` // in the order of Names
}

// compareLosses plays every scenario with every contender.
func (m *meter) compareLosses(ctx context.Context) ([]Losses, error) {
	all, _, err := m.contenders(ctx)
	if err != nil {
		return nil, err
	}
	var list []Losses
	for i := range scenarios {
		l := Losses{Scenario: scenarios[i].name, What: scenarios[i].what}
		for k := range all {
			a, err := m.play(ctx, &scenarios[i], &all[k])
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", l.Scenario, all[k].name, err)
			}
			progress("%s, %s: %d written, %d stored, %d double", l.Scenario, all[k].name, a.Written, a.Stored, a.Double)
			l.Names, l.Accounts = append(l.Names, all[k].name+" "+all[k].version), append(l.Accounts, *a)
		}
		list = append(list, l)
	}
	return list, nil
}

// lossTable is Markdown, to be pasted.
func lossTable(list []Losses) string {
	var b strings.Builder
	for i, l := range list {
		if i == 0 {
			fmt.Fprintf(&b, "\n| lines written / missing / double | %s |\n|---|%s\n", strings.Join(l.Names, " | "), strings.Repeat("---:|", len(l.Names)))
		}
		fmt.Fprintf(&b, "| %s: %s |", l.Scenario, l.What)
		for _, a := range l.Accounts {
			fmt.Fprintf(&b, " %d / %d / %d |", a.Written, a.Missing, a.Double)
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}
