package status

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"logboom/checkpoint"
	"logboom/wal"
)

// ledgerOf gives n Losses, and then err.
func ledgerOf(n int, err error) func(func(checkpoint.Loss) error) error {
	return func(fn func(checkpoint.Loss) error) error {
		for i := range n {
			if err := fn(checkpoint.Loss{File: &wal.File{Path: "/a & b"}, End: wal.Offset(i)}); err != nil {
				return err
			}
		}
		return err
	}
}

func TestHalfALedgerIsNeverTakenForAWholeOne(t *testing.T) {
	broken := errors.New("the checkpoint is damaged")
	for name, c := range map[string]struct {
		n    int
		err  error
		code int
		cut  bool
	}{
		"empty":                {0, nil, 200, false},
		"whole":                {3, nil, 200, false},
		"large":                {5000, nil, 200, false},
		"broken from start":    {0, broken, 500, false},
		"broken after one":     {1, broken, 0, true},
		"broken after a while": {5000, broken, 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(Private(http.NotFoundHandler(), ledgerOf(c.n, c.err)))
			defer server.Close()
			answer, err := http.Get(server.URL + "/api/v1/ledger")
			if err != nil {
				if !c.cut {
					t.Error(err)
				}
				return
			}
			defer answer.Body.Close()
			if c.code != 0 && answer.StatusCode != c.code {
				t.Errorf("status %d", answer.StatusCode)
			}
			n := 0
			for d := json.NewDecoder(answer.Body); c.code == 200; n++ {
				var l checkpoint.Loss
				if err = d.Decode(&l); err != nil {
					break
				}
			}
			if (err != nil && err != io.EOF) != c.cut || !c.cut && n != c.n && c.code == 200 {
				t.Errorf("%d entries, then %v", n, err)
			}
		})
	}
}

func TestTheLedgerAndProfilesAreNotOnTheNetwork(t *testing.T) {
	public := Handler(said(busy(), nil, nil))
	for path, private := range map[string]bool{"/api/v1/ledger": true, "/debug/pprof/": true, "/debug/pprof/heap": true, "/debug/pprof/cmdline": true,
		"/api/v1/status": false, "/metrics": false, "/healthz": false, "/": false} {
		w := httptest.NewRecorder()
		if public.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil)); (w.Code == 200) == private {
			t.Errorf("%s over TCP: %d", path, w.Code)
		}
		w = httptest.NewRecorder()
		if Private(public, ledgerOf(1, nil)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil)); w.Code != 200 {
			t.Errorf("%s through agent.sock: %d", path, w.Code)
		}
	}
}
