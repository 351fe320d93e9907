package elasticsearch

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"logboom/sink"
	"logboom/wal"
)

// TestSecuredAMissingRightHoldsItsOwnEventsOnly takes from our user the right to write to one of two indices, after some documents were
// stored there: the Events for it are held, the others stored, and when the right is back, each is stored once.
func TestSecuredAMissingRightHoldsItsOwnEventsOnly(t *testing.T) {
	onEachSecured(t, missingRight)
}

func missingRight(t *testing.T, s *secured) {
	s.create("rights-sick", "")
	s.create("rights-healthy", "")
	may := func(index string) (lacks string) {
		r, lacks := s.writing(index)
		s.allow(s, "narrow", r)
		return lacks
	}
	conf := s.config("narrow")
	conf.HoldFor = time.Second
	snk := quickSink(t, conf)
	sick := numberedEvents{file: &wal.File{ID: wal.FileID{1}, Path: "/p", Route: "rights-sick"}, n: 10}
	healthy := numberedEvents{file: &wal.File{ID: wal.FileID{2}, Path: "/q", Route: "rights-healthy"}, n: 30}
	may("rights-*")
	before := sick
	before.n = 4
	if r := <-begin(t, snk, before); r.Stored != 4 {
		t.Fatalf("with the right: %+v", r)
	}
	lacks := may("rights-healthy")
	result := begin(t, snk, twoFiles{sick, healthy})
	waitFor(t, "the sink says which right is missing", func() bool {
		return strings.HasSuffix(snk.Health().LastError, "Events are held (403 security_exception: our user lacks the right "+lacks+")")
	})
	r := <-result
	if r.Stored != 30 || len(r.Refused) != 10 {
		t.Fatalf("%d stored and %d refused, want 30 and 10", r.Stored, len(r.Refused))
	}
	for _, refusal := range r.Refused {
		if !refusal.Held || refusal.Type != "security_exception" {
			t.Errorf("%+v, want it held for a security_exception", refusal)
		}
	}
	if r := try(t, snk, sick); len(r.Refused) != 10 {
		t.Errorf("without the right: %+v", r)
	}
	may("rights-*")
	if r := try(t, snk, sick); r.Stored != 6 || r.Duplicate != 4 {
		t.Errorf("with the right again: %+v, want 6 stored and 4 there already", r)
	}
	if a, b := s.documents("rights-sick"), s.documents("rights-healthy"); a != 10 || b != 30 {
		t.Errorf("%d and %d documents, want 10 and 30", a, b)
	}
}

func try(t *testing.T, snk *sink.Sink, events sink.Events) sink.Result {
	t.Helper()
	r, err := snk.Try(t.Context(), events)
	must(t, err)
	return r
}

// TestSecuredTheDocumentedRightsAreEnough does all that the agent does, across a rollover, with the role of docs/servers.md, and setup with
// the one that it has for that.
func TestSecuredTheDocumentedRightsAreEnough(t *testing.T) {
	onEachSecured(t, func(t *testing.T, s *secured) {
		const stream, n = "logs-enough-stream", 20
		conf := s.config("enough")
		s.allow(s, "enough", s.documented(t, "logboom-setup"))
		installAll(t, quickSink(t, conf), stream)

		s.allow(s, "enough", s.documented(t, "logboom"))
		var losses atomic.Int32
		losses.Store(1)
		conf.URLs = []string{loseAnswersOf(t, s.proxy(t, false), func(path string) bool {
			if !strings.Contains(path, "/_bulk") || losses.Add(-1) < 0 {
				return false
			}
			s.must("POST", "/"+stream+"/_rollover", "")
			return true
		})}
		conf.Timeout = 5 * time.Second
		events := numberedEvents{file: &wal.File{ID: wal.FileID{7}, Path: "/p", Route: stream}, n: n}
		if r := <-begin(t, quickSink(t, conf), events); r.Duplicate != n {
			t.Errorf("after a lost answer and a rollover: %+v, want %d duplicates", r, n)
		}
		if got := s.documents(stream); got != n {
			t.Errorf("%d documents of %d Events", got, n)
		}
	})
}

// TestSecuredEachDocumentedRightIsNeeded takes one right away after the other, and finds what then is refused for want of it.
func TestSecuredEachDocumentedRightIsNeeded(t *testing.T) {
	onEachSecured(t, func(t *testing.T, s *secured) {
		number := 0
		fresh := func() (*sink.Sink, string) {
			number++
			return quickSink(t, s.config("less")), fmt.Sprintf("logs-less-%d", number)
		}
		for role, does := range map[string]func() string{"logboom": func() string { return runs(t, fresh) }, "logboom-setup": func() string { return setsUp(t, fresh) }} {
			all := s.documented(t, role)
			s.allow(s, "less", all)
			if said := does(); said != "<nil>" {
				t.Errorf("%s, with all rights: %s", role, said)
			}
			for _, right := range slices.Concat(all.cluster, all.indices) {
				s.allow(s, "less", all.without(right))
				if said := does(); !strings.Contains(said, strings.TrimSuffix(right, "*")) {
					t.Errorf("%s, without the right %s: %s", role, right, said)
				}
			}
		}
	})
}

// runs says what is refused to an agent that has a new index.
func runs(t *testing.T, fresh func() (*sink.Sink, string)) string {
	snk, index := fresh()
	r := try(t, snk, numberedEvents{file: &wal.File{ID: wal.FileID{1}, Path: "/p", Route: index}, n: 1})
	if len(r.Refused) > 0 {
		return r.Refused[0].Reason
	}
	return fmt.Sprint(snk.CheckLookUp(t.Context(), index))
}

// setsUp says what is refused to setup of a new index.
func setsUp(t *testing.T, fresh func() (*sink.Sink, string)) string {
	snk, route := fresh()
	pieces, err := snk.Plan(t.Context(), []string{route})
	for i := range pieces {
		if err == nil && pieces[i].Due(false) {
			err = snk.Install(t.Context(), &pieces[i])
		}
	}
	return fmt.Sprint(err)
}

func (r rights) without(right string) rights {
	other := func(rights []string) []string {
		return slices.DeleteFunc(slices.Clone(rights), func(r string) bool { return r == right })
	}
	return rights{other(r.cluster), r.names, other(r.indices)}
}

func installAll(t *testing.T, snk *sink.Sink, route string) {
	t.Helper()
	pieces, err := snk.Plan(t.Context(), []string{route})
	must(t, err)
	for i := range pieces {
		if pieces[i].Due(false) {
			must(t, snk.Install(t.Context(), &pieces[i]))
		}
	}
}
