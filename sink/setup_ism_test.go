package sink

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

// policies is Index State Management as OpenSearch has it: the index of its policies is made with the first of them, and a
// policy that is there is written over only by those who say which version they mean.
type policies struct {
	cluster
	version int
}

func (p *policies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/_plugins/_ism/policies/logboom" {
		p.cluster.ServeHTTP(w, r)
		return
	}
	switch {
	case r.Method == http.MethodPut && p.version > 0 && r.URL.RawQuery != "if_seq_no=7&if_primary_term=1":
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"error":{"type":"version_conflict_engine_exception","reason":"document already exists"}}`)
	case r.Method == http.MethodPut:
		p.version++
		_, _ = io.WriteString(w, `{"_id":"logboom"}`)
	case p.version == 0:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":{"type":"index_not_found_exception","reason":"no such index [.opendistro-ism-config]"}}`)
	default:
		_, _ = io.WriteString(w, `{"_id":"logboom","_version":1,"_seq_no":7,"_primary_term":1,"policy":{}}`)
	}
}

func TestSetupWritesThePolicyOfANewOpenSearch(t *testing.T) {
	p := &policies{cluster: cluster{root: `{"version":{"number":"2.19.3","distribution":"opensearch"}}`, has: map[string]string{}}}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	s, err := New(Config{URLs: []string{srv.URL}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	written := 1
	for _, force := range []bool{false, false, true} {
		if force {
			written++
		}
		if _, after := setUp(t, s, force, "logs-a"); after[thePolicy] != PieceCurrent || p.version != written {
			t.Errorf("with force %v: the policy is %q, and was written %d times, want %d", force, after[thePolicy], p.version, written)
		}
	}
}
