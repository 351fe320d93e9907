package corpus

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// template is one kind of line: literal text and fields, written ${name} or ${name:argument}.
//
//	${pick:a|b|c}    one of the choices, the first ones more often
//	${int:lo-hi}     evenly drawn
//	${skew:n}        below n, small numbers far more often
//	${of:n}          below n, a few numbers far more often than the others: customers, hosts, keys
//	${ms:n}          milliseconds with three decimals, mostly short, below n
//	${hex:n}         n hexadecimal digits
//	${uuid}          drawn anew each time
//	${request}       16 hexadecimal digits, ${order} a number: both shared by the lines of one request
//	${ip}            one of 64 addresses of the cluster
//	${time:layout}   when the program says it logged, with a layout of package time; .000 and ,000 are milliseconds
//
// A template that begins with "! " goes to stderr.
type template struct {
	fields []field
	stderr bool
}

// field appends its value. It draws from the source.
type field func(s *source, b []byte) []byte

func (t *template) render(s *source, b []byte) []byte {
	for _, f := range t.fields {
		b = f(s, b)
	}
	return b
}

func compile(texts ...string) []template {
	templates := make([]template, len(texts))
	for i, text := range texts {
		t := &templates[i]
		text, t.stderr = strings.CutPrefix(text, "! ")
		for {
			before, rest, found := strings.Cut(text, "${")
			if before != "" {
				t.fields = append(t.fields, func(_ *source, b []byte) []byte { return append(b, before...) })
			}
			if !found {
				break
			}
			spec, after, closed := strings.Cut(rest, "}")
			if !closed {
				panic(fmt.Sprintf("BUG: template %q: a field has no end", texts[i]))
			}
			name, arg, _ := strings.Cut(spec, ":")
			t.fields = append(t.fields, newField(name, arg))
			text = after
		}
	}
	return templates
}

func newField(name, arg string) field {
	switch name {
	case "pick":
		choices := strings.Split(arg, "|")
		return func(s *source, b []byte) []byte {
			return append(b, choices[min(s.rand.IntN(len(choices)), s.rand.IntN(len(choices)))]...)
		}
	case "int":
		lo, hi, _ := strings.Cut(arg, "-")
		low := number(lo)
		span := number(hi) - low + 1
		return func(s *source, b []byte) []byte { return strconv.AppendInt(b, int64(low+s.rand.IntN(span)), 10) }
	case "skew":
		n := number(arg)
		return func(s *source, b []byte) []byte { return strconv.AppendInt(b, int64(s.skewed(n)), 10) }
	case "of":
		n := number(arg)
		width := len(strconv.Itoa(n - 1))
		return func(s *source, b []byte) []byte {
			// Multiplied, so that the frequent ones don't look alike.
			return appendDigits(b, (s.skewed(n)*7919+104729)%n, width)
		}
	case "ms":
		n := number(arg) * 1000
		return func(s *source, b []byte) []byte {
			micros := s.skewed(n)
			b = strconv.AppendInt(b, int64(micros/1000), 10)
			return appendDigits(append(b, '.'), micros%1000, 3)
		}
	case "hex":
		return hexField(number(arg))
	case "uuid":
		parts := []field{hexField(8), hexField(4), hexField(4), hexField(4), hexField(12)}
		return func(s *source, b []byte) []byte {
			for i, part := range parts {
				if i > 0 {
					b = append(b, '-')
				}
				b = part(s, b)
			}
			return b
		}
	case "request":
		return func(s *source, b []byte) []byte { return append(b, s.request[:]...) }
	case "order":
		return func(s *source, b []byte) []byte { return strconv.AppendInt(b, int64(s.order), 10) }
	case "ip":
		return func(s *source, b []byte) []byte {
			n := s.skewed(64)
			b = append(b, "10.42."...)
			b = strconv.AppendInt(b, int64(n%5), 10)
			return strconv.AppendInt(append(b, '.'), int64(11+n*3), 10)
		}
	case "time":
		return timeField(arg)
	}
	panic(fmt.Sprintf("BUG: a template has the unknown field %q", name))
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		panic(fmt.Sprintf("BUG: a template has the argument %q where a number belongs", text))
	}
	return n
}

// skewed draws below n: half of the draws from all of the range, a quarter from its first half, and so on.
func (s *source) skewed(n int) int {
	r := s.rand.Uint64()
	return s.rand.IntN(max(1, n>>bits.TrailingZeros64(r|1<<20)))
}

func hexField(n int) field {
	return func(s *source, b []byte) []byte {
		const digits = "0123456789abcdef"
		var r uint64
		for i := range n {
			if i%16 == 0 {
				r = s.rand.Uint64()
			}
			b = append(b, digits[r&15])
			r >>= 4
		}
		return b
	}
}

// lateness is how long before the runtime's stamp a program takes its own.
const lateness = 70 * time.Microsecond

func timeField(layout string) field {
	fraction := strings.IndexAny(layout, ".,")
	if fraction < 0 {
		return func(s *source, b []byte) []byte {
			s.clock.set(s.now - lateness)
			return s.clock.at.AppendFormat(b, layout)
		}
	}
	digits := 0
	for fraction+1+digits < len(layout) && layout[fraction+1+digits] == '0' {
		digits++
	}
	head, tail, scale := layout[:fraction], layout[fraction+1+digits:], 1
	for range 9 - digits {
		scale *= 10
	}
	return func(s *source, b []byte) []byte {
		nanos := s.clock.set(s.now - lateness)
		b = s.clock.at.AppendFormat(b, head)
		b = appendDigits(append(b, layout[fraction]), nanos/scale, digits)
		return append(b, tail...)
	}
}
