package status

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// some are Files as a report has them: the worst first.
func some() []File {
	return []File{
		{ID: "1", Path: "/b", State: "unreadable", Error: "denied", Size: 5},
		{ID: "2", Path: "/Pod/x", State: "active", Lag: 9, Size: 20, LastGrew: start.Add(time.Second)},
		{ID: "3", Path: "/a", State: "rotated", Lag: 3, Size: 30, LastGrew: start},
		{ID: "4", Path: "/a", State: "active", Lag: 3, Size: 10, LastGrew: start.Add(time.Hour)},
	}
}

func TestFilesAreSortedFilteredAndCut(t *testing.T) {
	for query, want := range map[string]string{
		"":                              "4/4: 1 2 3 4",
		"limit=2":                       "4/4: 1 2",
		"limit=2&offset=3":              "4/4: 4",
		"offset=9":                      "4/4:",
		"limit=0":                       "4/4:",
		"sort=path":                     "4/4: 2 3 4 1",
		"sort=path&desc=1":              "4/4: 1 4 3 2",
		"sort=lag&desc=1":               "4/4: 2 4 3 1",
		"sort=lag":                      "4/4: 1 3 4 2",
		"sort=size":                     "4/4: 1 4 2 3",
		"sort=grew&desc=1":              "4/4: 4 2 3 1",
		"sort=state":                    "4/4: 2 4 3 1",
		"state=active":                  "2/4: 2 4",
		"filter=pod%2F":                 "1/4: 2",
		"filter=%2Fa":                   "2/4: 3 4",
		"filter=%2Fa&state=active":      "1/4: 4",
		"filter=nothing":                "0/4:",
		"desc=1&filter=%2Fa&limit=1000": "2/4: 4 3",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		all := some()
		l, problem := list(all, q)
		got := fmt.Sprintf("%d/%d:", l.Matching, l.Total)
		for _, f := range l.Files {
			got += " " + f.ID
		}
		if got != want || problem != "" || all[0].ID != "1" || all[3].ID != "4" {
			t.Errorf("%s: %s %s, want %s", query, got, problem, want)
		}
	}
	for _, query := range []string{"sort=x", "limit=-1", "offset=-1", "limit=x", "offset=99999999999999999999"} {
		q, _ := url.ParseQuery(query)
		if _, problem := list(some(), q); problem == "" {
			t.Errorf("%s was taken", query)
		}
	}
}

func TestNoAnswerHasMoreFilesThanItMay(t *testing.T) {
	many := make([]File, 3*MaxFiles)
	if l, _ := list(many, url.Values{"limit": {"1000000"}}); len(l.Files) != MaxFiles || l.Total != len(many) {
		t.Errorf("%d of %d", len(l.Files), l.Total)
	}
	get := serve(t, busy(), nil, nil)
	for path, want := range map[string]int{"/api/v1/status?files=1": 1, "/api/v1/status?files=0": 0, "/api/v1/status": 4, "/api/v1/files?limit=3": 3} {
		code, body, _ := get(path)
		var got struct{ Files []File }
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 || len(got.Files) != want || strings.Contains(body, "null") {
			t.Errorf("%s: %d %v, %d files: %s", path, code, err, len(got.Files), body)
		}
	}
	for _, path := range []string{"/api/v1/status?files=x", "/api/v1/files?sort=x"} {
		if code, _, _ := get(path); code != 400 {
			t.Errorf("%s: %d", path, code)
		}
	}
}
