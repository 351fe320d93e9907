package sink

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// cluster is a server that has what was put into it. What is in fail answers so, in place of all else.
type cluster struct {
	root  string
	has   map[string]string // by path
	lacks []string          // prefixes of paths that it does not know
	fail  map[string]int    // statuses by method and path
	puts  []string
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" {
		_, _ = io.WriteString(w, c.root)
		return
	}
	if len(r.Header["Content-Type"]) > 1 {
		http.Error(w, `{"error":{"type":"content_type_header_exception"}}`, http.StatusBadRequest)
		return
	}
	if code := c.fail[r.Method+" "+r.URL.Path]; code != 0 {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"error":{"type":"security_exception","reason":"no"}}`)
		return
	}
	for _, prefix := range c.lacks {
		if strings.HasPrefix(r.URL.Path, prefix) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"no handler found for uri"}`)
			return
		}
	}
	if r.Method == http.MethodPut {
		body, _ := io.ReadAll(r.Body)
		c.puts = append(c.puts, r.URL.Path)
		c.has[r.URL.Path] = string(body)
		_, _ = io.WriteString(w, `{"acknowledged":true}`)
		return
	}
	body, ok := c.has[r.URL.Path]
	switch {
	case strings.HasSuffix(r.URL.Path, "*"):
		_, _ = io.WriteString(w, `{"data_streams":[]}`)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":{"type":"resource_not_found_exception","reason":"none"}}`)
	case strings.HasPrefix(r.URL.Path, "/_index_template/"):
		_, _ = io.WriteString(w, `{"index_templates":[{"name":"n","index_template":`+body+`}]}`)
	default:
		_, _ = io.WriteString(w, `{}`)
	}
}

const elasticsearchRoot = `{"version":{"number":"8.19.0"}}`

func newCluster(t *testing.T, c *cluster) *Sink {
	t.Helper()
	if c.has == nil {
		c.has = map[string]string{}
	}
	if c.root == "" {
		c.root = elasticsearchRoot
	}
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	s, err := New(Config{URLs: []string{srv.URL}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// setUp plans, installs what is due, and returns each Piece's state before and after, by name.
func setUp(t *testing.T, s *Sink, force bool, routes ...string) (before, after map[string]PieceState) {
	t.Helper()
	pieces, err := s.Plan(t.Context(), routes)
	if err != nil {
		t.Fatal(err)
	}
	before, after = map[string]PieceState{}, map[string]PieceState{}
	for i := range pieces {
		p := &pieces[i]
		before[p.Name] = p.State
		if p.Due(force) {
			if err := s.Install(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		after[p.Name] = p.State
	}
	return before, after
}

const (
	theTemplate = "index template logboom.logs-a"
	thePolicy   = "life-cycle policy logboom"
	theStream   = "data stream logs-a"
)

func TestSetupInstallsOnce(t *testing.T) {
	c := &cluster{}
	s := newCluster(t, c)
	before, after := setUp(t, s, false, "logs-a", "logs-a", "logs-%{namespace}-%{+yyyy.MM.dd}")
	for name, state := range before {
		if state != PieceMissing || after[name] != PieceCurrent {
			t.Errorf("%s was %q and is %q", name, state, after[name])
		}
	}
	if len(before) != 4 {
		t.Errorf("%d pieces, want a policy, two templates and a data stream: %v", len(before), before)
	}
	puts := len(c.puts)
	setUp(t, s, false, "logs-a", "logs-%{namespace}-%{+yyyy.MM.dd}")
	if len(c.puts) != puts {
		t.Errorf("the second run wrote %q", c.puts[puts:])
	}
	var of struct {
		Priority int
		Stream   *object `json:"data_stream"`
		Template struct {
			Settings struct {
				Index map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(c.has["/_index_template/logboom.logs-any-any"]), &of); err != nil || of.Stream != nil || of.Priority <= 100 {
		t.Errorf("the template of dated indices: %+v, %v", of, err)
	}
	if err := json.Unmarshal([]byte(c.has["/_index_template/logboom.logs-a"]), &of); err != nil || of.Stream == nil ||
		of.Template.Settings.Index["lifecycle.name"] != policyName {
		t.Errorf("the template of a data stream: %+v, %v", of, err)
	}
}

func TestSetupLeavesWhatAPersonChanged(t *testing.T) {
	for name, change := range map[string]func(template string) string{
		"a setting":   func(s string) string { return strings.Replace(s, "best_compression", "default", 1) },
		"no mark":     func(s string) string { return strings.Replace(s, `"managed_by": "logboom"`, `"managed_by": "me"`, 1) },
		"other _meta": func(string) string { return `{"index_patterns":["logs-a"],"_meta":{"managed_by":7}}` },
	} {
		t.Run(name, func(t *testing.T) {
			c := &cluster{}
			s := newCluster(t, c)
			setUp(t, s, false, "logs-a")
			const path = "/_index_template/logboom.logs-a"
			changed := change(c.has[path])
			c.has[path] = changed
			if _, after := setUp(t, s, false, "logs-a"); c.has[path] != changed || after[theTemplate] == PieceCurrent {
				t.Errorf("it was written over, and is said to be %q", after[theTemplate])
			}
			if _, after := setUp(t, s, true, "logs-a"); c.has[path] == changed || after[theTemplate] != PieceCurrent {
				t.Errorf("force did nothing: it is %q", after[theTemplate])
			}
		})
	}
}

// TestSetupReplacesAnOlderTemplate has another configuration's, which nobody changed.
func TestSetupReplacesAnOlderTemplate(t *testing.T) {
	c := &cluster{lacks: []string{"/_ilm"}}
	s := newCluster(t, c)
	setUp(t, s, false, "logs-a")
	c.lacks = nil // now there are life cycles, and the template should name one
	before, after := setUp(t, s, false, "logs-a")
	if before[theTemplate] != PieceOlder || after[theTemplate] != PieceCurrent {
		t.Errorf("it was %q and is %q", before[theTemplate], after[theTemplate])
	}
	if !strings.Contains(c.has["/_index_template/logboom.logs-a"], "lifecycle.name") {
		t.Error("the template names no life cycle")
	}
}

func TestSetupTakesTheServerAsItIs(t *testing.T) {
	for name, x := range map[string]struct {
		cluster
		want map[string]PieceState
		puts []string
	}{
		"without data streams": {cluster{lacks: []string{"/_data_stream"}},
			map[string]PieceState{thePolicy: PieceUnavailable, theTemplate: PieceCurrent}, nil},
		"without life cycles": {cluster{lacks: []string{"/_ilm"}},
			map[string]PieceState{thePolicy: PieceUnavailable, theTemplate: PieceCurrent, theStream: PieceCurrent}, nil},
		"without templates": {cluster{lacks: []string{"/_"}},
			map[string]PieceState{thePolicy: PieceUnavailable, theTemplate: PieceUnavailable}, nil},
		"with a policy of its own": {cluster{has: map[string]string{"/_ilm/policy/logboom": "{}"}},
			map[string]PieceState{thePolicy: PieceCurrent, theTemplate: PieceCurrent, theStream: PieceCurrent}, nil},
		"with an index of that name": {cluster{has: map[string]string{"/logs-a": "{}"}},
			map[string]PieceState{thePolicy: PieceCurrent, theTemplate: PieceCurrent, theStream: PieceForeign}, nil},
		"OpenSearch": {cluster{root: `{"version":{"number":"2.19.3","distribution":"opensearch"}}`},
			map[string]PieceState{thePolicy: PieceCurrent, theTemplate: PieceCurrent, theStream: PieceCurrent},
			[]string{"/_plugins/_ism/policies/logboom"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newCluster(t, &x.cluster)
			_, after := setUp(t, s, false, "logs-a")
			for name, want := range x.want {
				if after[name] != want {
					t.Errorf("%s is %q, want %q", name, after[name], want)
				}
			}
			if len(after) != len(x.want) {
				t.Errorf("%v, want %v", after, x.want)
			}
			for _, path := range x.puts {
				if x.has[path] == "" {
					t.Errorf("nothing was put at %s, but at %q", path, x.cluster.puts)
				}
			}
		})
	}
}

func TestSetupSaysWhatItMayNot(t *testing.T) {
	for request, status := range map[string]int{
		"GET /_data_stream/logboom.none*":     403,
		"GET /_ilm/policy/logboom":            403,
		"GET /_index_template/logboom.logs-a": 401,
		"PUT /_ilm/policy/logboom":            403,
		"PUT /_index_template/logboom.logs-a": 403,
		"PUT /_data_stream/logs-a":            403,
	} {
		t.Run(request, func(t *testing.T) {
			s := newCluster(t, &cluster{fail: map[string]int{request: status}})
			pieces, err := s.Plan(t.Context(), []string{"logs-a"})
			for i := range pieces {
				if err == nil {
					err = s.Install(t.Context(), &pieces[i])
				}
			}
			if err == nil || !strings.Contains(err.Error(), "privileges") && !strings.Contains(err.Error(), "credentials") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAPatternForEverythingGetsNoTemplate(t *testing.T) {
	c := &cluster{}
	setUp(t, newCluster(t, c), true, "%{namespace}-%{+yyyy.MM.dd}")
	if len(c.puts) > 0 {
		t.Errorf("it put %q", c.puts)
	}
}
