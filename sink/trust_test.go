package sink

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestAReplacedCAFileIsTrusted renews the server's certificate under another authority, while Sends go on.
func TestAReplacedCAFileIsTrusted(t *testing.T) {
	first, second := selfSigned(t), selfSigned(t)
	var current atomic.Pointer[tls.Certificate]
	current.Store(first)
	b := &backend{t: t, docs: map[string]string{}}
	srv := httptest.NewUnstartedServer(b)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Config.SetKeepAlivesEnabled(false) // each request is a handshake
	srv.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*current.Load()}}, nil
	}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	write := func(text []byte) {
		if err := os.WriteFile(ca+".new", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(ca+".new", ca); err != nil {
			t.Fatal(err)
		}
	}
	write(pemOf(first))
	s := newSinkOf(t, Config{URLs: []string{srv.URL}, CAFile: ca, MinBackoff: 10 * time.Millisecond, MaxBackoff: 20 * time.Millisecond})
	mustSend(t, s, testEvents(testFile(1), 5))

	current.Store(second)
	sent := make(chan Result)
	go func() { sent <- mustSend(t, s, testEvents(testFile(2), 5)) }()
	for !strings.Contains(s.Health().LastError, "certificate is not trusted") {
		time.Sleep(time.Millisecond)
	}
	write([]byte("no certificate"))
	select {
	case r := <-sent:
		t.Fatalf("it trusts what is in no file: %+v", r)
	case <-time.After(100 * time.Millisecond):
	}
	write(pemOf(second))
	if r := <-sent; r.Stored != 5 {
		t.Errorf("with the new file: %+v", r)
	}
}

func pemOf(c *tls.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})
}

func selfSigned(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
