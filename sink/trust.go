package sink

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"
)

// trusting is a transport that follows its CA file: authorities are replaced while we run. The file is looked at now and then,
// and at once when a certificate was not trusted. One that can't be read, or has no certificate in it, changes nothing.
// Client certificates need none of this, for they are loaded at each handshake.
type trusting struct {
	file   string
	logger *slog.Logger

	mu      sync.Mutex      // guards all below
	current *http.Transport // its TLS configuration never changes
	version os.FileInfo     // of what current trusts; nil: not known
	useless os.FileInfo     // the last that changed nothing
	looked  time.Time       // zero: look at once
}

// sameVersion says whether a file is what it was, and was not replaced, be it by way of a link, as in a mounted secret.
func sameVersion(a, b os.FileInfo) bool {
	return a != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// lookEvery is how long a replaced CA file goes unnoticed at most, while all is well.
const lookEvery = 10 * time.Second

// RoundTrip is http.RoundTripper's.
func (r *trusting) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.transport().RoundTrip(req)
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		r.mu.Lock()
		r.looked = time.Time{}
		r.mu.Unlock()
	}
	return resp, err
}

// CloseIdleConnections is http.Client's.
func (r *trusting) CloseIdleConnections() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current.CloseIdleConnections()
}

// transport returns one that trusts what the file holds now.
func (r *trusting) transport() *http.Transport {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.Sub(r.looked) >= lookEvery {
		r.looked = now
		r.look()
	}
	return r.current
}

func (r *trusting) look() {
	info, err := os.Stat(r.file)
	if err != nil || sameVersion(r.version, info) {
		return
	}
	pool, err := authorities(r.file)
	if err != nil {
		if !sameVersion(r.useless, info) { // say it once, but read it again: what forbids that may pass
			r.logger.Warn("the CA file was replaced, and what was trusted before is trusted still", "error", err)
		}
		r.useless = info
		return
	}
	old := r.current
	r.current = old.Clone() // without its connections
	r.current.TLSClientConfig.RootCAs = pool
	r.version = info
	old.CloseIdleConnections()
	r.logger.Info("the CA file was replaced, and is trusted from now on", "file", r.file)
}

// authorities are those of the system and of a PEM file.
func authorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the CA file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s: no certificate in it", file)
	}
	return pool, nil
}
