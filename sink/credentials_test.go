package sink

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestChangedCredentialsAreTaken changes the password on the server first, and where ours comes from a while later.
func TestChangedCredentialsAreTaken(t *testing.T) {
	b := newBackend(t)
	var password, ours atomic.Value
	password.Store("old")
	ours.Store("old")
	refused := 0
	b.script = func(_ int, q *bulkRequest, w http.ResponseWriter) bool {
		if q.header.Get("Authorization") == basic("u", password.Load().(string)) && q.header.Get("X-Key") == ours.Load().(string) {
			return false
		}
		refused++
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	asked := 0
	conf := func() (Config, error) {
		if asked++; asked == 1 {
			return Config{}, errors.New("the file is being written")
		}
		return Config{Username: "u", Password: ours.Load().(string), Headers: map[string]string{"X-Key": ours.Load().(string)}}, nil
	}
	s := newSinkOf(t, Config{URLs: []string{b.url}, Username: "u", Password: "old", Headers: map[string]string{"X-Key": "old"}, Renew: conf})
	mustSend(t, s, testEvents(testFile(1), 5))
	password.Store("new")
	ours.Store("new")
	s.renewal.last = time.Now().Add(-2 * renewEvery)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { // time passes
		for ctx.Err() == nil {
			time.Sleep(20 * time.Millisecond)
			s.renewal.mu.Lock()
			s.renewal.last = time.Now().Add(-2 * renewEvery)
			s.renewal.mu.Unlock()
		}
	}()
	if r := mustSend(t, s, testEvents(testFile(2), 5)); r.Stored != 5 || asked != 2 || refused < 2 {
		t.Errorf("%+v, after %d refusals and %d looks at the source", r, refused, asked)
	}
}

func TestTheSourceOfCredentialsIsAskedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s, err := New(Config{URLs: []string{"http://127.0.0.1:1"}, Renew: func() (Config, error) { asked++; return Config{APIKey: "k"}, nil }})
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			s.renewCredentials()
			time.Sleep(renewEvery / 10)
		}
		if asked != 10 {
			t.Errorf("%d times in %v", asked, 10*renewEvery)
		}
		if got := s.nodes.all[0].client.headers.Load().Get("Authorization"); got != "ApiKey k" {
			t.Errorf("the next request says %q", got)
		}
	})
}
