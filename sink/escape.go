package sink

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080

	hexDigits = "0123456789abcdef"
)

// special marks, in the high bit of its byte, the first of the 8 bytes of w that can't stand in a JSON string as it is,
// or that needs a look because it is not ASCII. Marks above the first may be wrong: the subtractions borrow.
func special(w uint64) uint64 {
	return (w | (w - 0x20*ones) | ((w ^ '"'*ones) - ones) | ((w ^ '\\'*ones) - ones)) & highs
}

// appendEscaped appends s as the inside of a JSON string. Each byte that is no part of valid UTF-8 becomes U+FFFD; valid
// is false then.
func appendEscaped(dst, s []byte) (_ []byte, valid bool) {
	valid = true
	start, i := 0, 0 // s[start:i] goes out as it is
	for {
		for i+8 <= len(s) {
			if m := special(binary.LittleEndian.Uint64(s[i:])); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		for i < len(s) && plain(s[i]) { // the last 7 bytes
			i++
		}
		if i == len(s) {
			return append(dst, s[start:]...), valid
		}
		c := s[i]
		if c >= utf8.RuneSelf {
			if r, n := utf8.DecodeRune(s[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			valid = false
			dst = append(dst, s[start:i]...)
			dst = append(dst, "\uFFFD"...)
		} else {
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, c)
		}
		i++
		start = i
	}
}

func plain(c byte) bool { return c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' }

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\t':
		return append(dst, '\\', 't')
	case '\r':
		return append(dst, '\\', 'r')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendString appends s as a JSON string with its quotes.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst, _ = appendEscaped(dst, []byte(s))
	return append(dst, '"')
}
