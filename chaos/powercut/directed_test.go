package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"logboom/chaos/cutfs"
	"logboom/chaos/manifest"
)

// TestPinsSurviveACut lets the kubelet delete a log file, durably, that the agent could not secure yet as its WAL's disk is
// full. After the cut the pin is all there is.
func TestPinsSurviveACut(t *testing.T) {
	backend, logboom := buildBackend(t), build(t, "logboom", "../../agent")
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			l := newLifeOn(t, seed, cutfs.Options{Mode: cutfs.Chaotic, Age: -1}, runLogboom(logboom))
			startBackend(t, l, backend)
			l.configure()
			dir := l.onlyPod()
			l.book.addAll(writeLog(t, dir, 100), "was pinned")
			must(t, l.disk.Sync())
			full := l.disk.Inject(cutfs.Rule{Op: cutfs.Write, Path: "data/wal/**", Err: syscall.ENOSPC})
			l.agent, l.faulty = l.start(0, false), true
			defer func() { l.agent.kill() }()
			l.await(l.answers) // when it tells of a file, the scan that found it is over, and its pin is durable
			if !l.pinned() {
				t.Fatalf("no pin; the agent's last words:\n%s", tail(l.log()))
			}
			must(t, os.Remove(filepath.Join(dir, "0.log")))
			must(t, syncDir(dir))
			must(t, l.disk.Cut(seed))
			l.agent.kill()
			full()
			must(t, l.disk.Restart())
			l.wantAll(100)
		})
	}
}

// TestWhatIsCalledDurableSurvivesACut takes the log away with the power, when the agent has called it durable and the
// backend has not got it: the WAL is all there is. In every other life the agent is killed between write and fsync, and
// another one finds in the page cache what the disk does not have.
func TestWhatIsCalledDurableSurvivesACut(t *testing.T) {
	backend, logboom := buildBackend(t), build(t, "logboom", "../../agent")
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			l := newLifeOn(t, seed, cutfs.Options{Mode: cutfs.Chaotic, Age: -1}, runLogboom(logboom))
			startBackend(t, l, backend)
			l.configure()
			l.chaos(http.MethodPost, []byte(`{"status":503,"count":1000000}`))
			dir := l.onlyPod()
			must(t, os.MkdirAll(dir, 0o755))
			must(t, l.disk.Sync())
			l.book.addAll(writeLog(t, dir, 100), "was called durable")
			l.agent = l.start(0, false)
			defer func() { l.agent.kill() }()
			if seed%2 == 1 {
				lift := l.disk.Inject(cutfs.Rule{Op: cutfs.Sync, Path: "data/wal/*/*", Delay: time.Minute})
				l.await(l.appended)
				l.agent.kill()
				lift()
				l.agent = l.start(0, false)
			}
			l.awaitDurable(filepath.Join(dir, "0.log"))
			must(t, l.disk.Cut(seed))
			l.agent.kill()
			must(t, l.disk.Restart())
			must(t, errors.Join(os.RemoveAll(dir), os.RemoveAll(filepath.Join(l.data(), "pins"))))
			l.clearSky()
			l.wantAll(100)
		})
	}
}

// appended says whether a Block is in the WAL.
func (l *life) appended() bool {
	segments, err := filepath.Glob(filepath.Join(l.data(), "wal", "*", "*"))
	must(l.t, err)
	for _, s := range segments {
		if info, err := os.Stat(s); err == nil && info.Size() > 0 {
			return true
		}
	}
	return false
}

// awaitDurable waits until the agent calls all of a log file durable.
func (l *life) awaitDurable(path string) {
	l.t.Helper()
	info, err := os.Stat(path)
	must(l.t, err)
	said := newPromises(l.pods())
	l.await(func() bool {
		said.ask(l.addr)
		of := said.files[path]
		return of != nil && int64(len(of.data)) == info.Size()
	})
	said.keep(newBook(), "")
}

// wantAll drains and wants so many messages, each once.
func (l *life) wantAll(messages int) {
	l.t.Helper()
	v := l.exitWhenDrained(1)
	if len(v.missing)+len(v.double)+len(v.unexplained) > 0 || v.demanded != messages {
		l.t.Errorf("%v\nthe cut took:\n%s", v, l.disk.Lost())
	}
}

func (l *life) onlyPod() string {
	return filepath.Join(l.pods(), "shop_only-0_6f2ad8a5-0001-4000-8000-000000000001", "main")
}

func (l *life) pinned() bool {
	pins, err := filepath.Glob(filepath.Join(l.data(), "pins", "*", "*", "0.log.*"))
	must(l.t, err)
	return len(pins) > 0
}

// writeLog writes a container's log of n messages.
func writeLog(t *testing.T, dir string, n int) manifest.Manifest {
	t.Helper()
	const stream = "only-0/main/0/out"
	var text bytes.Buffer
	m := manifest.Manifest{}
	for i := range n {
		message := append(manifest.AppendPrefix(nil, stream, int64(i)), "message"...)
		fmt.Fprintf(&text, "2026-01-01T00:00:00.%09dZ stdout F %s\n", i+1, message)
		m[stream] = append(m[stream], manifest.SumOf(message))
	}
	must(t, os.MkdirAll(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "0.log"), text.Bytes(), 0o640))
	return m
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
