package pipeline

import (
	"errors"

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
		if s.lostCheckpoints == 0 && (s.backend[id(e)] && !s.unheard[string(e.Message)] || s.dead[id(e)] > 0) {
			s.wrong("%s is a dead letter and has another home", id(e))
		}
		s.keep(e)
		s.dead[id(e)] = int64(len(e.Raw))
	})
}
