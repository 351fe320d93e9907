package sink

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// string reads the rest of a string, behind its opening quote, into a.str.
func (a *answer) string() error {
	a.str = a.str[:0]
	for {
		c, err := a.byte()
		if err != nil {
			return err
		}
		switch {
		case c == '"':
			a.trim()
			return nil
		case c < 0x20:
			return a.bad("a control character in a string")
		case c == '\\':
			if err := a.escape(); err != nil {
				return err
			}
		case len(a.str) < keepString:
			a.str = append(a.str, c)
		}
	}
}

// trim takes a character away that keepString cut.
func (a *answer) trim() {
	if len(a.str) < keepString {
		return
	}
	a.str = a.str[:keepString]
	for i := 1; i < utf8.UTFMax; i++ {
		if c := a.str[keepString-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(a.str[keepString-i:]) {
				a.str = a.str[:keepString-i]
			}
			return
		}
	}
}

func (a *answer) escape() error {
	c, err := a.byte()
	if err != nil {
		return err
	}
	r := rune(c)
	switch c {
	case '"', '\\', '/':
	case 'b':
		r = '\b'
	case 'f':
		r = '\f'
	case 'n':
		r = '\n'
	case 'r':
		r = '\r'
	case 't':
		r = '\t'
	case 'u':
		if r, err = a.hex4(); err != nil {
			return err
		}
		return a.unicode(r)
	default:
		return a.bad("an unknown escape in a string")
	}
	a.add(r)
	return nil
}

// unicode adds r, or the character that it makes with the escape behind it; half a pair is U+FFFD.
func (a *answer) unicode(r rune) error {
	for utf16.IsSurrogate(r) {
		if !a.has(2) || a.buf[a.at] != '\\' || a.buf[a.at+1] != 'u' {
			r = utf8.RuneError
			break
		}
		a.at += 2
		low, err := a.hex4()
		if err != nil {
			return err
		}
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			r = pair
			break
		}
		a.add(utf8.RuneError)
		r = low
	}
	a.add(r)
	return nil
}

func (a *answer) add(r rune) {
	if len(a.str) < keepString {
		a.str = utf8.AppendRune(a.str, r)
	}
}

func (a *answer) hex4() (r rune, err error) {
	for range 4 {
		c, err := a.byte()
		if err != nil {
			return 0, err
		}
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, a.bad("an unknown escape in a string")
		}
		r = r<<4 | rune(c)
	}
	return r, nil
}

// next returns the first byte that is not white space.
func (a *answer) next() (byte, error) {
	for {
		c, err := a.byte()
		if err != nil || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c, err
		}
	}
}

// space reads past white space.
func (a *answer) space() error {
	_, err := a.next()
	if err == nil {
		a.at--
	}
	return err
}

func (a *answer) byte() (byte, error) {
	if a.at == a.end {
		if err := a.fill(); err != nil {
			return 0, err
		}
	}
	c := a.buf[a.at]
	a.at++
	return c, nil
}

// has says whether n bytes are there, after reading on if need be.
func (a *answer) has(n int) bool {
	for a.end-a.at < n {
		if a.fill() != nil {
			return false
		}
	}
	return true
}

// fill reads more. A byte just read stays in the window, so that a.at-- is always good.
func (a *answer) fill() error {
	if keep := max(a.at-1, 0); keep > 0 {
		copy(a.buf, a.buf[keep:a.end])
		a.at -= keep
		a.end -= keep
	}
	for range 100 {
		n, err := a.src.Read(a.buf[a.end:])
		a.end += n
		switch {
		case n > 0:
			return nil
		case errors.Is(err, io.EOF):
			return a.bad("it ends too early")
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

func (a *answer) bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errAnswer, fmt.Sprintf(format, args...))
}
