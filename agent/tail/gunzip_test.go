package tail

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"logboom/checkpoint"
	"logboom/wal"
)

// gunzipped reads all of zip.
func gunzipped(zip []byte) (text []byte, g *gunzip, err error) {
	g, err = newGunzip(bytes.NewReader(zip))
	if err != nil {
		return nil, g, err
	}
	text, err = io.ReadAll(g)
	return text, g, err
}

// members makes a .gz of random members with random headers.
func members(t *testing.T, r *rand.Rand) (zip, text []byte) {
	var buf bytes.Buffer
	for range 1 + r.IntN(3) {
		z, err := stdgzip.NewWriterLevel(&buf, r.IntN(11)-1)
		must(t, err)
		if r.IntN(2) == 0 {
			z.Name, z.Comment, z.Extra = strings.Repeat("n", r.IntN(2000)), strings.Repeat("c", r.IntN(9)), make([]byte, r.IntN(3000))
		}
		piece := make([]byte, r.IntN(3000))
		for i := range piece {
			piece[i] = "abcdefgh\n"[r.IntN(9)]
		}
		_, err = z.Write(piece)
		must(t, err)
		must(t, z.Close())
		text = append(text, piece...)
	}
	return buf.Bytes(), text
}

func TestGunzipReadsWhatGzipWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		zip, text := members(t, r)
		if got, g, err := gunzipped(zip); err != nil || g.doubt != nil || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes of %d, doubt %v, error %v", len(got), len(text), g.doubt, err)
		}
	}
}

// Whatever is wrong with a .gz, nothing is kept back that another reader would give out, and what that has no fault to find with is
// in no doubt, but for a second header that is cut off in its name: others take that for the end. The other way round, only a trailer may be damaged without a word: where its checksum is there, and right.
func TestGunzipFindsTheDamageThatOthersFind(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 1000 {
		zip, text := members(t, r)
		kind := r.IntN(3)
		switch kind {
		case 0:
			zip = zip[:r.IntN(len(zip))]
		case 1:
			zip[r.IntN(len(zip))] ^= 1 << r.IntN(8)
		case 2:
			zip = append(zip, make([]byte, r.IntN(20))...)
		}
		var want []byte
		other, otherErr := gzip.NewReader(bytes.NewReader(zip))
		if otherErr == nil {
			want, otherErr = io.ReadAll(other)
		}
		got, g, err := gunzipped(zip)
		switch {
		case !bytes.HasPrefix(got, want):
			t.Errorf("%d: %d bytes, others read %d: %v, %v", i, len(got), len(want), err, otherErr)
		case otherErr == nil && kind > 0 && (err != nil || g.doubt != nil || len(got) != len(want)):
			t.Errorf("%d: others find nothing: %v, doubt %v", i, err, g.doubt)
		case err == nil && g.doubt == nil && !bytes.Equal(got, text) && !bytes.HasPrefix(text, got):
			t.Errorf("%d: it was damaged, and nothing is said of it", i)
		}
	}
}

// What is wrong with the end of a .gz, and what that costs.
func TestADamagedEndOfAGzCostsWhatItTakesAway(t *testing.T) {
	n := newNode(t)
	text, _ := n.noise(300)
	half := bytes.LastIndexByte(text[:len(text)/2], '\n') + 1
	zip, first, second := zipOf(t, text), zipOf(t, text[:half]), zipOf(t, text[half:])
	flip := func(zip []byte, at int) []byte { // from the end
		zip = slices.Clone(zip)
		zip[len(zip)-at] ^= 0x55
		return zip
	}
	stored := func() []byte { // a byte of the content is another one
		var buf bytes.Buffer
		z, err := stdgzip.NewWriterLevel(&buf, stdgzip.NoCompression)
		must(t, err)
		_, err = z.Write(text)
		must(t, errors.Join(err, z.Close()))
		return flip(buf.Bytes(), 50)
	}
	const sum, length = 8, 4
	for name, c := range map[string]struct {
		zip   []byte
		lines int
		doubt error
		lost  bool // some bytes that nobody can count
	}{
		"nothing":                                  {zip: zip, lines: 300},
		"no trailer":                               {zip: zip[:len(zip)-8], lines: 300, doubt: errTrailerCut},
		"half a checksum":                          {zip: zip[:len(zip)-6], lines: 300, doubt: errTrailerCut},
		"no length":                                {zip: zip[:len(zip)-4], lines: 300},
		"half a length":                            {zip: zip[:len(zip)-2], lines: 300},
		"wrong checksum, half a length":            {zip: flip(zip, sum)[:len(zip)-2], lines: 300, doubt: errChecksum},
		"wrong checksum":                           {zip: flip(zip, sum), lines: 300, doubt: errChecksum},
		"wrong length":                             {zip: flip(zip, length), lines: 300},
		"wrong checksum and length":                {zip: flip(flip(zip, sum), length), lines: 300, doubt: errChecksum},
		"wrong checksum and length, more behind":   {zip: append(flip(flip(zip, sum), length), "more"...), lines: 300, lost: true},
		"wrong content":                            {zip: stored(), lines: 300, doubt: errChecksum},
		"deflate is cut off":                       {zip: zip[:len(zip)-9], lines: 300, lost: true},
		"two members":                              {zip: slices.Concat(first, second), lines: 300},
		"wrong checksum of the first":              {zip: slices.Concat(flip(first, sum), second), lines: 300, doubt: errChecksum},
		"wrong length of the first":                {zip: slices.Concat(flip(first, length), second), lines: 300},
		"wrong checksum and length of the first":   {zip: slices.Concat(flip(flip(first, sum), length), second), lines: 150, lost: true},
		"a second one begins":                      {zip: slices.Concat(first, second[:2]), lines: 150, lost: true},
		"a second one is cut off in its header":    {zip: slices.Concat(first, second[:9]), lines: 150, lost: true},
		"a second one is cut off behind it":        {zip: slices.Concat(first, second[:10]), lines: 150, lost: true},
		"NULs behind it, as a power cut may leave": {zip: append(slices.Clone(zip), make([]byte, 100)...), lines: 300, doubt: errBehind},
		"one byte behind it":                       {zip: append(slices.Clone(zip), 0x1f), lines: 300, doubt: errBehind},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.put("0.log.20261122-160141.gz", c.zip)
			for again := range 2 { // a restart finds the same, and lists nothing new
				n.start()
				for range 8 {
					n.poll(20 * time.Second)
				}
				if !n.tail.AtEnd() {
					t.Error("never at its end")
				}
				if again == 0 && (len(n.got) < c.lines-15 || len(n.got) > c.lines || !c.lost && len(n.got) != c.lines) {
					t.Errorf("%d lines were read, want %d", len(n.got), c.lines)
				}
				want := ""
				if c.doubt != nil {
					want = c.doubt.Error()
				}
				files, contents := n.tail.Report().Files, n.tail.Report().Contents
				if len(files) != 1 || files[0].Doubt != want || files[0].Error != "" || files[0].Lag != 0 {
					t.Errorf("status: %+v, want the doubt %q", files, want)
				}
				if !c.lost && (contents[0].Durable != wal.Offset(len(text)) || contents[0].Size != contents[0].Durable || contents[0].Lost) {
					t.Errorf("%d bytes were written; account: %+v", len(text), contents)
				}
				for _, l := range n.losses {
					if l.Cause != checkpoint.CauseDamaged || !l.AtLeast || l.Start != contents[0].Durable {
						t.Errorf("ledger: %+v", l)
					}
				}
				if (len(n.losses) > 0) != c.lost {
					t.Errorf("ledger: %+v", n.losses)
				}
				n.stop()
			}
		})
	}
}

// What was seen of the plain file is known, and what its .gz lacks of that is listed to the byte, whatever else is wrong with it.
func TestWhatAGzInDoubtLacksIsListedToTheByte(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	blocked := true
	n.start()
	n.tail.o.Waits = func(*wal.File) bool { return blocked }
	text, messages := n.noise(100)
	n.put("0.log", text)
	n.poll(time.Second)
	for _, f := range n.tail.byID {
		n.tail.close(f) // as makeRoom does
	}
	half := bytes.LastIndexByte(text[:len(text)/2], '\n') + 1
	zip := zipOf(t, text[:half])
	n.remove("0.log")
	n.put("0.log.20261122-160141.gz", zip[:len(zip)-6])
	blocked = false
	for range 8 {
		n.poll(20 * time.Second)
	}
	if len(n.got) < 10 || len(n.got) >= len(messages) || len(n.losses) != 1 || n.losses[0].Start != wal.Offset(half) || n.losses[0].End != wal.Offset(len(text)) ||
		n.losses[0].Cause != checkpoint.CauseDamaged || n.losses[0].AtLeast || n.losses[0].Detail != errTrailerCut.Error() {
		t.Errorf("%d lines; ledger: %+v", len(n.got), n.losses)
	}
}
