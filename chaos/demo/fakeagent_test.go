package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"logboom/chaos/manifest"
)

// fakeAgent stands in for the agent: it reads all files again and again and sends what it hasn't sent. It cheats, as
// its ids come from what the test wrote, and so is honest whatever happens, unless it is told to lose or to double.
type fakeAgent struct {
	root, url string
	fault     string          // "", lose or double
	sent      map[string]bool // or on its way
	bulk      bytes.Buffer
}

var setting = regexp.MustCompile(`(?m)^ *(root|urls|listen|index): \[?"?([^"\]\n]+)`)

func runFakeAgent(configFile, fault string) {
	config, err := os.ReadFile(configFile)
	if err != nil {
		panic(err)
	}
	values := map[string]string{}
	for _, m := range setting.FindAllStringSubmatch(string(config), -1) {
		values[m[1]] = m[2]
	}
	go http.ListenAndServe(values["listen"], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"intake":{"unread_bytes":0},"file_count":1}`)
	}))
	a := &fakeAgent{root: values["root"], url: values["urls"] + "/" + values["index"] + "/_bulk", fault: fault, sent: map[string]bool{}}
	for ; ; time.Sleep(50 * time.Millisecond) {
		a.pass()
	}
}

// pass reads every attempt of every container once.
func (a *fakeAgent) pass() {
	logs, _ := filepath.Glob(filepath.Join(a.root, "*", "*", "*.log"))
	for _, log := range logs {
		var text []byte
		for before := listing(log); ; {
			text = content(before)
			after := listing(log)
			if slices.Equal(before, after) {
				break
			}
			before = after
		}
		var attempt int
		fmt.Sscanf(filepath.Base(log), "%d.log", &attempt)
		_, err := os.Stat(filepath.Join(filepath.Dir(log), fmt.Sprintf("%d.log", attempt+1)))
		a.send(text, err == nil)
	}
	a.flush()
}

func listing(log string) []string {
	names, _ := filepath.Glob(log + ".*")
	names = slices.DeleteFunc(names, func(name string) bool {
		return strings.HasSuffix(name, ".tmp") || slices.Contains(names, name+".gz")
	})
	slices.Sort(names)
	return append(names, log)
}

func content(names []string) (text []byte) {
	for _, name := range names {
		data, _ := os.ReadFile(name)
		if strings.HasSuffix(name, ".gz") {
			if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
				data, _ = io.ReadAll(z)
			}
		}
		text = append(text, data...)
	}
	return text
}

// send joins pieces to messages. over: the attempt has ended, so an open message is whole.
func (a *fakeAgent) send(text []byte, over bool) {
	open, since := map[string]string{}, map[string]string{}
	for line := range strings.Lines(string(text)) {
		part := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
		if len(part) < 4 || !strings.HasSuffix(line, "\n") {
			break
		}
		at, stream, tag := part[0], part[1], part[2]
		if open[stream] == "" {
			since[stream] = at
		}
		if open[stream] += part[3]; tag == "F" {
			a.add(since[stream], open[stream])
			open[stream] = ""
		}
	}
	for stream, message := range open {
		if over && message != "" {
			a.add(since[stream], message)
		}
	}
}

func (a *fakeAgent) add(at, message string) {
	stream, n, ok := manifest.ParsePrefix([]byte(message))
	id := fmt.Sprintf("%s/%d", stream, n)
	if !ok || a.sent[id] || a.fault == "lose" && n == 100 {
		return
	}
	event := map[string]any{"sequence": n}
	if !utf8.ValidString(message) {
		event["original"] = base64.StdEncoding.EncodeToString([]byte(message))
	}
	a.sent[id] = true
	doc, _ := json.Marshal(map[string]any{"@timestamp": at, "message": message, "event": event})
	fmt.Fprintf(&a.bulk, "{\"create\":{\"_id\":%q}}\n%s\n", id, doc)
	if a.fault == "double" && n == 100 {
		fmt.Fprintf(&a.bulk, "{\"create\":{}}\n%s\n", doc)
	}
	if a.bulk.Len() > 1<<20 {
		a.flush()
	}
}

// flush keeps what can't be sent for the next time: its file may be gone then.
func (a *fakeAgent) flush() {
	if a.bulk.Len() == 0 {
		return
	}
	if answer, err := http.Post(a.url, "application/x-ndjson", bytes.NewReader(a.bulk.Bytes())); err == nil {
		answer.Body.Close()
		a.bulk.Reset()
	}
}
