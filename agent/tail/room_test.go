package tail

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// However many files have something to read, no more than MaxOpen are held open, and all are read.
func TestOpenFilesAreBounded(t *testing.T) {
	n := newNode(t)
	var want []string
	add := func(word string) {
		for i := range 40 {
			name := fmt.Sprintf("%d.log", i)
			message := fmt.Sprintf("%s %d", word, i)
			n.lines(name, message)
			want = append(want, message)
			if i%8 == 0 {
				n.rename(name, name+".20261122-160141."+word)
				n.zip(name + ".20261122-160141." + word)
			}
		}
	}
	add("before")
	n.start()
	n.tail.o.MaxOpen = 4
	for _, word := range []string{"first", "second"} {
		for range 6 {
			n.poll(time.Second)
			if n.tail.open > 4 {
				t.Fatalf("%d files are open", n.tail.open)
			}
		}
		add(word)
	}
	for range 6 {
		n.poll(time.Second)
	}
	slices.Sort(want)
	slices.Sort(n.got)
	n.want(want...)
}
