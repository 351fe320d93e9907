package oracle

import "fmt"

// Counts are the account of all lines that were written: each is stored, or listed as lost.
type Counts struct {
	Written    int64 `json:"written"`
	Stored     int64 `json:"stored"` // lines that have a document
	Lost       int64 `json:"lost"`   // lines that have none, and whose bytes the ledger lists
	Duplicates int64 `json:"duplicates"`
	Wrong      int64 `json:"wrong"`      // documents that hold other bytes, or name no line that was written
	Disordered int64 `json:"disordered"` // lines that don't sort behind the one before
}

// Balanced says whether every line is stored, or listed as lost, once.
func (c Counts) Balanced() bool {
	return c.Written == c.Stored+c.Lost && c.Duplicates+c.Wrong+c.Disordered == 0
}

func (c Counts) String() string {
	sign := "="
	if c.Written != c.Stored+c.Lost {
		sign = "≠"
	}
	s := fmt.Sprintf("written %d %s stored %d + listed as lost %d, duplicates %d", c.Written, sign, c.Stored, c.Lost, c.Duplicates)
	if c.Wrong > 0 {
		s += fmt.Sprintf(", wrong %d", c.Wrong)
	}
	if c.Disordered > 0 {
		s += fmt.Sprintf(", out of order %d", c.Disordered)
	}
	return s
}

// Counts returns the account. listed is how many of the missing lines the agent says that it lost.
func (r *Report) Counts(listed int64) Counts {
	return Counts{Written: r.Written, Stored: r.Written - r.Missing, Lost: listed, Duplicates: r.Duplicates, Wrong: r.Wrong + r.Foreign, Disordered: r.Disordered}
}
