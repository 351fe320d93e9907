package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"

	"logboom/agent/parse"
	"logboom/sink"
	"logboom/wal"
)

// eachLetter calls fn for every letter that has not left the store.
func (s *simulation) eachLetter(fn func(e *sink.Event, n *note)) {
	var b wal.Block
	var p parse.Parser
	for at := wal.Index(0); ; at = b.Index {
		err := s.a.deadLog.Next(at, &b)
		if errors.Is(err, wal.ErrNone) {
			return
		}
		s.must(err)
		if !s.a.letters.settled.Has(b.Index) && b.Index > s.a.letters.gone {
			s.must(eachLetter(&p, &b, func(e *sink.Event, n *note) error { fn(e, n); return nil }))
		}
	}
}

// readDeadLetters adds what the dead-letter store has to what is stored.
func (s *simulation) readDeadLetters() {
	s.eachLetter(func(e *sink.Event, n *note) {
		if n.Held {
			s.wrong("%s is still held", id(e))
		}
		if s.lostCheckpoints == 0 && (s.backend[id(e)] && !s.unheard[string(e.Message)] || s.dead[id(e)] > 0) {
			s.wrong("%s is a dead letter and has another home: stored %v, unheard %v, dead %v %+v", id(e), s.backend[id(e)], s.unheard[string(e.Message)], s.dead[id(e)], n)
		}
		s.keep(e)
		s.dead[id(e)] = int64(len(e.Raw))
	})
}

// mail closes and opens Routes, lets time go by, and lets a person send everything again.
func (s *simulation) mail() {
	if !s.closes {
		return
	}
	switch n := s.rng.IntN(40); {
	case n < 3 && len(s.routes) > 0:
		route := s.routes[s.rng.IntN(len(s.routes))]
		s.closed[route] = !s.closed[route]
	case n == 3:
		s.now = s.now.Add(time.Duration(s.rng.IntN(60)) * time.Second)
	case n == 4:
		select {
		case s.a.delivery.post.asked <- &walk{ctx: context.Background(), want: func(*sink.Event, *note) bool { return true }, done: make(chan Resent, 1)}:
		default:
		}
	case n < 20:
		s.resend(s.rng.IntN(5) > 0)
	}
}

// isClosed says whether a Route takes nothing.
func (s *simulation) isClosed(route string) bool {
	if !slices.Contains(s.routes, route) {
		s.routes = append(s.routes, route)
	}
	return s.closed[route]
}

// resend lets a request with dead letters come to its end, answered or not.
func (s *simulation) resend(answered bool) {
	p := s.a.delivery.post
	select {
	case w := <-p.out:
		s.must(w.Each(func(_ int, e *sink.Event) error { s.resent = append(s.resent, string(e.Message)); return nil }))
		w.answer, w.err = s.Send(context.Background(), w)
		if !answered {
			w.err = context.Canceled
			s.forgetResent()
		}
		p.back <- w
	default:
		if !p.away && !p.store.changed() {
			s.resent = nil // what became of it is committed
		}
	}
}

// nothingHeld says that all that was held was sent again. It lets time go by.
func (s *simulation) nothingHeld() bool {
	p := s.a.delivery.post
	if len(p.store.holds) == 0 && p.walk == nil && p.store.scanned >= p.store.begun {
		return true
	}
	s.now = s.now.Add(10 * time.Second)
	return false
}

// forgetResent is what a kill does, or a lost answer: what was sent again may be stored, and stays a letter.
func (s *simulation) forgetResent() {
	for _, m := range s.resent {
		s.unheard[m] = true
	}
	s.resent = nil
}
