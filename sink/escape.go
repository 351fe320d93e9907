package sink

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080

	hexDigits = "0123456789abcdef"
)

// special marks, in the high bit of its byte, the first of the 8 bytes of w that can't stand in a JSON string as it is.
// Bytes that are not ASCII count where look has the high bit. Marks above the first may be wrong: subtractions borrow.
func special(w, look uint64) uint64 {
	control, quote, backslash := w-0x20*ones, (w^'"'*ones)-ones, (w^'\\'*ones)-ones
	return ((control|quote|backslash)&^w | w&look) & highs
}

// maxEscaped is how many bytes one byte can become: \u0000.
const maxEscaped = 6

// appendEscaped appends s as the inside of a JSON string. Each byte that is no part of valid UTF-8 becomes U+FFFD; valid
// is false then. It makes room for the worst case first, and then copies 8 bytes at a time and looks at them in passing.
func appendEscaped(dst, s []byte) (_ []byte, valid bool) {
	dst = slices.Grow(dst, maxEscaped*len(s)+8)
	d, n := dst[:cap(dst)], len(dst)
	look, valid := uint64(highs), true
	for i := 0; i < len(s); {
		w, count := uint64(0), 8
		if i <= len(s)-8 {
			w = binary.LittleEndian.Uint64(s[i : i+8])
		} else {
			w, count = lastWord(s, i), len(s)-i
		}
		binary.LittleEndian.PutUint64(d[n:n+8], w)
		m := special(w, look)
		if m == 0 {
			i += count
			n += count
			continue
		}
		plain := bits.TrailingZeros64(m) >> 3
		i += plain
		n += plain
		read, wrote := 1, 2
		switch c := byte(w >> (8 * plain)); {
		case c == '"' || c == '\\': // nearly always
			d[n], d[n+1] = '\\', c
		case c < 0x20:
			wrote = escape(d[n:], c)
		case valid && utf8.Valid(s[i:]):
			look = 0 // from here on these bytes are as good as any
			continue
		default:
			valid = false
			read, wrote = copyRune(d[n:], s[i:])
		}
		i += read
		n += wrote
	}
	return d[:n], valid
}

// lastWord is the bytes of s from i on, fewer than 8, with spaces behind them.
func lastWord(s []byte, i int) uint64 {
	rest := len(s) - i
	if len(s) >= 8 {
		return binary.LittleEndian.Uint64(s[len(s)-8:])>>(64-8*rest) | ' '*ones<<(8*rest)
	}
	w := uint64(' ' * ones)
	for n := rest - 1; n >= 0; n-- {
		w = w<<8 | uint64(s[i+n])
	}
	return w
}

// escape writes c, which needs it, as an escape, and returns its length.
func escape(d []byte, c byte) int {
	switch c {
	case '\n':
		c = 'n'
	case '\t':
		c = 't'
	case '\r':
		c = 'r'
	case '"', '\\':
	default:
		return copy(d, []byte{'\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15]})
	}
	d[0], d[1] = '\\', c
	return 2
}

// copyRune copies the first character of s, or U+FFFD for its first byte when that begins none.
func copyRune(d, s []byte) (read, wrote int) {
	r, size := utf8.DecodeRune(s)
	if r == utf8.RuneError && size == 1 {
		return 1, copy(d, "\uFFFD")
	}
	return size, copy(d, s[:size])
}

// appendString appends s as a JSON string with its quotes.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst, _ = appendEscaped(dst, []byte(s))
	return append(dst, '"')
}
