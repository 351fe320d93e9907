package report

import (
	"html/template"
	"math"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// curve is one line of a chart. at returns nil where there is no value.
type curve struct {
	name, color string
	at          func(s *Sample) any
}

var lineCurves = []curve{
	{"written", "#222222", func(s *Sample) any { return s.Written }},
	{"durable", "#e08a00", func(s *Sample) any { return number(s.Durable) }},
	{"delivered", "#1a7f37", func(s *Sample) any { return number(s.Delivered) }},
}

var byteCurves = []curve{
	{"write-ahead log", "#0b57d0", func(s *Sample) any { return megabytes(s.WAL) }},
	{"not durable yet", "#e08a00", func(s *Sample) any { return megabytes(s.Lag) }},
	{"kept by pins", "#8a2be2", func(s *Sample) any { return megabytes(s.Pins) }},
}

func number(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

func megabytes(n *int64) any {
	if n == nil {
		return nil
	}
	return math.Round(float64(*n)/1e3) / 1e3
}

// narrowest is the least width of a band, as a share of the run: a moment must be seen too.
const narrowest = 1. / 500

// draw makes one chart: the curves, and behind them the faults.
func draw(id, title, says string, r *Run, kinds []kind, curves []curve) chart {
	c := charts.NewLine()
	c.SetGlobalOptions(
		charts.WithInitializationOpts(opts.Initialization{Width: "100%", Height: "430px", ChartID: id}),
		charts.WithAnimation(false),
		charts.WithLegendOpts(opts.Legend{Top: "0", Left: "center"}),
		charts.WithGridOpts(opts.Grid{Left: "70", Right: "30", Top: "80", Bottom: "85"}),
		charts.WithTooltipOpts(opts.Tooltip{Trigger: "axis"}),
		charts.WithXAxisOpts(opts.XAxis{Type: "value", Name: "seconds", NameLocation: "middle", NameGap: 25, Min: 0, Max: math.Ceil(r.Seconds)}),
		charts.WithYAxisOpts(opts.YAxis{Type: "value"}),
		charts.WithDataZoomOpts(opts.DataZoom{Type: "inside", FilterMode: "none"}, opts.DataZoom{Type: "slider", FilterMode: "none"}),
	)
	for _, k := range kinds {
		c.AddSeries(k.What, nil, charts.WithLineChartOpts(opts.LineChart{Symbol: "roundRect", SymbolSize: 10}), charts.WithItemStyleOpts(opts.ItemStyle{Color: k.Color}), charts.WithLineStyleOpts(opts.LineStyle{Color: k.Color, Width: 0.1}),
			charts.WithMarkAreaData(bands(k, r.Seconds*narrowest)...),
			charts.WithMarkAreaStyleOpts(opts.MarkAreaStyle{ItemStyle: &opts.ItemStyle{Color: k.Color, Opacity: opts.Float(0.22)}, Label: &opts.Label{Show: opts.Bool(false)}}))
	}
	for _, v := range curves {
		data := make([]opts.LineData, 0, len(r.Samples))
		for i := range r.Samples {
			data = append(data, opts.LineData{Value: []any{r.Samples[i].At, v.at(&r.Samples[i])}})
		}
		c.AddSeries(v.name, data, charts.WithLineChartOpts(opts.LineChart{Symbol: "none"}),
			charts.WithItemStyleOpts(opts.ItemStyle{Color: v.color}), charts.WithLineStyleOpts(opts.LineStyle{Color: v.color, Width: 2}))
	}
	s := c.RenderSnippet()
	return chart{Title: title, Says: says, ID: "goecharts_" + id, Element: template.HTML(s.Element), Script: template.HTML(s.Script)}
}

// bands returns the faults of a kind as areas from top to bottom.
func bands(k kind, least float64) (list [][]opts.MarkAreaData) {
	for _, f := range k.Faults {
		list = append(list, []opts.MarkAreaData{{Name: f.What, XAxis: f.From}, {XAxis: max(f.To, f.From+least)}})
	}
	return list
}
