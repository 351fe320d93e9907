package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"logboom/agent/status"
)

const (
	paths  = `[...document.querySelectorAll("#files .path")].map((e) => e.firstChild.textContent)`
	rows   = `document.querySelectorAll("#files tr").length`
	pages  = `document.getElementById("shown").textContent`
	focus  = `document.activeElement.id`
	sorted = `document.getElementById("head-size").getAttribute("aria-sort")`
)

func TestFilesAreFoundByKeyboardAlone(t *testing.T) {
	p := open(t, chromium(t), quiet(), size(1280, 900))
	p.until(rows + ` === 25 && ` + pages + ` === "1 to 25 of 2,000"`)
	p.do(chromedp.KeyEvent("/"))
	p.until(focus + ` === "filter"`)
	p.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("filter").value = ""`), chromedp.KeyEvent("9c0123")) // the protocol types a / that a keyboard would not
	p.until(rows + ` === 1 && ` + pages + ` === "1 to 1 of 1"`)
	if got := js[[]string](p, paths); !strings.Contains(got[0], "checkout-7f9c0123_") {
		t.Errorf("found %v", got)
	}
	p.do(chromedp.KeyEvent("nothing"))
	p.until(rows + ` === 0 && ` + pages + ` === "No file matches."`)
	p.do(chromedp.KeyEvent(kb.Escape))
	p.until(rows + ` === 25`)

	p.do(chromedp.Focus(chromedp.CSS("#head-size button")), chromedp.KeyEvent(kb.Enter))
	p.until(sorted + ` === "descending" && document.querySelector("#files [data-field=size]").dataset.value === "` + "7466592" + `"`)
	p.do(chromedp.KeyEvent(" "))
	p.until(sorted + ` === "ascending" && document.querySelector("#files [data-field=size]").dataset.value === "0"`)
	p.do(chromedp.Focus(chromedp.CSS("#next")), chromedp.KeyEvent(kb.Enter))
	p.until(pages + ` === "26 to 50 of 2,000"`)
	p.do(chromedp.Focus(chromedp.CSS("#previous")), chromedp.KeyEvent(kb.Enter))
	p.until(pages + ` === "1 to 25 of 2,000"`)
	p.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("state-filter").value = "rotated"; document.getElementById("state-filter").dispatchEvent(new Event("input"))`))
	p.until(pages + ` === "1 to 25 of 200"`)
}

// What a screen reader is told: names of regions, tables behind charts, and nothing that can't be reached by Tab.
func TestThePageSpeaks(t *testing.T) {
	p := open(t, chromium(t), losing(), size(1280, 900))
	p.until(`document.querySelectorAll("#losses tbody tr").length === 7 && document.querySelectorAll("#letters-list tbody tr").length === 12`)
	for what, bad := range map[string]string{
		"a section has no name":         `[...document.querySelectorAll("section")].filter((e) => !e.ariaLabel && !document.getElementById(e.getAttribute("aria-labelledby"))?.textContent).length`,
		"a picture says nothing":        `[...document.querySelectorAll("[role=img]")].filter((e) => !e.ariaLabel).length`,
		"a chart has no table":          `[...document.querySelectorAll("figure")].filter((e) => !e.querySelector("details")).length`,
		"a field has no label":          `[...document.querySelectorAll("input, select")].filter((e) => !e.labels.length).length`,
		"a header says of what":         `[...document.querySelectorAll("th")].filter((e) => !e.scope).length`,
		"a box is not reached by Tab":   `[...document.querySelectorAll(".scroll")].filter((e) => e.tabIndex !== 0 || !e.ariaLabel).length`,
		"a line became part of a page":  `document.querySelectorAll("main script").length`,
		"titles do not follow in order": `[...document.querySelectorAll("h1,h2,h3")].map((e) => +e.tagName[1]).filter((n, i, all) => i && n > all[i-1] + 1).length`,
	} {
		if n := js[int](p, bad); n != 0 {
			t.Errorf("%s: %d times", what, n)
		}
	}
	if text := js[string](p, `document.querySelector("#letters-list tbody code").textContent`); !strings.HasPrefix(text, "<script>alert(0)</script>") {
		t.Errorf("a line is shown as %q", text)
	}
	p.do(chromedp.Focus(chromedp.CSS("#chart-wal summary")), chromedp.KeyEvent(kb.Enter))
	p.until(`document.querySelectorAll("#chart-wal tbody tr").length === 360`)
	if got := js[string](p, `document.querySelector("#chart-wal tbody td:last-child").textContent`); got != "6.31 GiB" {
		t.Errorf("the chart's newest value is %s", got)
	}
	p.do(chromedp.Focus(chromedp.CSS("#config-details summary")), chromedp.KeyEvent(kb.Enter))
	p.until(`document.querySelectorAll("#config tbody tr").length === 3`)
}

// The page follows the agent, and says when it can't.
func TestThePageSaysWhenItIsOld(t *testing.T) {
	s := quiet()
	p := open(t, chromium(t), s, size(1280, 900))
	s.mu.Lock()
	s.status.Problems = []status.Problem{{Severity: "loss", What: "5 bytes were lost (deleted)", Do: "logboom ledger says which"}}
	s.mu.Unlock()
	p.until(`document.getElementById("verdict").textContent === "5 bytes were lost (deleted)." && document.getElementById("state").className === "loss"`)
	p.do(chromedp.Evaluate[chromedp.Void](`window.fetch = () => Promise.reject(new Error("gone")); 0`))
	p.until(`!document.getElementById("stale").hidden`)
	if text := js[string](p, `document.getElementById("stale").textContent`); !strings.Contains(text, "The agent does not answer (gone)") {
		t.Error(text)
	}
}
