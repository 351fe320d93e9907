package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A node whose pods go on printing is clean one day, too: all that was read is delivered, and there is no gap in it.
func TestCleanDeliversOnABusyNode(t *testing.T) {
	b := newBackend(t)
	n := newNode(t, b.url, "")
	n.drain(t, b)
	log, err := os.OpenFile(filepath.Join(n.dir, "pods/shop_web_u1/app/0.log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	var printing sync.WaitGroup
	defer func() { cancel(); printing.Wait() }()
	begun := make(chan struct{})
	printing.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			fmt.Fprintf(log, "2026-11-22T16:00:00.000000000Z stdout F %d on and on\n", i)
			if i == 0 {
				close(begun)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	<-begun
	if code, out, complaints := logboom(t, ctx, "clean", "-c", n.file, "--deliver"); code != 0 {
		t.Fatalf("%d %s%s", code, out, complaints)
	}
	all := strings.Join(b.stored(), "\n")
	if len(b.docs) < 2 {
		t.Error("nothing more is stored")
	}
	for i := range len(b.docs) - 1 { // hello is the other
		if !strings.Contains(all, fmt.Sprintf(`"%d on and on"`, i)) {
			t.Errorf("%d documents, and no line %d", len(b.docs), i)
		}
	}
}

// A pod whose node is clean and that starts again does not send all log files a second time: their ids are known in the
// write index of a data stream only.
func TestCleanDeliversNothingWhereNothingIsLeft(t *testing.T) {
	b := newBackend(t)
	n := newNode(t, b.url, "")
	n.drain(t, b)
	for _, want := range []string{"Removed.", "0 files and folders", "0 files and folders"} {
		if code, out, complaints := logboom(t, t.Context(), "clean", "-c", n.file, "--deliver"); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%d %s%s, no %q", code, out, complaints, want)
		}
		if want != "Removed." && len(b.docs) > 0 {
			t.Errorf("sent again: %s", b.stored())
		}
		clear(b.docs) // the data stream rolls over
	}
}
