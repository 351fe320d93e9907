package elasticsearch

import (
	"strings"
	"testing"

	"logboom/sink"
	"logboom/wal"
)

// TestSecuredByTheRightAuthorityOnly has the server's own certificate, which an authority of the test made for 127.0.0.1.
func TestSecuredByTheRightAuthorityOnly(t *testing.T) {
	onEachSecured(t, rightAuthority)
}

func rightAuthority(t *testing.T, s *secured) {
	stranger := newAuthority(t, t.TempDir(), "ca")
	stranger.issue(t, "forwarder")
	for name, c := range map[string]struct {
		conf sink.Config
		says string
	}{
		"no authority":      {sink.Config{}, "its certificate is not trusted"},
		"another authority": {sink.Config{CAFile: stranger.file("ca.pem")}, "its certificate is not trusted"},
		"another host":      {sink.Config{CAFile: s.ca.file("ca.pem"), URLs: []string{strings.Replace(s.https, "127.0.0.1", "localhost", 1)}}, "its certificate is for another host"},
		"no TLS":            {sink.Config{URLs: []string{strings.Replace(s.https, "https:", "http:", 1)}}, "the connection was cut"},
		"a certificate of a stranger": {sink.Config{CAFile: s.ca.file("ca.pem"), CertFile: stranger.file("forwarder.pem"), KeyFile: stranger.file("forwarder-key.pem")},
			"it ended the TLS handshake: it may want a client certificate, or another one"},
		"nobody": {s.config("nobody"), "the backend does not accept our credentials (401)"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.conf.URLs == nil {
				c.conf.URLs = []string{s.https}
			}
			_, err := quickSink(t, c.conf).Check(t.Context())
			if err == nil || !strings.HasSuffix(err.Error(), c.says) {
				t.Errorf("%v, want: %s", err, c.says)
			}
		})
	}
}

// TestSecuredACertificateNamesOurUser has no password. Elasticsearch's basic licence has no such realm.
func TestSecuredACertificateNamesOurUser(t *testing.T) {
	s := startSecured(t, "opensearch")
	s.ca.issue(t, "forwarder")
	s.allow(s, "forwarder", s.documented(t, "logboom"))
	conf := s.config("")
	conf.Password = ""
	conf.CertFile, conf.KeyFile = s.ca.file("forwarder.pem"), s.ca.file("forwarder-key.pem")
	r := <-begin(t, quickSink(t, conf), numberedEvents{file: &wal.File{ID: wal.FileID{1}, Path: "/p", Route: "logs-certificate"}, n: 10})
	if r.Stored != 10 || s.documents("logs-certificate") != 10 {
		t.Errorf("%+v, %d documents", r, s.documents("logs-certificate"))
	}
}
