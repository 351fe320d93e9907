package sink

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

func TestPrivilegesThatAreMissingAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		code  int
		reply string
		want  []string
	}{
		"all there":   {200, `{"username":"u","has_all_requested":true,"index":{"logs-x":{"create_doc":true,"auto_configure":true}}}`, nil},
		"one missing": {200, `{"username":"u","has_all_requested":false,"index":{"logs-x":{"create_doc":true,"auto_configure":false}}}`, []string{"auto_configure"}},
		"all missing": {200, `{"has_all_requested":false,"index":{"logs-x":{"create_doc":false,"auto_configure":false}}}`, []string{"create_doc", "auto_configure"}},
		"no security": {400, `{"error":"no handler found for uri [/_security/user/_has_privileges] and method [POST]"}`, nil},
		"not told":    {200, `{"index":{"other":{"create_doc":false}}}`, nil},
		"no JSON":     {200, `<html>`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var asked struct {
					Index []struct{ Names, Privileges []string }
				}
				if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.URL.Path != "/_security/user/_has_privileges" || len(asked.Index) != 1 || asked.Index[0].Names[0] != "logs-x" {
					t.Errorf("%v: %s %+v", err, r.URL.Path, asked)
				}
				w.WriteHeader(c.code)
				io.WriteString(w, c.reply)
			}))
			defer server.Close()
			s, err := New(Config{URLs: []string{server.URL}, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			if got := s.MissingPrivileges(t.Context(), "logs-x"); !slices.Equal(got, c.want) {
				t.Errorf("missing: %v, want %v", got, c.want)
			}
		})
	}
}
