package status

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

func TestHistoryKeepsTheLastHourAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h History
		ctx, stop := context.WithCancel(t.Context())
		n := int64(0)
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.Run(ctx, func() (Sample, bool) { n++; return Sample{Time: time.Now(), Read: n}, n > 1 })
		}()
		time.Sleep(2*time.Hour + 5*time.Second)
		all := h.Samples()
		if len(all) != samples || all[0].Read != n-samples+1 || all[samples-1].Read != n || time.Since(all[0].Time) > time.Hour {
			t.Errorf("%d samples, %d to %d of %d", len(all), all[0].Read, all[len(all)-1].Read, n)
		}
		stop()
		<-done
	})
	if size := unsafe.Sizeof(History{}); size > 35<<10 {
		t.Errorf("a History takes %d bytes", size)
	}
}

func TestTheTimeUntilTheBufferIsFullIsThatOfThePresentRate(t *testing.T) {
	const hour, noise = 3600, 1000
	for name, c := range map[string]struct {
		room func(second int) int64 // for each second up to now
		want time.Duration
	}{
		"nothing happens":      {func(int) int64 { return 1e6 }, 0},
		"it empties":           {func(s int) int64 { return 1e6 + 10*int64(s) }, 0},
		"segments come and go": {func(s int) int64 { return 1e6 - int64((s*30+450)%900) }, 0},
		"it fills":             {func(s int) int64 { return 1e6 - 100*int64(s) }, 6400 * time.Second},
		"for a minute only":    {func(s int) int64 { return 1e6 - 1000*int64(max(0, s-hour+60)) }, 940 * time.Second},
		"slowly":               {func(s int) int64 { return 100_000 - int64(s) }, 96_400 * time.Second},
		"it filled, and empties since": {func(s int) int64 {
			if s < hour/2 {
				return 1e6 - 100*int64(s)
			}
			return 1e6 - 180_000 + 50*int64(s-hour/2)
		}, 0},
		"faster now":                         {func(s int) int64 { return 1e6 - 10*int64(s) - 1000*int64(max(0, s-hour+200)) }, 1129 * time.Second},
		"it is full":                         {func(s int) int64 { return max(0, 1e6-1000*int64(s)) }, 0},
		"for ever, almost":                   {func(s int) int64 { return 1e18 - int64(s) }, 10 * 365 * 24 * time.Hour},
		"a moment counts over half a minute": {func(s int) int64 { return 1e6 - 10_000*int64(max(0, s-hour+5)) }, 570 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var h History
			for s := 0; s <= hour; s += 10 {
				h.Add(Sample{Time: start.Add(time.Duration(s) * time.Second), Room: c.room(s)})
			}
			got := h.FullIn(start.Add(hour*time.Second), c.room(hour), noise, 0)
			if d := got - c.want; d.Abs() > c.want/20 {
				t.Errorf("full in %v, want %v", got, c.want)
			}
		})
	}
	var empty History
	if got := empty.FullIn(start, 10, 0, 0); got != 0 {
		t.Errorf("without samples: full in %v", got)
	}
}

// wal.max_size and wal.min_free change while the agent runs.
func TestALimitThatChangesIsNoRate(t *testing.T) {
	var h History
	for s, room := range []int64{10_000, 10_000, 10_000, 10_000, 900, 890, 880, 870} {
		sample := Sample{Time: start.Add(time.Duration(s) * SampleEvery), Room: room, Limits: 1}
		if room < 1000 {
			sample.Limits = 2
		}
		h.Add(sample)
	}
	if got := h.FullIn(start.Add(50*time.Second), 890, 5, 2); got != 0 {
		t.Errorf("full in %v, just after the change", got)
	}
	if got := h.FullIn(start.Add(80*time.Second), 860, 5, 2); got != 860*time.Second {
		t.Errorf("full in %v, at a byte a second", got)
	}
}

func TestHistoryIsServedInColumns(t *testing.T) {
	get := serve(t, busy(), nil, nil)
	code, body, h := get("/api/v1/history")
	var got struct {
		Every   int `json:"every_seconds"`
		Samples map[string][]float64
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 || h.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v %s", code, err, body)
	}
	second := func(n float64) []float64 { return []float64{n, 2 * n} }
	want := map[string][]float64{"time": {float64(start.Unix()), float64(start.Unix()) + 10}, "written_bytes": second(10), "read_bytes": second(11), "acked_bytes": second(12), "unread_bytes": second(13),
		"wal_bytes": second(14), "room_bytes": second(15), "oldest_seconds": second(16), "backend_up": {1, 0}, "blocked": {0, 1}}
	if diff := cmp.Diff(want, got.Samples); diff != "" || got.Every != 10 {
		t.Error(got.Every, diff)
	}
}
