package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// maxBody is the largest decompressed body in bytes: http.max_content_length of a server that nobody configured.
const maxBody = 100 << 20

// keepBuffer is the largest buffer in bytes that is kept for the next request.
const keepBuffer = 16 << 20

var (
	buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	gzips   = sync.Pool{New: func() any { return new(gzip.Reader) }}

	errTooLarge = errors.New("body over http.max_content_length")
)

func release(b *bytes.Buffer) {
	if b.Cap() <= keepBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// checkContentType returns the text of the 406 for a body that no parser of the server takes, or "".
func checkContentType(r *http.Request) string {
	header := r.Header.Get("Content-Type")
	media, _, err := mime.ParseMediaType(header)
	if err == nil {
		switch strings.ToLower(media) {
		case "application/json", "application/x-ndjson",
			"application/vnd.elasticsearch+json", "application/vnd.elasticsearch+x-ndjson":
			return ""
		}
	}
	return fmt.Sprintf("Content-Type header [%s] is not supported", header)
}

// meter counts what passes through it.
type meter struct {
	in io.Reader
	n  int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.in.Read(p)
	m.n += int64(n)
	return n, err
}

// withBody gives fn the decompressed body of r. wire is the number of bytes that came over the network.
//
// Of a gzip body only the first member is decoded, silently, as older servers do (netty #7566): a client that sends
// several must notice that its items are not all there.
func withBody(r *http.Request, fn func(body io.Reader) error) (wire int64, err error) {
	m := &meter{in: r.Body}
	if !strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		err = fn(m)
		return m.n, err
	}
	z := gzips.Get().(*gzip.Reader)
	defer gzips.Put(z)
	if err := z.Reset(m); err != nil {
		return m.n, badGzip(err)
	}
	z.Multistream(false)
	if err := fn(z); err != nil {
		return m.n, badGzip(err)
	}
	_, err = io.Copy(io.Discard, m)
	return m.n, err
}

func badGzip(err error) error {
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &failure{status: http.StatusBadRequest, typ: "decompression_exception", reason: err.Error()}
	}
	return err
}

// readBody returns the decompressed body of r. The caller gives it to release when nothing points into it any more.
func readBody(r *http.Request) (b *bytes.Buffer, wire int64, err error) {
	b = buffers.Get().(*bytes.Buffer)
	wire, err = withBody(r, func(body io.Reader) error {
		n, err := b.ReadFrom(io.LimitReader(body, maxBody+1))
		if n > maxBody {
			return errTooLarge
		}
		return err
	})
	if err != nil {
		release(b)
		return nil, wire, err
	}
	return b, wire, nil
}
