package oracle

import (
	"fmt"
	"io"
)

// Print writes the report as a table, and as the account of a run that lost nothing, with examples of what is wrong.
func (r *Report) Print(w io.Writer) {
	rows := []struct {
		name string
		n    int64
		bad  bool
	}{
		{"lines written", r.Written, false},
		{"documents stored", r.Stored, r.Stored != r.Written},
		{"duplicates", r.Duplicates, r.Duplicates > 0},
		{"missing", r.Missing, r.Missing > 0},
		{"wrong content", r.Wrong, r.Wrong > 0},
		{"out of order", r.Disordered, r.Disordered > 0},
		{"foreign", r.Foreign, r.Foreign > 0},
	}
	for _, row := range rows {
		mark := ""
		if row.bad {
			mark = "  <-- wrong"
		}
		fmt.Fprintf(w, "  %-18s %12d%s\n", row.name, row.n, mark)
	}
	fmt.Fprintf(w, "  %v\n", r.Counts(0))
	printRanges(w, "missing", r.MissingAt)
	printRanges(w, "duplicate", r.DuplicateAt)
	printRanges(w, "out of order", r.DisorderedAt)
	printExamples(w, "wrong content", r.WrongDocs)
	printExamples(w, "foreign", r.ForeignDocs)
}

func printRanges(w io.Writer, what string, list []Range) {
	for _, x := range list {
		fmt.Fprintf(w, "  %s: %s %d to %d (%d)\n", what, x.Stream, x.From, x.To, x.To-x.From+1)
	}
}

func printExamples(w io.Writer, what string, list []Example) {
	for _, x := range list {
		fmt.Fprintf(w, "  %s: %s/%s %q\n", what, x.Index, x.ID, x.Text)
	}
}
