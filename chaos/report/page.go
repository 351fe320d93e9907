package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
)

//go:embed echarts/echarts.common.min.js
var echarts string

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"seconds": func(s float64) string { return fmt.Sprintf("%.1f s", s) },
}).Parse(pageText))

// view is what the template sees.
type view struct {
	*Run
	ECharts template.JS
	Charts  []chart
	Kinds   []kind
}

// chart is one drawing, as go-echarts renders it.
type chart struct {
	Title   string
	Says    string // how to read it
	ID      string // of its JavaScript object
	Element template.HTML
	Script  template.HTML
}

// kind is all faults of one name.
type kind struct {
	What   string
	Color  string
	Times  int
	Total  float64 // seconds
	Faults []Fault
}

// colors of faults, told apart on white when they are nearly transparent.
var colors = []string{"#d62728", "#1f77b4", "#9467bd", "#ff7f0e", "#2ca02c", "#8c564b", "#e377c2", "#17becf", "#bcbd22", "#7f7f7f", "#003f8a", "#5b0f3d"}

// kinds gathers faults by name, in the order in which they first came.
func (r *Run) kinds() (list []kind) {
	for _, f := range r.Faults {
		i := slices.IndexFunc(list, func(k kind) bool { return k.What == f.What })
		if i < 0 {
			i = len(list)
			list = append(list, kind{What: f.What, Color: colors[i%len(colors)]})
		}
		list[i].Times++
		list[i].Total += f.To - f.From
		list[i].Faults = append(list[i].Faults, f)
	}
	return list
}

// page renders the HTML.
func (r *Run) page() ([]byte, error) {
	v := view{Run: r, ECharts: template.JS(echarts), Kinds: r.kinds()}
	v.Charts = []chart{
		draw("lines", "Lines", "Written by the containers; durable: written, less what the agent says that it has still to secure; delivered: what a search of the backend finds. A gap in a curve: nobody was there to ask.", r, v.Kinds, lineCurves),
		draw("waiting", "What waits, in MB", "The write-ahead log on the disk, bytes in log files that are not durable yet, and rotated files that only a pin keeps.", r, v.Kinds, byteCurves),
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("page of %s: %w", r.Name, err)
	}
	return b.Bytes(), nil
}
