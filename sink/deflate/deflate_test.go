package deflate

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// compress makes a stream of text in pieces that end at the cuts, as a caller does who keeps no more than Window bytes of what was before.
func compress(e *Encoder, text []byte, cuts []int, hints []Hint) []byte {
	dst := e.Begin(nil)
	from := 0
	for _, to := range append(cuts[:len(cuts):len(cuts)], len(text)) {
		start, n := max(0, from-Window), 0
		for n < len(hints) && hints[n].At < to {
			n++
		}
		window := bytes.Clone(text[start:to]) // of its own, so that reading over its end shows
		dst = e.Append(dst, window, from-start, start, hints[:n])
		hints, from = hints[n:], to
	}
	return e.Finish(dst)
}

func mustGiveBack(t *testing.T, text, stream []byte) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("behind %d of %d bytes: %v", len(got), len(text), err)
	}
	if !bytes.Equal(got, text) {
		t.Fatal("another text comes back")
	}
}

func noise(r *rand.Rand, n, symbols int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.IntN(symbols))
	}
	return p
}

// TestTextComesBack: whatever it is, and whatever its pieces are. One Encoder makes all, one after the other.
func TestTextComesBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	random := noise(r, 300<<10, 256)
	texts := map[string][]byte{
		"empty":             nil,
		"one byte":          {0},
		"all bytes":         all,
		"one byte for ever": bytes.Repeat([]byte{'x'}, 1<<20),
		"random":            random,
		"two symbols":       noise(r, 200<<10, 2),
		"text, then noise":  append(bytes.Repeat([]byte("a line of text\n"), 20000), random...),
		"noise, then text":  append(bytes.Clone(random), bytes.Repeat([]byte("a line of text\n"), 20000)...),
		"far apart":         append(append(bytes.Clone(random[:100]), make([]byte, Window)...), random[:100]...),
	}
	for n := Window - 10; n <= Window+10; n++ { // the same at a distance around the longest
		texts[fmt.Sprint("at ", n)] = append(bytes.Clone(random[:n]), random[:500]...)
	}
	for n := range 40 {
		texts[fmt.Sprint(n, " bytes")] = bytes.Repeat([]byte("ab"), 20)[:n]
	}
	for n := 255; n < 300; n++ { // around the longest match, and twice of it
		texts[fmt.Sprint("match of ", n)] = append(bytes.Clone(random[:600]), random[:n]...)
		texts[fmt.Sprint("match of ", 258+n)] = append(bytes.Clone(random[:600]), random[:258+n]...)
	}
	var e Encoder
	for name, text := range texts {
		for _, piece := range []int{1 << 30, 64 << 10, 65, 1} {
			if piece < 65 && len(text) > 1000 {
				continue
			}
			var cuts []int
			for at := piece; at < len(text); at += piece {
				cuts = append(cuts, at)
			}
			t.Run(name, func(t *testing.T) { mustGiveBack(t, text, compress(&e, text, cuts, nil)) })
		}
	}
}

// documents makes a text like that of a bulk request, with hints for what is the same in each: they point two documents back, where a search
// finds the one before.
func documents(r *rand.Rand, n int) (text []byte, hints []Hint) {
	const a, b = `{"create":{"_id":"0123456789abcdef`, `","kubernetes":{"namespace":"shop","pod":{"name":"cart-7d9c5bd6b8-x2x4q"}}}` + "\n"
	var last [2]int
	for i := range n {
		at := len(text)
		text = fmt.Appendf(text, "%s%08x %d ms%s", a, r.Uint32(), r.IntN(1000), b)
		if i > 2 {
			hints = append(hints, Hint{at, last[0], len(a)}, Hint{len(text) - len(b), last[1] - len(b), len(b)})
		}
		last = [2]int{last[1], at}
	}
	return text, hints
}

// TestHintsMakeItSmall: of digits, in which no word begins, little is found without them.
func TestHintsMakeItSmall(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	digits := func(n int) []byte {
		p := noise(r, n, 10)
		for i := range p {
			p[i] += '0'
		}
		return p
	}
	template := digits(40)
	var text []byte
	var hints []Hint
	for last := -1; len(text) < 200<<10; {
		text = append(text, digits(1+r.IntN(12))...)
		if last >= 0 {
			hints = append(hints, Hint{len(text), last, len(template)})
		}
		last = len(text)
		text = append(text, template...)
	}
	var e Encoder
	cuts := []int{64 << 10, 128 << 10, 192 << 10}
	with, without := compress(&e, text, cuts, hints), compress(&e, text, cuts, nil)
	mustGiveBack(t, text, with)
	mustGiveBack(t, text, without)
	if len(with) > len(text)/7 || len(without) < 2*len(with) {
		t.Errorf("%d bytes became %d, without hints %d", len(text), len(with), len(without))
	}
}

// TestShortBodiesHaveCodes: those that the bodies before them asked for, where each is too short to be a sample.
func TestShortBodiesHaveCodes(t *testing.T) {
	text, hints := documents(rand.New(rand.NewPCG(5, 1)), 400)
	short := text[:2000]
	var e Encoder
	var first, last []byte
	for range 1 + sample/len(short) {
		last = compress(&e, short, nil, nil)
		mustGiveBack(t, short, last)
		if first == nil {
			first = last
		}
	}
	if last = compress(&e, short, nil, nil); len(last) > len(first)*3/4 {
		t.Errorf("%d bytes, and with codes that fit %d", len(first), len(last))
	}
	mustGiveBack(t, text, compress(&e, text, []int{2000}, hints))
}

// TestWrongHintsDoNoHarm: they may say what is not so, point before the window or the stream, and past other matches.
func TestWrongHintsDoNoHarm(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	var e Encoder
	for range 300 {
		text, _ := documents(r, 20+r.IntN(600))
		var hints []Hint
		for at := 1 + r.IntN(200); at < len(text); {
			h := Hint{At: at, From: at - 1 - r.IntN(2*Window), Len: min(r.IntN(300), len(text)-at)}
			if r.IntN(2) == 0 { // a document's length or two away: partly right
				h.From = max(0, at-130+r.IntN(8))
			}
			hints = append(hints, h)
			at += h.Len + r.IntN(300)
		}
		mustGiveBack(t, text, compress(&e, text, nil, hints))
	}
}

// TestWordsAreFound: wherever they stand in a line, though nothing is where it was 4 or 8 bytes ago; and so is what has no words.
func TestWordsAreFound(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	var lines, wordless, values []byte
	for range 2000 {
		values = append(values[:0], noise(r, 24, 10)...)
		for i := range values {
			values[i] += '0'
		}
		lines = fmt.Appendf(lines, "%s of customer %s accepted by \"order service\" after %s of at most 250 milliseconds\n",
			values[:r.IntN(8)], values[8:8+r.IntN(8)], values[16:16+r.IntN(8)])
	}
	for range 400 {
		wordless = append(wordless, "0123456789abcdef0123456789ABCDEFfedcba9876543210FEDCBA9876543210:0:1:2:3:4:5:6:7:8:9:a:b:c:d:e:f="...)
	}
	var e Encoder
	for _, c := range []struct {
		what  string
		text  []byte
		least int // how many times smaller
	}{{"lines", lines, 8}, {"no words", wordless, 15}} {
		compress(&e, c.text, nil, nil) // makes codes for it
		stream := compress(&e, c.text, nil, nil)
		mustGiveBack(t, c.text, stream)
		if len(c.text) < c.least*len(stream) {
			t.Errorf("%s: %d bytes became %d", c.what, len(c.text), len(stream))
		}
	}
}

// TestCodesFitWhatComes: codes that a sample made are left when they are no good.
func TestCodesFitWhatComes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	text := append(bytes.Repeat([]byte("x"), 64<<10), noise(r, 7*64<<10, 256)...)
	var cuts []int
	for at := 64 << 10; at < len(text); at += 64 << 10 {
		cuts = append(cuts, at)
	}
	var e Encoder
	stream := compress(&e, text, cuts, nil)
	mustGiveBack(t, text, stream)
	if len(stream) > len(text)*11/10 {
		t.Errorf("%d bytes became %d", len(text), len(stream))
	}
}

// FuzzDeflate gives any text, in pieces of any length, with any hints.
func FuzzDeflate(f *testing.F) {
	f.Add([]byte("a line of text\na line of text\n"), uint16(20), uint16(15), uint16(15), uint16(3))
	f.Add([]byte(strings.Repeat("abcdefgh", 100)), uint16(64), uint16(8), uint16(30), uint16(300))
	f.Add([]byte{0, 255, 0, 255}, uint16(1), uint16(2), uint16(2), uint16(1))
	var e Encoder
	f.Fuzz(func(t *testing.T, text []byte, piece, back, length, repeat uint16) {
		text = bytes.Repeat(text, 1+int(repeat)%200)
		if len(text) > 100<<10 {
			return
		}
		var cuts []int
		for at := int(piece); piece > 0 && at < len(text) && len(cuts) < 100; at += int(piece) {
			cuts = append(cuts, at)
		}
		var hints []Hint
		cuts = append(cuts, len(text)) // and an empty piece
		for _, to := range cuts {
			at := 0
			if n := len(hints); n > 0 {
				at = hints[n-1].At + hints[n-1].Len
			}
			if n := to - at - 1; n > 0 {
				hints = append(hints, Hint{at + 1, at + 1 - int(back), min(n, int(length))})
			}
		}
		mustGiveBack(t, text, compress(&e, text, cuts, hints))
	})
}
