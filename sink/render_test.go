package sink

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is shown is what is sent, byte for byte; on any machine, for all that a document says comes from its File.
func TestARenderedDocumentIsTheOneThatIsSent(t *testing.T) {
	f, dated := testFile(1), testFile(2)
	dated.Route, dated.Node, dated.Labels = "logs-%{+yyyy.MM.dd}", "a node of long ago", map[string]string{"app": "x"}
	events := append(testEvents(f, 3), testEvents(dated, 2)...)
	long := testEvents(dated, 1)[0]
	long.Offset, long.Message, long.Part = 77777, bytes.Repeat([]byte("long \xff and \"odd\"\n"), 20000), 2
	events = append(events, long)
	want := map[string]string{}
	r := NewRenderer(Fields{})
	for i := range events {
		index, id, doc := r.Render(&events[i])
		want[string(index)+"/"+string(id)] = string(doc)
	}
	b := newBackend(t)
	mustSend(t, newSink(t, b.url), events)
	if diff := cmp.Diff(b.docs, want); diff != "" || len(want) != len(events) {
		t.Errorf("%d documents of %d events: %.2000s", len(want), len(events), diff)
	}
	if !strings.Contains(want["logs-test-default/"+idOf(&events[0])], `"host":{"name":"node-1"}`) {
		t.Error("host.name is not the File's node")
	}
}
