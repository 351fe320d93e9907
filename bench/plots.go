package main

import (
	"fmt"
	"image/color"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// drawing is a plot and the file that it goes into.
type drawing struct {
	name string
	plot *plot.Plot
}

// draw writes the plots of a report as SVG beside result.json, and returns their paths.
func (r *Report) draw(dir string) ([]string, error) {
	var list []drawing
	if len(r.Live) > 0 {
		p, err := agesPlot(r.Live)
		if err != nil {
			return nil, err
		}
		list = append(list, drawing{"ages.svg", p})
	}
	if r.Outage != nil {
		p, err := r.Outage.plot()
		if err != nil {
			return nil, err
		}
		list = append(list, drawing{"outage.svg", p})
	}
	return save(dir, &r.Machine, list)
}

// draw writes the plots of what the sides took.
func (r *PeerReport) draw(dir string) ([]string, error) {
	var list []drawing
	for i := range r.Sides {
		s := &r.Sides[i]
		for _, b := range []struct{ figure, unit, file string }{{"CPU", "s/GB of input", "cpu"}, {"throughput", "events/s", "speed"}} {
			p, err := s.plot(b.figure, b.unit)
			if err != nil {
				return nil, err
			}
			list = append(list, drawing{"peers-" + s.Corpus.Name + "-" + b.file + ".svg", p})
		}
	}
	return save(dir, &r.Machine, list)
}

// save says on each plot on which machine it was measured.
func save(dir string, m *Machine, list []drawing) (paths []string, err error) {
	for _, d := range list {
		d.plot.Title.Text += fmt.Sprintf("\n%s, %d cores, %.0f GB, Linux %s, %s", m.CPU, m.Cores, float64(m.Memory)/GB, m.Kernel, m.FileSystem)
		d.plot.Title.TextStyle.Font.Size = vg.Points(11)
		d.plot.Legend.TextStyle.Font.Size = vg.Points(9)
		d.plot.Title.Padding = vg.Points(8)
		d.plot.BackgroundColor = color.White
		path := filepath.Join(dir, d.name)
		if err := d.plot.Save(16*vg.Centimeter, 10*vg.Centimeter, path); err != nil {
			return nil, fmt.Errorf("draw %s: %w", path, err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// agesPlot shows how old lines are when they are durable (dashed) and stored, as curves over their percentiles.
func agesPlot(list []Live) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = "From a line's writing until it is durable (dashed) and until the backend has it"
	p.X.Label.Text, p.Y.Label.Text = "percent of the lines", "ms"
	p.Legend.Top, p.Legend.Left = true, true
	p.Y.Min = 0
	p.Add(plotter.NewGrid())
	for i := range list {
		for n, q := range []*Quantiles{&list[i].Stored, &list[i].Durable} {
			points := make(plotter.XYs, len(q.Curve))
			for k, v := range q.Curve {
				points[k] = plotter.XY{X: float64(k), Y: 1e3 * v}
			}
			line, err := plotter.NewLine(points)
			if err != nil {
				return nil, err
			}
			line.Color, line.Width = plotutil.Color(i), vg.Points(1.5)
			if durable := n == 1; durable {
				line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
			} else {
				p.Legend.Add(fmt.Sprintf("%.0f lines/s", list[i].Rate), line)
			}
			p.Add(line)
		}
	}
	return p, nil
}

// plot shows what was written and what was stored over the time since the outage began.
func (o *Outage) plot() (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("Backend away for %.0f s at %.0f lines/s: the backlog drains at %s times the live rate", o.Seconds, o.Rate, digits(o.Times))
	p.X.Label.Text, p.Y.Label.Text = "seconds since the outage began", "lines"
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	for i, name := range []string{"written", "stored"} {
		points := make(plotter.XYs, len(o.Timeline))
		for k, m := range o.Timeline {
			points[k] = plotter.XY{X: m.At, Y: float64([]int64{m.Written, m.Stored}[i])}
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = plotutil.Color(i), vg.Points(1.5)
		p.Add(line)
		p.Legend.Add(name, line)
	}
	return p, nil
}

// plot shows one figure of all sides as bars, with the numbers above them.
func (s *Sides) plot(figure, unit string) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s, %s: %s, %.0f MB in %d files", figure, unit, s.Corpus.Name, float64(s.Corpus.Bytes)/MB, s.Corpus.Files)
	p.Y.Label.Text = unit
	p.Y.Min = 0
	var values plotter.Values
	var names []string
	labels := plotter.XYLabels{}
	for i := range s.Sides {
		for _, q := range quantities {
			if q.name == figure && q.unit == unit {
				v := s.Sides[i].median(&s.Corpus, q)
				values, names = append(values, v), append(names, s.Sides[i].Name+"\n"+s.Sides[i].Version)
				labels.XYs, labels.Labels = append(labels.XYs, plotter.XY{X: float64(i), Y: v}), append(labels.Labels, digits(v))
				p.Y.Max = max(p.Y.Max, 1.1*v)
			}
		}
	}
	bars, err := plotter.NewBarChart(values, vg.Points(60))
	if err != nil {
		return nil, err
	}
	bars.Color, bars.LineStyle.Width = plotutil.Color(2), 0
	above, err := plotter.NewLabels(labels)
	if err != nil {
		return nil, err
	}
	for i := range above.TextStyle {
		above.TextStyle[i].XAlign = -0.5
	}
	above.Offset.Y = vg.Points(3)
	p.Add(bars, above)
	p.NominalX(names...)
	p.X.Min, p.X.Max = -0.5, float64(len(names))-0.5
	return p, nil
}
