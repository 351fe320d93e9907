package monitoring

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

const alertsFile = "../helm/logboom/files/alerts.yaml"

// rules are those of the chart, checked as Prometheus checks a file of rules, templates included.
func rules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	text, err := os.ReadFile(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(text, false, model.LegacyValidation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	var all []rulefmt.Rule
	for _, g := range groups.Groups {
		all = append(all, g.Rules...)
	}
	if len(errs) > 0 || len(all) == 0 {
		t.Fatalf("%d rules", len(all))
	}
	return all
}

// play evaluates a rule once a minute over the series, and returns the minutes in which it fires, as Prometheus would: when
// its expression has held without a break for as long as it asks for.
func play(t *testing.T, rule rulefmt.Rule, series memory, minutes int) (fires []int) {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: 5 * time.Minute})
	since := map[string]int{}
	for minute := range minutes {
		at := start.Add(time.Duration(minute) * time.Minute)
		q, err := engine.NewInstantQuery(t.Context(), series, nil, rule.Expr, at)
		if err != nil {
			t.Fatal(err)
		}
		result := q.Exec(t.Context())
		vector, err := result.Vector()
		if err != nil {
			t.Fatalf("%s: %v", rule.Alert, err)
		}
		now := map[string]int{}
		for _, sample := range vector {
			key := labels.NewBuilder(sample.Metric).Del(model.MetricNameLabel).Labels().String()
			now[key] = minute
			if begun, ok := since[key]; ok {
				now[key] = begun
			}
			if time.Duration(minute-now[key])*time.Minute >= time.Duration(rule.For) && !slices.Contains(fires, minute) {
				fires = append(fires, minute)
			}
		}
		since = now
		q.Close()
	}
	return fires
}

var start = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// memory is a storage of few series, a sample a minute.
type memory []series

type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// add reads a series in the notation of Prometheus' own tests, such as a{b="c"} 0+1x60, from the first minute on.
func (m *memory) add(t *testing.T, text string) {
	t.Helper()
	name, values, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	s := series{labels: name}
	for minute, v := range values {
		if !v.Omitted {
			s.samples = append(s.samples, sample{start.Add(time.Duration(minute) * time.Minute).UnixMilli(), v.Value})
		}
	}
	*m = slices.DeleteFunc(*m, func(old series) bool { return labels.Equal(old.labels, name) })
	*m = append(*m, s)
}

func (m memory) Querier(_, _ int64) (storage.Querier, error) { return querier{m}, nil }

type querier struct{ memory }

func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
	for _, s := range q.memory {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.labels.Get(m.Name)) }) {
			found = append(found, storage.NewListSeries(s.labels, s.samples))
		}
	}
	slices.SortFunc(found, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return &set{all: found}
}

func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, fmt.Errorf("not asked for")
}

func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, fmt.Errorf("not asked for")
}

func (querier) Close() error { return nil }

type set struct {
	all []storage.Series
	at  int
}

func (s *set) Next() bool                        { s.at++; return s.at <= len(s.all) }
func (s *set) At() storage.Series                { return s.all[s.at-1] }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }

type sample struct {
	t int64
	v float64
}

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.v }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }
