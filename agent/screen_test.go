package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"logboom/agent/status"
)

// A terminal of so many columns and rows, as it stands after what was written. It knows what screen writes.
type terminalTest struct {
	columns, rows, x, y int
	cells               [][]rune
	scrolled            int
}

func (v *terminalTest) write(t *testing.T, text string) {
	t.Helper()
	for len(text) > 0 {
		done := false
		for sequence, do := range map[string]func(){
			toTop: func() { v.x, v.y = 0, 0 }, clearAll: func() { v.clear(0, 0) }, clearLine: func() { v.cells[v.y] = v.cells[v.y][:min(v.x, len(v.cells[v.y]))] },
			clearRest: func() { v.clear(v.y, v.x) }, "\r\n": func() {
				v.x = 0
				if v.y++; v.y == v.rows {
					v.cells, v.y, v.scrolled = append(v.cells[1:], nil), v.rows-1, v.scrolled+1
				}
			}} {
			if rest, found := strings.CutPrefix(text, sequence); found {
				text, done = rest, true
				do()
				break
			}
		}
		if done {
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		if r < ' ' {
			t.Fatalf("%q is written to the terminal", r)
		}
		if v.x >= v.columns {
			t.Fatalf("a line is longer than %d columns", v.columns)
		}
		for len(v.cells[v.y]) <= v.x {
			v.cells[v.y] = append(v.cells[v.y], ' ')
		}
		v.cells[v.y][v.x] = r
		v.x++
	}
}

func (v *terminalTest) clear(y, x int) {
	v.cells[y] = v.cells[y][:min(x, len(v.cells[y]))]
	for i := y + 1; i < v.rows; i++ {
		v.cells[i] = nil
	}
}

func (v *terminalTest) String() string {
	var lines []string
	for _, line := range v.cells {
		lines = append(lines, string(line))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func TestPicturesAreDrawnOverEachOtherAndStayInTheirPlace(t *testing.T) {
	v := &terminalTest{columns: 30, rows: 6, cells: make([][]rune, 6)}
	for i, c := range []struct{ picture, want string }{
		{"All is well.\nbuffer 1\n", "All is well.\nbuffer 1"},
		{"LOSS\nbuffer 2\n\na\nb\nc\nd\ne\n", "LOSS\nbuffer 2\n\na\nb"},
		{"ok\n", "ok"},
		{strings.Repeat("ä", 30) + "\n" + strings.Repeat("ö", 31) + "\n", strings.Repeat("ä", 30) + "\n" + strings.Repeat("ö", 29) + "…"},
	} {
		var b bytes.Buffer
		overdraw(&b, []byte(c.picture), v.columns, v.rows, i == 0)
		v.write(t, b.String())
		if v.String() != c.want || v.scrolled > 0 {
			t.Errorf("%d: the terminal shows\n%s\nwant\n%s", i, v, c.want)
		}
		if i > 0 && strings.Contains(b.String(), clearAll) {
			t.Error("it flickers")
		}
	}
}

func TestATerminalIsKnownByItsSize(t *testing.T) {
	if _, _, ok := terminal(&bytes.Buffer{}); ok {
		t.Error("a buffer is a terminal")
	}
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.IoctlSetWinsize(int(f.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 132, Row: 43}); err != nil {
		t.Fatal(err)
	}
	if columns, rows, ok := terminal(f); columns != 132 || rows != 43 || !ok {
		t.Errorf("%d columns, %d rows, %v", columns, rows, ok)
	}
}

func TestAnAgentThatIsAwayIsToldAndItsLastWordsStay(t *testing.T) {
	s := &status.Status{Node: "node-1", Now: time.Date(2026, 11, 22, 16, 0, 1, 0, time.UTC)}
	first, rest, _ := strings.Cut(string(pictureOf(nil, s, errors.New("no agent answers"))), "\n")
	if first != "AWAY: no agent answers. What stands below is from 16:00:01." || !strings.Contains(rest, "node-1") {
		t.Errorf("%s\n%s", first, rest)
	}
}
