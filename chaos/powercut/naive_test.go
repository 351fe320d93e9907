package powercut

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// TestJudgeFindsWhatBadAgentsDo lets simple agents live: one that is right as long as files are not rotated, and some that
// each make one of the classic mistakes.
func TestJudgeFindsWhatBadAgentsDo(t *testing.T) {
	backend := buildBackend(t)
	for _, agent := range []struct {
		kind  string
		lives uint64
		bad   func(*verdict) bool // what must be found in one of the lives; nil: nothing may be in any
	}{
		{"honest", 2, nil},
		{"random-ids", 20, func(v *verdict) bool { return len(v.double) > 0 }},
		{"offset-first", 20, func(v *verdict) bool { return len(v.missing) > 0 }},
		{"no-fsync", 20, func(v *verdict) bool { return strings.Contains(strings.Join(v.missing, "\n"), "called durable") }},
		{"invents", 20, func(v *verdict) bool { return len(v.unexplained) > 0 }},
	} {
		t.Run(agent.kind, func(t *testing.T) {
			found := false
			for seed := range agent.lives {
				l := newLife(t, seed, func(l *life, drain bool) (*process, error) {
					return startBooted(l.log(), l.bootID(), naiveWord, agent.kind, l.pods(), l.data(), l.url, l.addr, fmt.Sprint(drain))
				})
				l.rot.on = false
				startBackend(t, l, backend)
				v := l.live(3)
				t.Log(v)
				switch {
				case agent.bad == nil && len(v.missing)+len(v.double)+len(v.unexplained) > 0:
					l.keep(filepath.Join(artifacts, fmt.Sprint("naive-", seed)), v)
					t.Fatal("an honest agent was found guilty")
				case agent.bad != nil && agent.bad(v):
					found = true
				}
				if found {
					return
				}
			}
			if agent.bad != nil {
				t.Error("nothing was found")
			}
		})
	}
}

// naiveAgent reads all files again after each start, and leaves it to the backend to refuse what it has: so an id must
// say what the line is.
type naiveAgent struct {
	kind, root, data, url string

	mu      sync.Mutex // guards offsets
	offsets map[string]int64
}

// naive is the agent's main.
func naive(args []string) error {
	a := &naiveAgent{kind: args[0], root: args[1], data: args[2], url: args[3], offsets: make(map[string]int64)}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/status", a.status)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	if err := a.load(); err != nil {
		return err
	}
	go http.ListenAndServe(args[4], mux)
	for {
		idle, err := a.step()
		if err != nil {
			return err
		}
		if idle && args[5] == "true" {
			return nil
		}
		select {
		case <-asked:
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (a *naiveAgent) status(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	type file struct {
		Path    string `json:"path"`
		Durable int64  `json:"durable"`
	}
	files := []file{}
	for path, off := range a.offsets {
		files = append(files, file{path, off})
	}
	json.NewEncoder(w).Encode(map[string]any{"files": files})
}

func (a *naiveAgent) state() string { return filepath.Join(a.data, "state") }

// load reads what the agent wrote down before a cut: its offsets, or the lines that it had not sent.
func (a *naiveAgent) load() error {
	data, err := os.ReadFile(a.state())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	switch a.kind {
	case "offset-first":
		return errors.Join(err, json.Unmarshal(data, &a.offsets))
	case "no-fsync":
		return errors.Join(err, a.send(data))
	}
	return err
}

// step reads and sends what is new.
func (a *naiveAgent) step() (idle bool, err error) {
	idle = true
	err = filepath.WalkDir(a.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		from := min(a.offsets[path], int64(len(data)))
		data = data[from:max(from, int64(bytes.LastIndexByte(data, '\n')+1))]
		if len(data) == 0 {
			return nil
		}
		idle = false
		return a.take(path, from+int64(len(data)), data)
	})
	return idle, err
}

// take secures and sends some lines, each kind in its way.
func (a *naiveAgent) take(path string, end int64, data []byte) error {
	promise := func() { a.mu.Lock(); a.offsets[path] = end; a.mu.Unlock() }
	switch a.kind {
	case "offset-first":
		promise()
		if err := a.saveOffsets(); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	case "no-fsync":
		if err := a.buffer(data); err != nil {
			return err
		}
		promise()
		time.Sleep(300 * time.Millisecond)
	}
	if err := a.send(data); err != nil {
		return err
	}
	promise()
	return nil
}

// saveOffsets does everything that durability needs.
func (a *naiveAgent) saveOffsets() error {
	text, err := json.Marshal(a.offsets)
	if err != nil {
		return err
	}
	f, err := os.Create(a.state() + ".tmp")
	if err != nil {
		return err
	}
	defer f.Close()
	dir, err := os.Open(a.data)
	if err != nil {
		return err
	}
	defer dir.Close()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return errors.Join(os.Rename(f.Name(), a.state()), dir.Sync())
}

// buffer appends lines to a file that is never fsynced.
func (a *naiveAgent) buffer(data []byte) error {
	f, err := os.OpenFile(a.state(), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// send stores the lines, joined where the runtime divided them.
func (a *naiveAgent) send(data []byte) error {
	var body bytes.Buffer
	add := func(message []byte) bool {
		sum := sha256.Sum256(message)
		switch a.kind {
		case "random-ids":
			sum[0] = byte(rand.Uint32())
		case "invents":
			message = append(message, "!"...)
		}
		doc := map[string]any{"message": string(message), "@timestamp": time.Now()}
		if !utf8.Valid(message) {
			doc["event"] = map[string]string{"original": base64.StdEncoding.EncodeToString(message)}
		}
		text, _ := json.Marshal(doc)
		fmt.Fprintf(&body, "{\"create\":{\"_id\":\"%x\"}}\n%s\n", sum[:16], text)
		return true
	}
	newBook().lines(data, add)
	if body.Len() == 0 {
		return nil
	}
	for !a.post(body.Bytes()) {
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}

// post says whether every line of a request is stored.
func (a *naiveAgent) post(body []byte) bool {
	answer, err := http.Post(a.url+"/"+index+"/_bulk", "application/x-ndjson", bytes.NewReader(body))
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var result struct {
		Items []struct {
			Create struct {
				Status int `json:"status"`
			} `json:"create"`
		} `json:"items"`
	}
	if answer.StatusCode != http.StatusOK || json.NewDecoder(answer.Body).Decode(&result) != nil {
		return false
	}
	for _, item := range result.Items {
		if s := item.Create.Status; s != http.StatusCreated && s != http.StatusConflict {
			return false
		}
	}
	return len(result.Items) == bytes.Count(body, []byte{'\n'})/2
}
