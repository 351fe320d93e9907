package status

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Listing is the body of /api/v1/files: a part of the Files, so that thousands of them cost a page no more than a few.
//
//	filter=TEXT   Files whose path has TEXT in it, whatever the case of its letters
//	state=STATE   Files in that state
//	sort=KEY      by path, state, lag, size or grew; without it the worst first
//	desc=1        the other way round
//	offset=N      without the first N
//	limit=N       at most N, 50 if it is not given
type Listing struct {
	Total    int    `json:"total"`    // Files there are
	Matching int    `json:"matching"` // that filter and state let through
	Offset   int    `json:"offset"`
	Files    []File `json:"files"`
}

const (
	usualLimit = 50
	maxLimit   = MaxFiles
)

// orders are the ways to sort Files. Equal ones come by path.
var orders = map[string]func(a, b *File) int{
	"path":  func(a, b *File) int { return 0 },
	"state": func(a, b *File) int { return cmp.Compare(a.State, b.State) },
	"lag":   func(a, b *File) int { return cmp.Compare(a.Lag, b.Lag) },
	"size":  func(a, b *File) int { return cmp.Compare(a.Size, b.Size) },
	"grew":  func(a, b *File) int { return a.LastGrew.Compare(b.LastGrew) },
}

func serveFiles(w http.ResponseWriter, r *http.Request, all []File) {
	l, problem := list(all, r.URL.Query())
	if problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	serveJSON(w, l)
}

// list returns the part of all that q asks for, or what is wrong with q. It leaves all as it is.
func list(all []File, q url.Values) (l Listing, problem string) {
	offset, okOffset := natural(q.Get("offset"), 0)
	limit, okLimit := natural(q.Get("limit"), usualLimit)
	order, okOrder := orders[cmp.Or(q.Get("sort"), "path")]
	if !okOffset || !okLimit || !okOrder {
		return l, "want offset and limit as numbers, and sort as one of path, state, lag, size, grew"
	}
	filter, state := strings.ToLower(q.Get("filter")), q.Get("state")
	matching := make([]*File, 0, len(all))
	for i := range all {
		f := &all[i]
		if (state == "" || f.State == state) && (filter == "" || strings.Contains(strings.ToLower(f.Path), filter)) {
			matching = append(matching, f)
		}
	}
	if q.Has("sort") {
		slices.SortFunc(matching, func(a, b *File) int {
			return cmp.Or(order(a, b), cmp.Compare(a.Path, b.Path), cmp.Compare(a.ID, b.ID))
		})
	}
	if q.Get("desc") == "1" {
		slices.Reverse(matching)
	}
	l = Listing{Total: len(all), Matching: len(matching), Offset: min(offset, len(matching)), Files: []File{}}
	for _, f := range matching[l.Offset:min(len(matching), l.Offset+min(limit, maxLimit))] {
		l.Files = append(l.Files, *f)
	}
	return l, ""
}

// natural reads a number that is not negative.
func natural(text string, usual int) (n int, ok bool) {
	if text == "" {
		return usual, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0
}
