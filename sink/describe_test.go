package sink

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAHandshakeThatFailsIsDescribed(t *testing.T) {
	pair := selfSigned(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pemOf(pair), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := func(clients tls.ClientAuthType) string {
		srv := httptest.NewUnstartedServer(http.NotFoundHandler())
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{*pair}, ClientAuth: clients}
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv.URL
	}
	for url, want := range map[string]string{
		strings.Replace(serve(tls.NoClientCert), "127.0.0.1", "localhost", 1): "its certificate is for another host",
		serve(tls.RequireAnyClientCert):                                       "it ended the TLS handshake: it may want a client certificate, or another one",
	} {
		_, err := newSinkOf(t, Config{URLs: []string{url}, CAFile: ca}).Check(t.Context())
		if err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
