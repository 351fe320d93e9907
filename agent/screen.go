package main

import (
	"bytes"
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// screen shows one picture after the other. On a terminal each is drawn over the one before, without clearing it first, so
// that nothing flickers, and cut to what fits, so that it stays where it is. Elsewhere pictures follow one another.
type screen struct {
	w     io.Writer
	drawn bool
}

// show draws a picture of lines.
func (s *screen) show(picture []byte) error {
	var b bytes.Buffer
	if columns, rows, ok := terminal(s.w); ok {
		overdraw(&b, picture, columns, rows, !s.drawn)
	} else {
		if s.drawn {
			b.WriteByte('\n')
		}
		b.Write(picture)
	}
	s.drawn = true
	_, err := s.w.Write(b.Bytes())
	return err
}

// Sequences that every terminal knows.
const (
	toTop     = "\x1b[H"
	clearAll  = "\x1b[2J"
	clearLine = "\x1b[K" // from here to its end
	clearRest = "\x1b[J" // of the screen
)

// overdraw writes what draws picture over what stands there.
func overdraw(b *bytes.Buffer, picture []byte, columns, rows int, first bool) {
	b.WriteString(toTop)
	if first {
		b.WriteString(clearAll)
	}
	n := 0
	for line := range bytes.Lines(picture) {
		if n++; n >= rows { // the last row stays empty: a newline there would scroll
			break
		}
		b.Write(cut(bytes.TrimSuffix(line, []byte("\n")), columns))
		b.WriteString(clearLine + "\r\n")
	}
	b.WriteString(clearRest)
}

// cut is the beginning of a line that has so many columns, with an ellipsis where there is more.
func cut(line []byte, columns int) []byte {
	if utf8.RuneCount(line) <= columns {
		return line
	}
	end := 0
	for range columns - 1 {
		_, size := utf8.DecodeRune(line[end:])
		end += size
	}
	return append(line[:end:end], "…"...)
}

// terminal says how large the terminal is that w writes to, if it does.
func terminal(w io.Writer) (columns, rows int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0, 0, false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, false
	}
	if size.Col < 20 || size.Row < 5 { // it does not say
		return 80, 24, true
	}
	return int(size.Col), int(size.Row), true
}
