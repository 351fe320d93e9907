package sink

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The reasons are those of OpenSearch 2.19.3, whole, and of Elasticsearch 8.19.4, and older forms.
func TestTheRightThatIsLackingIsNamed(t *testing.T) {
	const security = "security_exception"
	for reason, c := range map[string]struct{ typ, want string }{
		"no permissions for [indices:admin/create] and User [name=u, backend_roles=[], requestedTenant=null]":           {security, "indices:admin/create"},
		"no permissions for [indices:data/write/bulk[s], indices:data/write/index] and User [name=u, backend_roles=[]]": {security, "indices:data/write/bulk[s], indices:data/write/index"},
		"action [indices:data/write/bulk] is unauthorized for user [u] with effective roles [u], this action is granted by the index privileges [create_doc,write,all]": {security,
			"indices:data/write/bulk (granted by create_doc,write,all)"},
		"action [indices:monitor/x] is unauthorized for user [, this action is granted by the index privileges [read]] on indices [hunter2], this action is granted by the index privileges [monitor,all]": {security,
			"indices:monitor/x (granted by monitor,all)"},
		"action [cluster:monitor/main] is unauthorized for user [u] with roles [r], this action is granted by the privileges [monitor]": {security, "cluster:monitor/main"},
		"action [indices:data/write/bulk[s]] is unauthorized for user [u] on indices [a], this action is granted by [create_doc,index]": {security, "indices:data/write/bulk[s]"},
		"no permissions for [indices:admin/create] and User [name=v]":                                                                   {"illegal_argument_exception", ""},
		"no permissions for [my password is hunter2] and User [name=u]":                                                                 {security, ""},
		"no permissions for [Indices:x and more] and User [name=u]":                                                                     {security, ""},
		"no permissions for [indices:" + strings.Repeat("x", 300) + "] and User [name=u]":                                               {security, ""},
		"a text before: no permissions for [indices:admin/create] and User [name=u]":                                                    {security, ""},
		"no permissions for [] and User [name=u, backend_roles=[], requestedTenant=null]":                                               {security, ""},
		"Authentication finally failed": {security, ""},
		"":                              {security, ""},
	} {
		if got := lacking(c.typ, []byte(reason)); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.typ, reason, got, c.want)
		}
	}
}

// lacksAll is an OpenSearch whose user may do nothing. What it says of that is its own, but for a reason that quotes a line.
const lacksAll = `{"error":{"type":"security_exception","reason":"no permissions for [%s] and User [name=u, backend_roles=[]]"},"status":403}`

func TestARefusalSaysWhichRightIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		answer string
	}{
		"the whole request": {403, fmt.Sprintf(lacksAll, "indices:data/write/bulk")},
		"each item": {200, `{"errors":true,"items":[{"create":{"status":403,"error":{"type":"security_exception",` +
			`"reason":"no permissions for [indices:data/write/bulk] and User [name=u]"}}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t)
			b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
				if n > 0 {
					return false
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.answer)
				return true
			}
			s := newSinkOf(t, Config{URLs: []string{b.url}, MinBackoff: 50 * time.Millisecond})
			said := make(chan string, 1)
			go func() {
				defer close(said)
				for t.Context().Err() == nil {
					if e := s.Health().LastError; e != "" {
						said <- e
						return
					}
					time.Sleep(time.Millisecond)
				}
			}()
			mustSend(t, s, testEvents(testFile(1), 1))
			if e := <-said; !strings.Contains(e, "(403 security_exception: our user lacks the right indices:data/write/bulk)") {
				t.Errorf("it said %q", e)
			}
		})
	}
}

func TestSetupSaysWhichRightIsMissing(t *testing.T) {
	for lacks, at := range map[string]string{"cluster:monitor/main": "/", "indices:admin/index_template/get": "/_index_template/logboom.logs-a"} {
		c := &cluster{root: `{"version":{"number":"2.19.3","distribution":"opensearch"}}`}
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != at {
				c.ServeHTTP(w, r)
				return
			}
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, lacksAll, lacks)
		}))
		t.Cleanup(srv.Close)
		s, err := New(Config{URLs: []string{srv.URL}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Plan(t.Context(), []string{"logs-a"}); err == nil || !strings.HasSuffix(err.Error(), "(403): it needs the right "+lacks) {
			t.Errorf("%s: %v", lacks, err)
		}
	}
}
