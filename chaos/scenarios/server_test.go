package scenarios

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"logboom/chaos/elasticsearch"
	"logboom/chaos/port"
)

// server is what the agent delivers to, as a process that a scenario may break.
type server interface {
	name() string
	begin() (url string) // at the address that it had, if it had one
	kill()               // SIGKILL
	pause()              // SIGSTOP
	goOn()               // SIGCONT
	runs() bool
	cleanUp()
}

// newServer returns the server of that name, which does not run: "" is the embedded backend.
func (g *stage) newServer(name string) server {
	g.t.Helper()
	switch name {
	case "", "embedded":
		return &embedded{process: process{t: g.t, name: "backend", log: filepath.Join(g.dir, "backend.log"), film: g.film,
			args: []string{backendBinary, "--data", filepath.Join(g.dir, "backend")}}}
	case "elasticsearch", "opensearch":
		return &real{t: g.t, film: g.film, server: name, node: elasticsearch.NewOwn(g.t, name)}
	}
	g.t.Fatalf("no server has the name %q: embedded, elasticsearch or opensearch", name)
	return nil
}

// embedded is chaos/backend.
type embedded struct {
	process
	addr string
}

func (e *embedded) name() string { return "the embedded backend" }

func (e *embedded) begin() string {
	e.t.Helper()
	if e.addr == "" {
		var err error
		e.addr, err = port.Free()
		must(e.t, err)
	}
	e.start("--listen", e.addr)
	return "http://" + e.addr
}

// real is Elasticsearch or OpenSearch itself.
type real struct {
	t      *testing.T
	film   *film
	server string
	node   *elasticsearch.Own
	live   bool
}

func (r *real) name() string {
	return map[string]string{"elasticsearch": "a real Elasticsearch", "opensearch": "a real OpenSearch"}[r.server]
}

func (r *real) begin() string {
	r.t.Helper()
	url := r.node.Start()
	r.live = true
	r.film.over("backend down")
	return url
}

func (r *real) kill() {
	r.t.Helper()
	r.film.fault("backend down")
	r.node.Kill()
	r.live = false
}

func (r *real) pause() {
	r.t.Helper()
	r.node.Signal(syscall.SIGSTOP)
	r.film.fault("backend stopped")
}

func (r *real) goOn() {
	r.t.Helper()
	r.node.Signal(syscall.SIGCONT)
	r.film.over("backend stopped")
}

func (r *real) runs() bool { return r.live }
func (r *real) cleanUp()   {} // its node sees to it

// startBackend starts the server, later at the address that it had.
func (g *stage) startBackend() {
	g.t.Helper()
	if url := g.backend.begin(); g.url == "" { // it stays the same, and a film may be reading it
		g.url = url
	}
	await(g.t, "the backend answers", func() bool {
		answer, err := http.Get(g.url + "/")
		if err == nil {
			answer.Body.Close()
		}
		return err == nil
	})
}

// count asks a server for the number of documents that a search finds. ok: it answered.
func count(client *http.Client, url string) (n int64, ok bool) {
	answer, err := client.Get(url + "/" + index + "/_count?ignore_unavailable=true")
	if err != nil {
		return 0, false
	}
	if answer.StatusCode == http.StatusNotFound { // nothing was ever stored
		answer.Body.Close()
		return 0, true
	}
	var counted struct{ Count int64 }
	err = decode(answer, &counted)
	return counted.Count, err == nil
}

// chosen is the server that LOGBOOM_SERVER names.
func chosen() string { return os.Getenv(elasticsearch.ServerVariable) }

// brief is a client for what must not be waited for.
func brief(of *http.Transport) *http.Client {
	return &http.Client{Timeout: 400 * time.Millisecond, Transport: of}
}
