package parse

import "encoding/binary"

// line is one Line, taken apart.
type line struct {
	time    []byte // RFC 3339; nil if the Line has none
	message []byte
	stream  int
	named   bool // the Line names its stream
	partial bool // the Event goes on in the next Line of the stream
}

// cri takes a CRI Line apart. It returns false, and all of the Line as message, for what is none. Tags are separated by
// colons and the first says P or F (kubernetes, pkg/kubelet/kuberuntime/logs).
func cri(b []byte) (line, bool) {
	whole := line{message: b}
	n := timeLen(b)
	// The shortest rest is " stdout F", with or without a space and a message behind it.
	if n == 0 || len(b) < n+9 || b[n] != ' ' || b[n+7] != ' ' {
		return whole, false
	}
	l := line{time: b[:n], named: true}
	switch string(b[n+1 : n+7]) {
	case "stdout":
		l.stream = stdout
	case "stderr":
		l.stream = stderr
	default:
		return whole, false
	}
	switch b[n+8] {
	case 'F':
	case 'P':
		l.partial = true
	default:
		return whole, false
	}
	rest := b[n+9:]
	if len(rest) > 0 && rest[0] == ':' { // further tags
		for len(rest) > 0 && rest[0] != ' ' {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		if rest[0] != ' ' {
			return whole, false
		}
		rest = rest[1:]
	}
	l.message = rest
	return l, true
}

var stdoutTag, stderrTag = binary.LittleEndian.Uint64([]byte(" stdout ")), binary.LittleEndian.Uint64([]byte(" stderr "))

// usual is cri for whole Lines as containerd writes them, and costs less. Of other Lines it knows nothing.
func usual(b []byte) (stream int, ok bool) {
	if len(b) < usualLen || b[usualLen-2] != 'F' || b[usualLen-1] != ' ' || timeLen(b) != usualTime {
		return 0, false
	}
	switch binary.LittleEndian.Uint64(b[usualTime:]) {
	case stdoutTag:
		return stdout, true
	case stderrTag:
		return stderr, true
	}
	return 0, false
}

const (
	usualTime = len("0000-00-00T00:00:00.000000000Z")
	usualLen  = usualTime + len(" stdout F ")
)

// ended says of a Line, for less than cri takes, that it is not partial; false says nothing. A CRI Line with a Z in this place has nine
// digits before it, so its tag has a place of its own too: with a shorter time the Z would stand in the tag, or where the message begins.
func ended(b []byte) bool {
	return len(b) >= usualLen-1 && b[usualLen-2] == 'F' && b[usualTime-1] == 'Z'
}

// timeLen returns the length of the RFC 3339 time that b starts with, which a space must follow; 0 if there is none.
// It is strict about the ranges of the fields, because a backend refuses the document otherwise.
func timeLen(b []byte) int {
	const seconds = len("0000-00-00T00:00:00")
	if len(b) < seconds+2 || dateShape.differs(b) || hourShape.differs(b[8:]) || clockShape.differs(b[11:]) {
		return 0
	}
	month, day := two(b[5:]), two(b[8:])
	if month < 1 || month > 12 || day < 1 || day > daysIn(month, b) || two(b[11:]) > 23 || two(b[14:]) > 59 || two(b[17:]) > 59 {
		return 0
	}
	n := seconds
	if len(b) > n+10 && b[n] == '.' && b[n+10] == 'Z' && !digitShape.differs(b[n+1:]) && b[n+9]-'0' <= 9 {
		return n + 11 // what containerd writes
	}
	if b[n] == '.' {
		digits := n + 1
		for n = digits; n < len(b) && b[n]-'0' <= 9; n++ {
		}
		if n == digits || n > digits+9 {
			return 0
		}
	}
	switch {
	case n < len(b) && b[n] == 'Z':
		return n + 1
	case n+6 <= len(b) && (b[n] == '+' || b[n] == '-') && b[n+3] == ':' && digits2(b[n+1:]) && digits2(b[n+4:]) &&
		two(b[n+1:]) <= 18 && two(b[n+4:]) <= 59:
		return n + 6
	}
	return 0
}

// shape is what 8 bytes have to look like: digits in some places, and certain characters in the others.
type shape struct{ want, room uint64 }

var dateShape, hourShape, clockShape, digitShape = shapeOf("0000-00-"), shapeOf("00T00:00"), shapeOf("00:00:00"), shapeOf("00000000")

// shapeOf returns the shape with digits where text has a zero.
func shapeOf(text string) shape {
	s := shape{want: binary.LittleEndian.Uint64([]byte(text))}
	for i := range 8 {
		room := uint64(0x7f)
		if text[i] == '0' {
			room -= 9
		}
		s.room |= room << (8 * i)
	}
	return s
}

// differs says whether the first 8 bytes of b have another shape. It looks at all of them at once: where one differs by more than there
// is room for, adding that sets its high bit.
func (s *shape) differs(b []byte) bool {
	x := binary.LittleEndian.Uint64(b) ^ s.want
	return (x+s.room|x)&0x8080808080808080 != 0
}

func daysIn(month int, b []byte) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		year := two(b)*100 + two(b[2:])
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func two(b []byte) int { return int(b[0]-'0')*10 + int(b[1]-'0') }

func digits2(b []byte) bool { return b[0]-'0' <= 9 && b[1]-'0' <= 9 }
