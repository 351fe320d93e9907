package powercut

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// fault is one line of the script of the backend's misbehaviour; its README says what the fields mean.
type fault struct {
	Skip   int    `json:"skip,omitempty"`
	Count  int    `json:"count,omitempty"`
	Stored bool   `json:"stored,omitempty"`
	Status int    `json:"status,omitempty"`
	Hang   string `json:"hang,omitempty"`
	Answer string `json:"answer,omitempty"`
}

const always = 1 << 30 // requests

// weather decides how the backend is in a boot. Only where it is down does anything stand in the WAL when the power goes:
// else all is delivered before that.
func (l *life) weather() {
	l.clearSky()
	var script []fault
	switch l.r.IntN(5) {
	case 0:
	case 1, 2:
		script = []fault{{Status: http.StatusServiceUnavailable, Count: always}}
	case 3: // up at first, then down
		script = []fault{{Skip: 1 + l.r.IntN(4), Status: http.StatusTooManyRequests, Count: always}}
	case 4:
		script = []fault{
			{Skip: l.r.IntN(3), Stored: true, Answer: "cut"},
			{Skip: l.r.IntN(2), Hang: "300ms"},
			{Skip: l.r.IntN(2), Stored: true, Status: http.StatusBadGateway},
			{Skip: l.r.IntN(4), Stored: true, Answer: "half", Count: 2},
		}
	}
	fmt.Fprintf(&l.history, "backend: %+v\n", script)
	if len(script) == 0 {
		return
	}
	text, err := json.Marshal(script)
	must(l.t, err)
	l.chaos(http.MethodPost, text)
}

// clearSky makes the backend well again.
func (l *life) clearSky() { l.chaos(http.MethodDelete, nil) }

func (l *life) chaos(method string, body []byte) {
	l.t.Helper()
	req, err := http.NewRequest(method, l.url+"/_chaos", bytes.NewReader(body))
	must(l.t, err)
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	must(l.t, err)
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		l.t.Fatalf("the backend's script: %s", answer.Status)
	}
}
