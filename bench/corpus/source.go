package corpus

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// piece is where the runtime splits a line, in bytes of content (containerd's max_container_log_line_size).
const piece = 16384

// source makes the Events of one container, in the order of its file. It belongs to one goroutine.
type source struct {
	rand    *rand.Rand
	content Content
	program *program
	number  int

	now     time.Duration // since epoch
	clock   clock
	request [16]byte // hexadecimal digits: the id that lines of one request share
	left    int      // lines until the next request begins
	order   int      // what the request is about
	text    []byte   // of one Event
}

// epoch is when every corpus begins: fixed, so that the same Spec gives the same bytes on any day.
var epoch = time.Date(2026, 11, 2, 7, 59, 30, 0, time.UTC)

func newSource(content Content, seed uint64, number int) *source {
	s := &source{
		rand:    rand.New(rand.NewPCG(seed, uint64(number)*0x9e3779b97f4a7c15+1)),
		content: content, number: number, program: &programs[number%len(programs)],
	}
	s.now = time.Millisecond + time.Duration(s.rand.Int64N(int64(time.Second)))
	return s
}

// path is where the kubelet has the file, below its root.
func (s *source) path() string {
	r := rand.New(rand.NewPCG(uint64(s.number), 7))
	uid := fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
	return fmt.Sprintf("%s_%s-%08x-%05x_%s/%s/0.log", s.program.namespace, s.program.name, r.Uint32(), r.IntN(1<<20), uid, s.program.name)
}

// event appends the lines of one Event to b and counts them.
func (s *source) event(b []byte, n *count) []byte {
	s.advance()
	stream := "stdout"
	switch s.content {
	case Long:
		s.text = s.long(s.text[:0])
	default:
		line := s.template()
		s.text = line.render(s, s.text[:0])
		if line.stderr {
			stream = "stderr"
		}
	}
	n.events++
	rest := s.text
	for ; len(rest) > piece; rest = rest[piece:] {
		b = s.line(b, stream, 'P', rest[:piece])
		n.lines++
		s.now += time.Duration(2000 + s.rand.IntN(9000)) // the runtime stamps each piece
	}
	n.lines++
	return s.line(b, stream, 'F', rest)
}

// template draws what the program says next, the first of its templates most often.
func (s *source) template() *template {
	templates := s.program.lines
	if s.content == JSON {
		templates = s.program.json
	}
	return &templates[min(s.rand.IntN(len(templates)), s.rand.IntN(len(templates)))]
}

func (s *source) line(b []byte, stream string, tag byte, text []byte) []byte {
	b = s.clock.appendCRI(b, s.now)
	b = append(b, ' ')
	b = append(b, stream...)
	b = append(b, ' ', tag, ' ')
	b = append(b, text...)
	return append(b, '\n')
}

// advance moves time on, a few milliseconds with pauses between bursts, and begins a new request now and then.
func (s *source) advance() {
	step := 20_000 + s.rand.Int64N(400_000)
	if s.left--; s.left < 0 {
		s.left = s.rand.IntN(6)
		s.order = 7_310_000 + int(s.now/(40*time.Millisecond)) + s.rand.IntN(50)
		const digits = "0123456789abcdef"
		for i, r := 0, s.rand.Uint64(); i < len(s.request); i, r = i+1, r>>4 {
			s.request[i] = digits[r&15]
		}
		step += s.rand.Int64N(10_000_000)
	}
	s.now += time.Duration(step)
}

// clock formats times. It keeps what doesn't change within a second.
type clock struct {
	second time.Duration
	at     time.Time // epoch + second
	prefix []byte    // "2026-11-02T07:59:30"
}

func (c *clock) set(now time.Duration) (nanos int) {
	if second := now.Truncate(time.Second); c.prefix == nil || second != c.second {
		c.second, c.at = second, epoch.Add(second)
		c.prefix = c.at.AppendFormat(c.prefix[:0], "2006-01-02T15:04:05")
	}
	return int(now - c.second)
}

// appendCRI appends the time as the runtime does: trailing zeros of the nanoseconds are cut.
func (c *clock) appendCRI(b []byte, now time.Duration) []byte {
	nanos := c.set(now)
	b = append(b, c.prefix...)
	b = append(b, '.')
	b = appendDigits(b, nanos, 9)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return append(b, 'Z')
}

// appendDigits appends n with leading zeros.
func appendDigits(b []byte, n, digits int) []byte {
	b = append(b, "0000000000000000"[:digits]...)
	for i := len(b) - 1; n > 0 && digits > 0; i, digits = i-1, digits-1 {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return b
}
