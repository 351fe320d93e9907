package sink

import (
	"bytes"
	"errors"
	"io"
)

// item is one entry of a bulk answer. Its slices are valid until the next item is read.
type item struct {
	status       int
	errType      []byte // at most keepString bytes
	reason       []byte // at most keepString bytes
	failureStore []byte // "used": stored, but in the failure store of the data stream
}

const (
	answerWindow = 16 << 10 // bytes of an answer in memory
	keepString   = 512      // bytes kept of a string; the rest is read and dropped
	maxDepth     = 64       // of nested objects and arrays
)

// errAnswer says that an answer is not what a backend gives to a bulk request.
var errAnswer = errors.New("not the answer to a bulk request")

// answer reads a bulk answer once from front to end, in a window of fixed size, however long it is. It is strict: what
// it takes is valid JSON.
type answer struct {
	src   io.Reader
	buf   []byte // window; buf[at:end] is unread
	at    int
	end   int
	str   []byte // the last string read, cut to keepString bytes
	item  item
	op    bool // of item: its action was seen
	depth int
}

func newAnswer() *answer {
	return &answer{buf: make([]byte, answerWindow)}
}

// usual is the item that a healthy backend gives nearly always, as filter_path leaves it.
var usual = []byte(`{"create":{"status":201}}`)

// read calls each for every item in order. Its error wraps errAnswer where the answer is at fault, or is the error of
// src or of each.
func (a *answer) read(src io.Reader, each func(i int, it *item) error) error {
	a.src, a.at, a.end, a.depth = src, 0, 0, 0
	seen := false
	err := a.object(func(key []byte) error {
		if string(key) != "items" {
			return a.skip()
		}
		if seen {
			return a.bad("items twice")
		}
		seen = true
		return a.items(each)
	})
	if err != nil {
		return err
	}
	if !seen {
		return a.bad("no items")
	}
	if _, err := a.next(); err == nil {
		return a.bad("text behind its end")
	} else if !errors.Is(err, errAnswer) {
		return err
	}
	return nil
}

func (a *answer) items(each func(i int, it *item) error) error {
	n := 0
	return a.array(func() error {
		i := n
		n++
		if a.has(len(usual)) && bytes.Equal(a.buf[a.at:a.at+len(usual)], usual) {
			a.at += len(usual)
			a.item = item{status: 201}
			return each(i, &a.item)
		}
		a.item = item{errType: a.item.errType[:0], reason: a.item.reason[:0], failureStore: a.item.failureStore[:0]}
		a.op = false
		if err := a.object(a.action); err != nil {
			return err
		}
		if !a.op || a.item.status < 100 || a.item.status > 599 {
			return a.bad("item %d has no status", i)
		}
		return each(i, &a.item)
	})
}

// action reads the value of "create".
func (a *answer) action([]byte) error {
	if a.op {
		return a.bad("two actions in an item")
	}
	a.op = true
	return a.object(func(key []byte) (err error) {
		switch string(key) {
		case "status":
			a.item.status, err = a.integer()
		case "error":
			err = a.itemError()
		case "failure_store":
			a.item.failureStore, err = a.keep(a.item.failureStore)
		default:
			err = a.skip()
		}
		return err
	})
}

// itemError reads the error of an item: an object, or in very old releases a string.
func (a *answer) itemError() error {
	c, err := a.next()
	if err != nil {
		return err
	}
	a.at--
	if c != '{' {
		a.item.reason, err = a.keep(a.item.reason)
		return err
	}
	return a.object(func(key []byte) (err error) {
		switch string(key) {
		case "type":
			a.item.errType, err = a.keep(a.item.errType)
		case "reason":
			a.item.reason, err = a.keep(a.item.reason)
		default:
			err = a.skip()
		}
		return err
	})
}

// keep reads a value into dst if it is a string, and past it if not.
func (a *answer) keep(dst []byte) ([]byte, error) {
	c, err := a.next()
	if err != nil {
		return dst, err
	}
	if c != '"' {
		a.at--
		return dst[:0], a.skip()
	}
	if err := a.string(); err != nil {
		return dst, err
	}
	return append(dst[:0], a.str...), nil
}
