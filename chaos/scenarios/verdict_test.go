package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"logboom/chaos/manifest"
	"logboom/chaos/oracle"
)

// demand is what a scenario wants to be true at its end, besides every line once.
type demand struct {
	lost       int64 // lines that were never readable, or someLines: the ledger must hold exactly their bytes
	atLeast    bool  // or at least some of them, and say that it can't know all
	disordered bool  // lines without a time of their own may be found in another order than they were written
}

// someLines stands for any number but 0.
const someLines = -1

// loss is what is looked at of a line of the ledger.
type loss struct {
	Start, End int64
	AtLeast    bool `json:"at_least"`
	Cause      string
	File       struct{ Path string }
}

// verdict drains the agent, counts, and says in one line what it counted.
func (g *stage) verdict(d demand) {
	g.t.Helper()
	if g.agent.runs() {
		g.endAgent()
	}
	g.agent.start("--exit-when-drained")
	g.drain()
	g.count(d)
}

// endAgent is SIGTERM for the agent, once it runs: before that, the signal finds no handler.
func (g *stage) endAgent() {
	g.t.Helper()
	g.awaitStatus("the agent runs", func(status) bool { return true })
	g.agent.end(patience)
}

// drain waits until the agent has delivered all that is left and ended by itself. What is left after a storm before a real server on a
// busy machine may be much: it may take as long as it goes on.
func (g *stage) drain() {
	g.t.Helper()
	for before := int64(-1); ; {
		select {
		case <-g.agent.exited:
			g.agent.wait("with --exit-when-drained", patience)
			return
		case <-time.After(g.drains()):
		}
		n, ok := count(http.DefaultClient, g.url)
		if ok && n <= before {
			g.agent.wait(fmt.Sprintf("with --exit-when-drained, and stores nothing more than %d documents", n), time.Second)
			return
		}
		before = n
	}
}

// drains is how long nothing may come to the backend while lines wait for it.
func (g *stage) drains() time.Duration {
	if _, ok := g.backend.(*embedded); ok {
		return 4 * time.Minute
	}
	return 6 * time.Minute
}

// count is the verdict on what was stored by an agent that has ended.
func (g *stage) count(d demand) {
	g.t.Helper()
	must(g.t, g.writer.Close())
	written, err := manifest.Read(&g.list)
	must(g.t, err)
	ctx, cancel := context.WithTimeout(context.Background(), g.drains())
	defer cancel()
	r, err := oracle.Check(ctx, http.DefaultClient, g.url, index, written)
	must(g.t, err)
	losses := g.ledger()
	bytes, atLeast := sum(losses)
	missing := g.missing(r)
	switch {
	case r.Duplicates+r.Wrong+r.Foreign > 0 || r.Disordered > 0 && !d.disordered:
		g.t.Errorf("what is stored is not what was written")
	case r.Missing != d.lost && !(d.lost == someLines && r.Missing > 0):
		g.t.Errorf("%d lines are missing, want %d", r.Missing, d.lost)
	case r.Missing == 0 && len(losses) > 0 && !d.atLeast:
		g.t.Errorf("nothing is missing, and the ledger lists %d losses", len(losses))
	case bytes != missing && !(d.atLeast && atLeast && bytes <= missing):
		g.t.Errorf("the ledger lists %d bytes (at least: %v), but %d are missing", bytes, atLeast, missing)
	}
	var listed int64
	if len(losses) > 0 && !g.t.Failed() {
		listed = r.Missing
	}
	counts := r.Counts(listed)
	if !counts.Balanced() && !d.disordered {
		g.t.Errorf("the account does not add up: %v", counts)
	}
	fmt.Printf("%-56s %v\n", g.t.Name(), counts)
	must(g.t, g.film.report(&counts))
	if g.t.Failed() {
		r.Print(os.Stdout)
		g.t.Logf("ledger: %+v", losses)
	}
}

// ledger returns what logboom ledger lists. It must not be asked while a stage's agent is stopped.
func (g *stage) ledger() (list []loss) {
	g.t.Helper()
	out, err := exec.Command(agentBinary, "ledger", "--json", "-c", g.config).Output()
	if err != nil {
		g.t.Fatalf("logboom ledger: %v", err)
	}
	for in := json.NewDecoder(strings.NewReader(string(out))); in.More(); {
		var l loss
		must(g.t, in.Decode(&l))
		list = append(list, l)
	}
	return list
}

func sum(list []loss) (bytes int64, atLeast bool) {
	for _, l := range list {
		bytes += l.End - l.Start
		atLeast = atLeast || l.AtLeast
	}
	return bytes, atLeast
}

// missing returns how many bytes the missing lines had in their files. Only lines of hands may be missing.
func (g *stage) missing(r *oracle.Report) (bytes int64) {
	g.t.Helper()
	var lines int64
	for _, m := range r.MissingAt {
		if g.sizes[m.Stream] == nil {
			continue
		}
		for _, size := range g.sizes[m.Stream][m.From : m.To+1] {
			bytes += size
			lines++
		}
	}
	if lines != r.Missing && len(g.sizes) > 0 {
		g.t.Errorf("%d lines are missing, more than can be looked at one by one", r.Missing)
	}
	return bytes
}
