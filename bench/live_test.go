package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// behindBy is how much later than it says so an agent that tails, late, sends what it has read; and burns, how long it works for that.
const (
	behindBy = 400 * time.Millisecond
	burns    = 30 * time.Millisecond
)

// tailSlowly is an agent that says at once that what it has read is durable, and sends it 150 ms later, or after behindBy. A bad one
// sends more than it has read.
func tailSlowly(role, config string) error {
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	value := func(expr string) string { return string(regexp.MustCompile(expr).FindSubmatch(text)[1]) }
	var read atomic.Int64
	go http.ListenAndServe(value(`listen: (\S+)`), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"intake":{"read_bytes":%d}}`, read.Load())
	}))
	sent := map[string]int{}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(value(`root: "(.*)"`), "*", "*", "0.log"))
		if err != nil {
			return err
		}
		var body bytes.Buffer
		z := gzip.NewWriter(&body)
		lines := 0
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			whole := text[:bytes.LastIndexByte(text, '\n')+1]
			for line := range bytes.Lines(whole[sent[path]:]) {
				at, _, _ := strings.Cut(string(line), " ")
				fmt.Fprintf(z, "{\"create\":{}}\n{\"@timestamp\":%q}\n", at)
				lines++
			}
			read.Add(int64(len(whole) - sent[path]))
			sent[path] = len(whole)
		}
		if role == "tails, then twice" && time.Since(began) > time.Second && lines > 0 {
			fmt.Fprint(z, strings.Repeat("{\"create\":{}}\n{\"@timestamp\":\"2026-11-22T16:01:41Z\"}\n", 10_000))
		}
		if z.Close(); lines == 0 {
			continue
		}
		if role == "tails, late" {
			time.Sleep(behindBy)
			for from, now := burnt(), burnt(); now-from < burns; now = burnt() {
			}
		} else {
			time.Sleep(150 * time.Millisecond)
		}
		for try := 0; ; try++ {
			answer, err := http.Post(value(`urls: \["(.*)"\]`)+"/x/_bulk", "application/x-ndjson", bytes.NewReader(body.Bytes()))
			if err == nil {
				answer.Body.Close()
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func burnt() time.Duration {
	user, _ := ownTimes()
	return user
}

func TestAgesOfLinesAreFromTheirWriting(t *testing.T) {
	m := testMeter(t)
	t.Setenv(roleVariable, "tails, late")
	tries(t, func(scale time.Duration) error {
		l, err := m.measureLive(context.Background(), 500, scale*3*time.Second/2)
		if err != nil {
			return err
		}
		// A line waits for half a round until it is read, and is older by behindBy when it is sent. A busy machine adds to both.
		if l.Stored.Median < behindBy.Seconds() || l.Stored.Median-l.Durable.Median < behindBy.Seconds()/3 || l.Durable.Median > l.Durable.P99 || l.Stored.P99 > l.Stored.Worst {
			return fmt.Errorf("durable %+v, stored %+v", l.Durable, l.Stored)
		}
		if l.Stored.Count < 200 || l.Durable.Count < 200 || l.CPU <= 0 || l.CPU > 1 || l.CPUGB <= 0 {
			return fmt.Errorf("%+v", l)
		}
		return nil
	})
}

func TestALineThatComesTwiceIsAnError(t *testing.T) {
	m := testMeter(t)
	t.Setenv(roleVariable, "tails, then twice")
	if _, err := m.measureLive(context.Background(), 500, 500*time.Millisecond); err == nil || !strings.Contains(err.Error(), "came") {
		t.Error(err)
	}
}

func TestAnOutageIsCaughtUpWith(t *testing.T) {
	m := testMeter(t)
	t.Setenv(roleVariable, "tails")
	tries(t, func(scale time.Duration) error {
		o, err := m.measureOutage(context.Background(), 500, scale*time.Second)
		if err != nil {
			return err
		}
		last := o.Timeline[len(o.Timeline)-1]
		if o.Backlog < 250 || o.Drain < o.First || o.Times <= 0 || o.Times > 1e6 || last.Stored < o.Backlog || last.Written < last.Stored {
			return fmt.Errorf("%+v", o)
		}
		return nil
	})
}

func TestABacklogThatDrainsTooSlowlyMissesTheBar(t *testing.T) {
	for times, want := range map[float64]bool{2.99: false, 3: true, 10: true} {
		o := Outage{Times: times}
		if o.passed() != want || strings.Contains(o.table(), "within the bar") != want {
			t.Errorf("%v times: %v\n%s", times, o.passed(), o.table())
		}
	}
}

func TestLinesAreDurableInTheirOrder(t *testing.T) {
	w, at := &writer{marking: true}, time.Now()
	for i := range 3 {
		w.wrote(100, at.Add(time.Duration(i)*time.Second))
	}
	now := at.Add(10 * time.Second)
	if got := w.durable(199, now, nil); len(got) != 1 || got[0] != 10*time.Second {
		t.Errorf("199 bytes: %v", got)
	}
	if got := w.durable(300, now, nil); len(got) != 2 || got[0] != 9*time.Second || got[1] != 8*time.Second {
		t.Errorf("300 bytes: %v", got)
	}
}

func TestQuantilesAreOfAllAges(t *testing.T) {
	var ages []time.Duration
	for i := range 1001 {
		ages = append(ages, time.Duration(1000-i)*time.Millisecond)
	}
	q, err := quantiles(ages)
	if err != nil || q.Median != 0.5 || q.P99 != 0.99 || q.Worst != 1 || q.Count != 1001 || len(q.Curve) != 101 || q.Curve[25] != 0.25 {
		t.Errorf("%+v, %v", q, err)
	}
	if _, err := quantiles(nil); err == nil {
		t.Error("of nothing")
	}
}
