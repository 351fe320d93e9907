package sink

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A CA file that can't be read for a moment (want of descriptors, a mode that is set afterwards) is read again though it looks
// the same, or delivery would stand still until a restart.
func TestACAFileThatCouldNotBeReadIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	file, at := filepath.Join(dir, "ca.pem"), time.Now().Add(-time.Hour)
	good := pemOf(selfSigned(t))
	write := func(text []byte) { // in place, with the time and the length of before
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(make([]byte, len(good)))
	old := &http.Transport{TLSClientConfig: &tls.Config{}}
	r := &trusting{file: file, logger: slog.New(slog.DiscardHandler), current: old}
	if r.transport() != old {
		t.Fatal("it trusts a file without a certificate")
	}
	write(good)
	r.looked = time.Time{}
	if r.transport() == old {
		t.Error("it does not trust the authority that can be read now")
	}
}
