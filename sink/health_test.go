package sink

import (
	"context"
	"strings"
	"testing"
	"time"
)

// Whether the first request sends Events or asks for what an earlier process stored: who is asked is told.
func TestTheLastErrorNamesTheServer(t *testing.T) {
	const nobody = "http://127.0.0.1:1"
	for name, since := range map[string]time.Time{"sent": {}, "asked for": time.Now().Add(-time.Hour)} {
		s := newSinkOf(t, Config{URLs: []string{nobody}})
		events := testEvents(testFile(1), 1)
		events[0].SentSince = since
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Send(ctx, events)
		}()
		for deadline := time.Now().Add(10 * time.Second); s.Health().LastError == "" && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		cancel()
		<-done
		if got := s.Health().LastError; !strings.HasPrefix(got, nobody+": ") {
			t.Errorf("%s: %q", name, got)
		}
	}
}
