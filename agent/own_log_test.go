package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"logboom/agent/config"
	"logboom/agent/status"
)

// linesOf decodes a log in JSON.
func linesOf(t *testing.T, text string) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, v)
	}
	return all
}

func TestWhatRepeatsIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &safe{} // timers write to it, too
		l, flush := spared(newLogger(config.LogJSON, slog.LevelInfo, out))
		count := func(message string) (n int, repeated float64) {
			for _, line := range linesOf(t, out.String()) {
				if line["msg"] == message {
					n++
					r, _ := line["repeated"].(float64)
					repeated += r
				}
			}
			return n, repeated
		}
		check := func(message string, n int, repeated float64) {
			t.Helper()
			if gotN, gotRepeated := count(message); gotN != n || gotRepeated != repeated {
				t.Errorf("%q: %d lines that stand for %v more, want %d and %v", message, gotN, gotRepeated, n, repeated)
			}
		}
		for i := range 381 {
			l.With("file", i).Warn("can't read")
			l.Debug("nobody wants to know")
		}
		l.Error("can't read") // another level is another message
		l.Warn("rare")
		check("can't read", 11, 0)
		check("rare", 1, 0)
		time.Sleep(sayAgain + time.Second)
		check("can't read", 12, 371)
		check("rare", 1, 0)
		all := linesOf(t, out.String())
		if last := all[len(all)-1]; last["file"] != 380.0 || last["level"] != "WARN" {
			t.Errorf("not the last one: %v", last)
		}
		l.Warn("can't read")
		check("can't read", 13, 371)
		for range 20 {
			l.Warn("can't read")
		}
		flush()
		check("can't read", 23, 382)
		time.Sleep(2 * sayAgain)
		check("can't read", 23, 382)
		for i := range 2 * maxMessages { // more than can be counted: all are said
			l.Warn(fmt.Sprint(i))
		}
		check("1999", 1, 0)
		flush()
	})
}

// secret stands for what only the owners of logs may read.
const secret = "hunter2-of-a-customer"

// Neither what a container writes, nor what a backend answers about it, nor what it sends without being asked gets into
// our own log.
func TestTheLogHasNoContentOfOtherPeoplesLines(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			asked := make(chan string, 1000)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { gossip(w, r, asked) }))
			defer server.Close()
			log.SetOutput(io.Discard) // as main does
			defer log.SetOutput(os.Stderr)
			n := newNode(t, server.URL, "")
			n.write(t, "logboom.yaml", fmt.Sprintf("data_dir: %s/data\ninputs: [{kubernetes: {root: %s/pods}}]\n"+
				"sink: {elasticsearch: {urls: [%q], min_backoff: 10ms, max_backoff: 100ms}}\nhttp: {listen: \"off\"}\nwal: {min_free: 1MiB}\nlog: {level: debug, format: %s}\n",
				n.dir, n.dir, server.URL, format))
			n.write(t, "pods/shop_web_u1/app/0.log", "2026-11-22T16:00:00.000000000Z stdout F "+secret+"\n"+secret+" is no line of a runtime\n\x00\xff"+secret+"\n")
			n.write(t, "pods/shop_web_u1/app/0.log.20261122-160000.gz", secret)
			own, stop := n.run(t)
			n.status(t, func(s *status.Status) bool { return len(asked) > 10 && s.Account.Read > 0 })
			stop()
			if text := own.String(); strings.Contains(text, secret) || strings.Contains(text, "hunter2") || !strings.Contains(text, "delivery waits") {
				t.Error(text)
			}
		})
	}
}

// gossip answers requests in all the ways that quote what was sent, and says more on the connection than it was asked.
func gossip(w http.ResponseWriter, r *http.Request, asked chan<- string) {
	io.Copy(io.Discard, r.Body)
	asked <- r.URL.Path
	item := `{"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"` + secret + `"}}}`
	answers := []string{
		"HTTP/1.1 400 " + secret + "\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n\r\n" + secret,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n" + secret,
		secret + "\r\n\r\n",
		"HTTP/1.1 429 OK\r\nRetry-After: " + secret + "\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 301 OK\r\nLocation: http://" + secret + "/\r\nContent-Length: 0\r\n\r\n",
		fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(item)+27, `{"errors":true,"items":[`+item+`] }`),
		"HTTP/1.1 503 OK\r\nContent-Length: 0\r\n\r\n" + secret, // the rest stands in an idle connection
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	io.WriteString(conn, answers[len(asked)%len(answers)])
	go func(c net.Conn) {
		time.Sleep(20 * time.Millisecond)
		io.WriteString(c, secret+"\r\n\r\n")
		time.Sleep(20 * time.Millisecond)
		c.Close()
	}(conn)
}
