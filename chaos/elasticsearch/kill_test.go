package elasticsearch

import (
	"errors"
	"net/http"
	"slices"
	"syscall"
	"testing"
)

// TestKilledServerKeepsWhatItAcknowledged is what makes Kill a fair fault to send into a test of delivery.
func TestKilledServerKeepsWhatItAcknowledged(t *testing.T) {
	s := client{t, Start(t)}
	s.create("kept", "")
	s.bulk("", line("kept", "1"))
	Kill(t)
	if _, err := http.Get(s.url); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("after Kill: got %v, want a refused connection", err)
	}
	Restart(t)
	if got := s.bulk("", line("kept", "1")+line("kept", "2")).outcomes(); !slices.Equal(got, []string{duplicate, stored}) {
		t.Errorf("after Restart: got %q, want the document of before and a new one", got)
	}
}
