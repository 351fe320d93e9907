package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"logboom/agent/pipeline"
)

// wait waits until what a command prints is as it should be.
func wait(t *testing.T, args string, enough func(out string) bool) string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		_, out, complaints := logboom(t, t.Context(), strings.Fields(args)...)
		if enough(out) {
			return out
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s:\n%s%s", args, out, complaints)
		}
	}
}

// What a mapping refuses, in plain form too, is listed with its line and the reason, with an agent and without, and is stored
// under the same id when the mapping is put right.
func TestDeadLettersAreListedAndSentAgain(t *testing.T) {
	b := newBackend(t)
	refuses := func(bad string) func(index, document string) string {
		return func(_, document string) string {
			if bad != "" && strings.Contains(document, bad) {
				return `{"status":400,"error":{"type":"document_parsing_exception","reason":"failed to parse field [message]"}}`
			}
			return ""
		}
	}
	b.accept = refuses("bad")
	n := newNode(t, b.url, dated)
	n.config(t, b.url)
	n.write(t, "pods/shop_web_u1/app/0.log", "2026-11-22T16:00:00Z stdout F good\n2026-11-22T16:00:01Z stdout F bad \"one\"\n2026-11-22T16:00:02Z stdout F bad two\n")
	_, stop := n.run(t)
	two := func(out string) bool {
		return strings.Contains(out, "2 events:\n       2 refused document_parsing_exception")
	}
	table := wait(t, "deadletter ls -c "+n.file, two)
	if !strings.Contains(table, `"bad \"one\""`) || !strings.Contains(table, "logs-shop-2026.11.22") {
		t.Errorf("beside the agent:\n%s", table)
	}
	for deadline := time.Now().Add(patience); len(n.oldest(t)) != 2; time.Sleep(20 * time.Millisecond) { // once they are committed
		if time.Now().After(deadline) {
			t.Fatal("the letters are not committed")
		}
	}
	stop()
	if code, out, complaints := logboom(t, t.Context(), "deadletter", "ls", "-c", n.file); code != 0 || out != table {
		t.Errorf("without the agent %d %s\n%s", code, complaints, out)
	}
	if code, _, complaints := logboom(t, t.Context(), "deadletter", "replay", "-c", n.file); code != 1 || !strings.Contains(complaints, "start it first") {
		t.Errorf("replay without an agent: %d %s", code, complaints)
	}
	_, out, _ := logboom(t, t.Context(), "deadletter", "cat", "-c", n.file)
	var letters []pipeline.Letter
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var l pipeline.Letter
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		letters = append(letters, l)
	}
	if len(letters) != 2 || letters[0].Reason != "failed to parse field [message]" || letters[0].State != "refused" || letters[0].ID == "" ||
		!strings.Contains(string(letters[0].Document), `"message":"bad \"one\""`) {
		t.Fatalf("%+v", letters)
	}

	b.mu.Lock()
	b.accept = refuses("two")
	b.mu.Unlock()
	_, stop = n.run(t)
	const half = "1 stored, 1 refused again, 0 held until their index takes documents.\n"
	if out := wait(t, "deadletter replay -c "+n.file, func(out string) bool { return out != "" }); out != half {
		t.Errorf("%q", out)
	}
	b.mu.Lock()
	_, stored := b.docs[letters[0].Index+"/"+letters[0].ID]
	b.accept = nil
	b.mu.Unlock()
	if !stored {
		t.Errorf("%s is not stored under its id: %v", letters[0].ID, b.order)
	}
	if code, out, complaints := logboom(t, t.Context(), "deadletter", "replay", "-c", n.file, "--id", letters[1].ID); code != 0 || !strings.HasPrefix(out, "1 stored, 0") {
		t.Errorf("by id: %d %s%s", code, out, complaints)
	}
	wait(t, "deadletter ls -c "+n.file, func(out string) bool { return out == "There are no dead letters.\n" })
	stop()
	wait(t, "deadletter ls -c "+n.file, func(out string) bool { return out == "There are no dead letters.\n" })
	if b.twice != 0 || len(b.docs) != 3 {
		t.Errorf("%d documents, %d twice", len(b.docs), b.twice)
	}
	if code, _, complaints := logboom(t, t.Context(), "deadletter", "replay", "-c", n.file, "--route", "["); code != 2 {
		t.Errorf("a bad pattern: %d %s", code, complaints)
	}
}
