package sink

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// ours are the headers that say what a body is. With an Accept-Encoding of somebody's the transport would hand us answers that are
// compressed, and none would be understood.
var ours = map[string]bool{"Accept-Encoding": true, "Content-Encoding": true, "Content-Length": true, "Content-Type": true, "Transfer-Encoding": true}

// newHeaders returns those of every request to a URL with that user in it, if there is one.
func newHeaders(c *Config, user *url.Userinfo) (http.Header, error) {
	auth, err := authorization(c)
	if err != nil {
		return nil, err
	}
	if user != nil && auth == "" {
		password, _ := user.Password()
		auth = basic(user.Username(), password)
	}
	headers := http.Header{"User-Agent": {"logboom"}}
	if auth != "" {
		headers.Set("Authorization", auth)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Headers)) {
		if ours[http.CanonicalHeaderKey(key)] {
			return nil, fmt.Errorf("header %s can't be configured", key)
		}
		headers.Set(key, c.Headers[key])
	}
	return headers, nil
}

// authorization returns the value of the header, "" for none.
func authorization(c *Config) (string, error) {
	var found []string
	if c.APIKey != "" {
		found = append(found, "ApiKey "+c.APIKey)
	}
	if c.Bearer != "" {
		found = append(found, "Bearer "+c.Bearer)
	}
	if c.Username != "" || c.Password != "" {
		found = append(found, basic(c.Username, c.Password))
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	return "", errors.New("more than one of username, API key and bearer token are set")
}

func basic(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// renewal replaces credentials that the backend no longer accepts by those that stand where ours came from by now: a
// password that was changed must not wait for a restart.
type renewal struct {
	mu   sync.Mutex
	last time.Time // guarded by mu
}

// renewEvery bounds how often the source is asked.
const renewEvery = 5 * time.Second

// renewCredentials is called after a 401.
func (s *Sink) renewCredentials() {
	s.renewal.mu.Lock()
	defer s.renewal.mu.Unlock()
	if time.Since(s.renewal.last) >= renewEvery {
		s.renew()
	}
}

// renew holds renewal.mu. Where it fails, what is in use stays.
func (s *Sink) renew() {
	if s.conf.Renew == nil {
		return
	}
	s.renewal.last = time.Now()
	c, err := s.conf.Renew()
	if err != nil {
		s.health.notice("can't read the credentials again; the agent goes on with those that it has", "error", err)
		return
	}
	if err := s.logIn(&c); err != nil {
		s.health.notice("can't use the credentials that are there now", "error", err)
	}
}

// KeepCredentials keeps a 401 from renewing credentials until resume is called: who reads them in between and takes them over
// writes over none that were read later.
func (s *Sink) KeepCredentials() (resume func()) {
	s.renewal.mu.Lock()
	return s.renewal.mu.Unlock
}

// TakeCredentials takes over the credentials and Headers of c, all of them or none. It is called between KeepCredentials and resume.
func (s *Sink) TakeCredentials(c *Config) error { return s.logIn(c) }

// logIn holds renewal.mu.
func (s *Sink) logIn(c *Config) error {
	all := make([]http.Header, len(s.nodes.all))
	for i, n := range s.nodes.all {
		var err error
		if all[i], err = newHeaders(c, n.client.user); err != nil {
			return err
		}
	}
	for i, n := range s.nodes.all {
		n.client.headers.Store(&all[i])
	}
	return nil
}
