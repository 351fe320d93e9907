package sink

import (
	"testing"
	"time"
)

// What is held comes back at once from Try, though nothing is stored meanwhile, and nothing else is given up for it.
func TestTryDoesNotWaitForWhatIsHeld(t *testing.T) {
	for name, item := range map[string]string{
		"a closed index":    failure(403, "index_closed_exception", "closed"),
		"a blocked index":   failure(429, "cluster_block_exception", "flood stage"),
		"mostly one poison": failure(400, "mapper_parsing_exception", "failed to parse field [host]"),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Config{HoldFor: time.Minute}, func(t *testing.T, b *backend, s *Sink) {
				b.item = func(int, action) string { return item }
				start := time.Now()
				r, err := s.Try(t.Context(), testEvents(testFile(1), 20))
				if err != nil || len(r.Refused) != 20 || !r.Refused[0].Held || time.Since(start) > time.Second || r.Retries > 0 {
					t.Errorf("%+v %v after %v", r, err, time.Since(start))
				}
			})
		})
	}
	t.Run("busy for some", func(t *testing.T) {
		inBubble(t, Config{HoldFor: time.Minute}, func(t *testing.T, b *backend, s *Sink) {
			b.item = func(n int, a action) string {
				if n < 3 && a.id[len(a.id)-1]%2 == 0 {
					return failure(429, "es_rejected_execution_exception", "")
				}
				return ""
			}
			if r, err := s.Try(t.Context(), testEvents(testFile(1), 20)); err != nil || r.Stored != 20 || len(r.Refused) > 0 {
				t.Errorf("%+v %v", r, err)
			}
		})
	})
}

// A Sink that was tried with is patient again.
func TestSendIsPatientAfterTry(t *testing.T) {
	inBubble(t, Config{HoldFor: time.Minute}, func(t *testing.T, b *backend, s *Sink) {
		b.item = func(n int, a action) string {
			if n < 3 {
				return failure(403, "index_closed_exception", "")
			}
			return ""
		}
		if r, err := s.Try(t.Context(), testEvents(testFile(1), 2)); err != nil || len(r.Refused) != 2 {
			t.Errorf("%+v %v", r, err)
		}
		if r := mustSend(t, s, testEvents(testFile(1), 2)); r.Stored != 2 {
			t.Errorf("%+v", r)
		}
	})
}
