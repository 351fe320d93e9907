package kubelet

import (
	"math/rand/v2"
	"strconv"
)

// text makes the messages of one stream, the same ones for the same seed. What it returns is valid until its next call.
type text struct {
	rand *rand.Rand
	buf  []byte
}

func newText(seed, number uint64) *text {
	return &text{rand: rand.New(rand.NewPCG(seed, number^0x9e3779b97f4a7c15)), buf: make([]byte, 0, 512)}
}

func (t *text) chance(share float64) bool { return share > 0 && t.rand.Float64() < share }

var (
	levels = []string{"debug", "info", "info", "info", "info", "warn", "error"}
	verbs  = []string{"GET", "GET", "GET", "POST", "PUT", "DELETE"}
	places = []string{"/api/orders", "/api/users", "/api/cart/items", "/healthz", "/static/app.js", "/search"}
	words  = []string{
		"request", "served", "from", "cache", "with", "upstream", "after", "retry", "the", "connection", "was", "reset",
		"\"quoted\"", "café", "naïve", "日本語", "tab\there", "back\\slash", "{\"json\":true}", "percent%20", "<tag>",
	}
)

// short appends a line like those of a web service, of 80 to 400 bytes.
func (t *text) short(b []byte) []byte {
	r := t.rand
	b = append(b, "level="...)
	b = append(b, levels[r.IntN(len(levels))]...)
	b = append(b, " method="...)
	b = append(b, verbs[r.IntN(len(verbs))]...)
	b = append(b, " path="...)
	b = append(b, places[r.IntN(len(places))]...)
	b = append(b, '/')
	b = strconv.AppendUint(b, r.Uint64N(1e6), 10)
	b = append(b, " status="...)
	b = strconv.AppendInt(b, 200+int64(r.IntN(4))*100, 10)
	b = append(b, " duration_us="...)
	b = strconv.AppendUint(b, r.Uint64N(1e6), 10)
	b = append(b, " trace="...)
	b = strconv.AppendUint(b, r.Uint64(), 16)
	b = append(b, " msg="...)
	for range 4 + r.IntN(24) {
		b = append(b, words[r.IntN(len(words))]...)
		b = append(b, ' ')
	}
	b = append(b, '.')
	t.buf = b
	return b
}

const endLong = ";endlong"

// long appends a line of one piece exactly, of several, or of just a byte more.
func (t *text) long(b []byte) []byte {
	size := []int{Piece, Piece + 1, 2 * Piece, 2*Piece - 1, Piece + t.rand.IntN(6*Piece), Piece + t.rand.IntN(2*Piece)}[t.rand.IntN(6)]
	for len(b) < size-len(endLong)-600 {
		b = t.short(b)
	}
	for len(b) < size-len(endLong) {
		b = append(b, 'a'+byte(len(b)%26))
	}
	b = append(b, endLong...)
	t.buf = b
	return b
}

// binary appends a line with bytes that are no UTF-8, NUL and escapes, as programs write them.
func (t *text) binary(b []byte) []byte {
	b = append(b, "raw="...)
	for range 8 + t.rand.IntN(64) {
		if c := byte(t.rand.Uint32()); c != '\n' {
			b = append(b, c)
		}
	}
	b = append(b, "\x00\x1b[31m\xff;end"...)
	t.buf = b
	return b
}
