package sink

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// Bounds of a message that is taken as a JSON object. What is beyond stays a message, as what is no JSON does.
const (
	maxJSON       = 64 << 10 // bytes
	maxJSONDepth  = 16
	maxJSONFields = 500 // in all of it
	maxJSONName   = 256 // bytes
	maxJSONNumber = 100 // bytes
	maxSameNames  = 9   // of one name in an object
)

// appendMembers appends the field name with what message has, if it is a JSON object.
func (c *jsonCopy) appendMembers(dst []byte, name string, message []byte) []byte {
	n := len(dst)
	dst = append(appendString(append(dst, ','), name), ':')
	dst, ok := c.appendObject(dst, message)
	if !ok {
		return dst[:n]
	}
	return dst
}

// appendObject appends the JSON object that message is, and nothing else, as fields of a document; it returns false, and dst
// as it was, where message is none. Values are copied as they stand, so numbers keep every digit. Names are those of
// fieldNames: dots become underscores, and where that makes two of an object equal, or they are, the later ones get _2, _3, ...
func (c *jsonCopy) appendObject(dst, message []byte) ([]byte, bool) {
	if len(message) > maxJSON {
		return dst, false
	}
	c.dst, c.src, c.fields, c.names = dst, message, 0, c.names[:0]
	defer func() { c.dst, c.src = nil, nil }()
	c.space()
	if c.peek() != '{' || !c.object(1) {
		return dst, false
	}
	if c.space(); len(c.src) > 0 {
		return dst, false
	}
	return c.dst, true
}

// jsonCopy copies valid JSON from src to dst. Its memory is used again.
type jsonCopy struct {
	dst, src []byte
	fields   int
	names    []name // of the objects that are open, the innermost last
}

// name is where the name of a field stands in dst.
type name struct{ start, end int }

func (c *jsonCopy) space() {
	for len(c.src) > 0 && (c.src[0] == ' ' || c.src[0] == '\t' || c.src[0] == '\n' || c.src[0] == '\r') {
		c.src = c.src[1:]
	}
}

// peek returns the next byte, 0 at the end.
func (c *jsonCopy) peek() byte {
	if len(c.src) == 0 {
		return 0
	}
	return c.src[0]
}

// take copies n bytes.
func (c *jsonCopy) take(n int) bool {
	c.dst = append(c.dst, c.src[:n]...)
	c.src = c.src[n:]
	return true
}

func (c *jsonCopy) value(depth int) bool {
	c.space()
	switch b := c.peek(); {
	case b == '{':
		return c.object(depth + 1)
	case b == '[':
		return c.list(depth + 1)
	case b == '"':
		n := stringLen(c.src)
		return n > 0 && c.take(n)
	case b == '-' || b-'0' <= 9:
		n := numberLen(c.src)
		return n > 0 && n <= maxJSONNumber && c.take(n)
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(c.src, []byte(word)) {
			return c.take(len(word))
		}
	}
	return false
}

func (c *jsonCopy) list(depth int) bool {
	if c.take(1); depth > maxJSONDepth {
		return false
	}
	if c.space(); c.peek() == ']' {
		return c.take(1)
	}
	for c.value(depth) {
		switch c.space(); c.peek() {
		case ',':
			c.take(1)
		case ']':
			return c.take(1)
		default:
			return false
		}
	}
	return false
}

func (c *jsonCopy) object(depth int) bool {
	if c.take(1); depth > maxJSONDepth {
		return false
	}
	if c.space(); c.peek() == '}' {
		return c.take(1)
	}
	outer := len(c.names)
	defer func() { c.names = c.names[:outer] }()
	for {
		if c.fields++; c.fields > maxJSONFields {
			return false
		}
		c.space()
		if !c.name(c.names[outer:]) {
			return false
		}
		if c.space(); c.peek() != ':' {
			return false
		}
		if c.take(1); !c.value(depth) {
			return false
		}
		switch c.space(); c.peek() {
		case ',':
			c.take(1)
		case '}':
			return c.take(1)
		default:
			return false
		}
	}
}

// name copies the name of a field, as one that the object does not have yet.
func (c *jsonCopy) name(names []name) bool {
	n := stringLen(c.src)
	if n == 0 || n > maxJSONName {
		return false
	}
	text, escaped := c.src[1:n-1], bytes.IndexByte(c.src[:n], '\\') >= 0
	if escaped { // one name can be written in many ways
		var s string
		if json.Unmarshal(c.src[:n], &s) != nil {
			return false
		}
		text = []byte(s)
	}
	c.src = c.src[n:]
	c.dst = append(c.dst, '"')
	start := len(c.dst)
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		c.dst = append(c.dst, '_') // a backend refuses what is empty
	case escaped:
		c.dst, _ = appendEscaped(c.dst, text)
	default:
		c.dst = append(c.dst, text...)
	}
	for i := start; i < len(c.dst); i++ {
		if c.dst[i] == '.' {
			c.dst[i] = '_'
		}
	}
	for end, n := len(c.dst), 2; c.taken(names, start); n++ {
		if n > maxSameNames {
			return false
		}
		c.dst = strconv.AppendInt(append(c.dst[:end], '_'), int64(n), 10)
	}
	c.names = append(c.names, name{start, len(c.dst)})
	c.dst = append(c.dst, '"')
	return true
}

// taken says whether one of names is the same as what stands in dst from start on.
func (c *jsonCopy) taken(names []name, start int) bool {
	for _, n := range names {
		if bytes.Equal(c.dst[n.start:n.end], c.dst[start:]) {
			return true
		}
	}
	return false
}

// stringLen returns the length of the JSON string that s starts with, its quotes included; 0 where there is none, where it is
// not UTF-8, and where an escape stands for half of a character or for NUL, which no field can hold.
func stringLen(s []byte) int {
	if len(s) == 0 || s[0] != '"' {
		return 0
	}
	for i := 1; i < len(s); {
		switch b := s[i]; {
		case b == '"':
			return i + 1
		case b < 0x20:
			return 0
		case b == '\\':
			n := escapeLen(s[i:])
			if n == 0 {
				return 0
			}
			i += n
		case b < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(s[i:])
			if r == utf8.RuneError && n == 1 {
				return 0
			}
			i += n
		}
	}
	return 0
}

// escapeLen returns the length of the escape that s starts with, 0 if it is none. Two halves of a character count as one.
func escapeLen(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	if s[1] != 'u' {
		if bytes.IndexByte([]byte(`"\/bfnrt`), s[1]) < 0 {
			return 0
		}
		return 2
	}
	switch u := hex4(s); {
	case u <= 0:
		return 0
	case u < 0xd800 || u > 0xdfff:
		return 6
	case u < 0xdc00 && len(s) >= 12:
		if low := hex4(s[6:]); low >= 0xdc00 && low <= 0xdfff {
			return 12
		}
	}
	return 0
}

// hex4 returns what the \uXXXX that s starts with stands for, -1 where that is none.
func hex4(s []byte) (u int) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	for _, b := range s[2:6] {
		switch {
		case b-'0' <= 9:
			u = u<<4 | int(b-'0')
		case b|0x20 >= 'a' && b|0x20 <= 'f':
			u = u<<4 | int(b|0x20-'a'+10)
		default:
			return -1
		}
	}
	return u
}

// numberLen returns the length of the JSON number that s starts with, 0 if there is none.
func numberLen(s []byte) (n int) {
	digits := func() bool {
		from := n
		for n < len(s) && s[n]-'0' <= 9 {
			n++
		}
		return n > from
	}
	if n < len(s) && s[n] == '-' {
		n++
	}
	if n < len(s) && s[n] == '0' {
		n++
	} else if !digits() {
		return 0
	}
	if n < len(s) && s[n] == '.' {
		if n++; !digits() {
			return 0
		}
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		if n++; n < len(s) && (s[n] == '+' || s[n] == '-') {
			n++
		}
		if !digits() {
			return 0
		}
	}
	return n
}
