package sink

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Elasticsearch cuts the connection where a body can't be decompressed, other servers may answer 400. Should an encoder of our own be
// why, then the general one gets the Events there.
func TestTheGeneralCompressorStandsInForOurOwn(t *testing.T) {
	for name, refuse := range map[string]func(http.ResponseWriter){
		"cut": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"400": func(w http.ResponseWriter) { http.Error(w, `{"error":{"type":"illegal_argument_exception"}}`, 400) },
	} {
		t.Run(name, func(t *testing.T) {
			b := &backend{t: t, docs: map[string]string{}}
			var own atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				raw, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				if r.Method == http.MethodPost && r.Header.Get("Content-Encoding") == "gzip" && !bytes.Equal(raw, generally(t, raw)) {
					own.Add(1)
					refuse(w)
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(raw))
				b.ServeHTTP(w, r)
			}))
			defer srv.Close()
			s := newSinkOf(t, Config{URLs: []string{srv.URL}, HoldFor: time.Minute})
			for n := range 2 {
				if r := mustSend(t, s, testEvents(testFile(n), 300)); r.Stored != 300 {
					t.Errorf("%+v", r)
				}
			}
			if n := own.Load(); n < 2 || n > 8 {
				t.Errorf("our own encoder was tried %d times", n)
			}
		})
	}
}

// generally compresses the text of a body with the general compressor.
func generally(t *testing.T, body []byte) []byte {
	text, err := gunzipOne(body)
	if err != nil {
		t.Error(err)
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, 1)
	if err != nil {
		t.Error(err)
	}
	if _, err := z.Write(text); err != nil || z.Close() != nil {
		t.Error(err)
	}
	return out.Bytes()
}
