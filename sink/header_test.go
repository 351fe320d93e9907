package sink

import "testing"

func TestHeadersThatMakeAnswersUnreadableAreRefused(t *testing.T) {
	if _, err := New(Config{URLs: []string{"http://127.0.0.1:1"}, Headers: map[string]string{"accept-encoding": "gzip"}}); err == nil {
		t.Error("answers would come compressed, and none be understood")
	}
}
