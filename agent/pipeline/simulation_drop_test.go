package pipeline

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"logboom/agent/parse"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// The same world with wal.on_full: drop_oldest, a WAL that is soon full, and a backend that is away for a while. Every line
// must be stored once, or be in the ledger, to the byte. Both may be only where nobody can know: its request was called back
// unanswered, or the agent was killed before it had committed the answer.
func TestSimulationDropsTheOldestExactly(t *testing.T) {
	simulations(t, "drops", func(s *simulation) {
		s.drop, s.amnesia, s.maxSize = true, false, 6<<10
	})
}

// knowledge is what the simulation knows about lines that may be dropped.
type knowledge struct {
	down    bool                // the backend is away
	pieces  map[string][]string // message: the Lines it was written in
	places  map[string]spot     // Line: where it stands
	sent    map[string]bool     // messages that were in a request
	unheard map[string]bool     // messages that may be stored without the agent knowing
}

type spot struct {
	index      wal.Index // of the last Block that had it
	file       wal.FileID
	start, end wal.Offset
}

// locate notes where the Lines of b stand.
func (s *simulation) locate(b *wal.Block) {
	for i := range b.Records {
		r := &b.Records[i]
		at := r.Start
		for line := range bytes.Lines(r.Text) {
			end := at + wal.Offset(len(line))
			s.places[piece(r.File.Format, string(line))] = spot{b.Index, r.File.ID, at, end}
			at = end
		}
	}
}

// piece is what is unique in a Line.
func piece(f wal.Format, line string) string {
	line = strings.TrimSuffix(line, "\n")
	if f == wal.CRI {
		line = line[strings.LastIndexByte(line, ' ')+1:]
	}
	return line
}

// forgetAnswers is what a kill does: what was sent and not committed may be stored.
func (s *simulation) forgetAnswers() {
	state, err := s.a.store.State()
	s.must(err)
	for m := range s.sent {
		if p := s.pieces[m]; s.places[p[len(p)-1]].index > state.Acked {
			s.unheard[m] = true
		}
	}
}

// interrupted is a Send that was called back: just answered, not begun, answered in part, or cut off.
func (s *simulation) interrupted(b *batch) (r sink.Result, err error) {
	how := s.rng.IntN(4)
	if how == 0 {
		return s.Send(context.Background(), b)
	}
	s.must(b.Each(func(n int, e *sink.Event) error {
		m := string(e.Message)
		if how == 1 || s.rng.IntN(2) == 0 {
			return nil
		}
		s.sent[m] = true
		switch {
		case how == 3:
			s.unheard[m] = true
			s.keep(e)
			s.backend[id(e)] = true
			return nil
		case s.stored[id(e)] != "": // no backend refuses what it has stored already
			r.Duplicate++
		case s.rng.IntN(10) == 0:
			r.Refused = append(r.Refused, sink.Refusal{N: n, Type: "test"})
		default:
			r.Stored++
			s.keep(e)
			s.backend[id(e)] = true
		}
		r.Settled = append(r.Settled, int32(n))
		return nil
	}))
	return r, context.Canceled
}

// countLost holds the ledger against what was written: which messages are in it, whole and with nothing else.
func (s *simulation) countLost() map[string]bool {
	ranges := map[wal.FileID][]checkpoint.Loss{}
	listed := int64(0)
	s.must(s.a.store.Losses(func(l checkpoint.Loss) error {
		if !s.drop && (s.maxLetters == 0 || !strings.HasPrefix(l.Detail, "a dead letter")) || l.Cause != checkpoint.CauseDropped || l.AtLeast || !l.Read {
			s.wrong("the ledger has %+v", l)
		}
		ranges[l.File.ID] = append(ranges[l.File.ID], l)
		listed += int64(l.End - l.Start)
		return nil
	}))
	lost := map[string]bool{}
	for m, pieces := range s.pieces {
		n := 0
		for _, piece := range pieces {
			p, read := s.places[piece]
			for _, l := range ranges[p.file] {
				if read && l.Start <= p.start && p.end <= l.End {
					n++
					listed -= int64(p.end - p.start)
				}
			}
		}
		if n > 0 {
			lost[m] = true
			s.dropped++
		}
		if n != 0 && n != len(pieces) {
			s.wrong("line %.60q is listed %d times in the ledger, in %d pieces", m, n, len(pieces))
		}
	}
	if listed != 0 {
		s.wrong("%d bytes in the ledger belong to no line", listed)
	}
	return lost
}

// TestSettledLinesAreFound wherever they stand in a Block.
func TestSettledLinesAreFound(t *testing.T) {
	b := &batch{}
	text := "2026-11-22T16:01:41.1Z stdout P a\n2026-11-22T16:01:41.2Z stderr F x\n2026-11-22T16:01:41.3Z stdout P b\nforeign\n" +
		"2026-11-22T16:01:41.4Z stdout P c\n"
	first, next := &wal.File{ID: wal.FileID{1}, Format: wal.CRI}, &wal.File{ID: wal.FileID{2}, Format: wal.CRI}
	fill(b.slot(), 1, first, text)
	rest := "2026-11-22T16:01:41.5Z stderr F y\n2026-11-22T16:01:41.6Z stdout F d\nhalf"
	block := b.slot()
	block.Text = append(block.Text, rest...)
	start := block.Records[0].Start
	block.Records[0].Text, block.Records[0].Chained = block.Text[:len(text)], true
	block.Records = append(block.Records, wal.Record{File: next, End: wal.Offset(len(rest)), Text: block.Text[len(text):]})
	seen := map[wal.FileID]map[wal.Offset]int{first.ID: {}, next.ID: {}}
	var p parse.Parser
	if err := p.Events(block, func(e *sink.Event) error {
		var raw []byte
		for _, s := range appendLines(nil, block, e) {
			r := &block.Records[0]
			if s.file == next.ID {
				r = &block.Records[1]
			}
			raw = append(raw, r.Text[s.start-r.Start:s.end-r.Start]...)
			for at := s.start; at < s.end; at++ {
				seen[s.file][at]++
			}
		}
		if !bytes.Equal(raw, e.Raw) {
			t.Errorf("%q was found for %q", raw, e.Raw)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for at := range wal.Offset(len(text)) {
		if seen[first.ID][start+at] != 1 {
			t.Errorf("byte %d is in %d Events", at, seen[first.ID][start+at])
		}
	}
	if len(seen[next.ID]) != len(rest) {
		t.Errorf("%d bytes of the next File", len(seen[next.ID]))
	}
}
