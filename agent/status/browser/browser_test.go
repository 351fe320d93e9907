package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"logboom/agent/status"
)

// shots is where screenshots go, for people to look at.
const shots = "../../../tmp/page"

// tab is one page in a browser. What it asks for and complains about is kept; its own mutex guards that.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string

	mu         sync.Mutex
	asked      []string
	complaints []string
}

// chromium returns a browser, or skips where there is none.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("LOGBOOM_REQUIRE_BROWSER") != "" {
			t.Fatal("no chromium, and LOGBOOM_REQUIRE_BROWSER is set")
		}
		t.Skip("no chromium: apt-get install chromium")
	}
	options := []chromedp.ExecAllocatorOption{chromedp.Headless, chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.WSURLReadTimeout(time.Minute)}
	for _, flag := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return ctx
}

type step = chromedp.Action[chromedp.Void]

// open shows a scene's page in a tab of its own. At the end of the test it must have asked nobody else, and complained of
// nothing.
func open(t *testing.T, browser context.Context, s *scene, more ...step) *tab {
	t.Helper()
	server := httptest.NewServer(status.Handler(s.agent()))
	t.Cleanup(server.Close)
	ctx, end := chromedp.NewContext(browser)
	p := &tab{t: t, ctx: ctx, url: server.URL}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		p.check()
	})
	p.do(call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}), call(runtime.Enable, cdp.Empty{}))
	p.do(more...)
	p.do(chromedp.Navigate(server.URL + "/"))
	p.until(`document.body.dataset.now && document.querySelectorAll(".u-over").length === 4`)
	return p
}

func (p *tab) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.asked = append(p.asked, e.Request.URL)
	case *runtime.EventExceptionThrown:
		p.complaints = append(p.complaints, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		p.complaints = append(p.complaints, e.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		p.complaints = append(p.complaints, "it writes to the console")
	}
}

func (p *tab) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, url := range p.asked {
		if !strings.HasPrefix(url, p.url+"/") && url != "data:," {
			p.t.Errorf("the page asks %s", url)
		}
	}
	if len(p.asked) < 8 {
		p.t.Errorf("it asked for %v only", p.asked)
	}
	for _, c := range p.complaints {
		p.t.Errorf("the browser complains: %s", c)
	}
}

// call is a command of the protocol.
func call[P, R any](c cdp.Command[P, R], params P) step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func (p *tab) do(actions ...step) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// js returns what an expression is.
func js[T any](p *tab, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for an expression to be true.
func (p *tab) until(expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !js[bool](p, "Boolean("+expression+")"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.check()
			p.t.Fatalf("%s does not become true:\n%s", expression, js[string](p, "document.body.innerText"))
		}
	}
}

// shoot writes what the page looks like to a file.
func (p *tab) shoot(name string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shots, name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func size(width, height int64) step {
	return call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600})
}

func dark() step {
	return call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
}

// Each number that the page shows is that of the API, and says it in words that mean the same.
func TestTheNumbersAreThoseOfTheAPI(t *testing.T) {
	browser := chromium(t)
	for name, c := range map[string]struct {
		scene   *scene
		first   string
		screens map[string][]step
	}{
		"quiet": {quiet(), "Nothing is lost, nothing is stuck.", map[string][]step{"quiet": {size(1280, 900)}, "phone": {size(390, 844)}}},
		"backlog": {backlog(), "The backend takes nothing: https://elasticsearch.logging:9200: connection refused.",
			map[string][]step{"backlog": {size(1280, 900)}, "dark": {size(1280, 900), dark()}}},
		"losing": {losing(), "3.00 MiB of logs were lost (damaged).", map[string][]step{"losing": {size(1280, 900)}, "losing-phone-dark": {size(390, 844), dark()}}},
	} {
		for screen, actions := range c.screens {
			t.Run(screen, func(t *testing.T) {
				p := open(t, browser, c.scene, actions...)
				if got := js[string](p, `document.getElementById("verdict").textContent`); got != c.first {
					t.Errorf("%s: the first line is %q", name, got)
				}
				p.compare(c.scene)
				if wide := js[bool](p, `document.documentElement.scrollWidth > innerWidth`); wide {
					t.Error("the page is wider than its window")
				}
				p.do(chromedp.Sleep(300 * time.Millisecond))
				p.shoot(screen)
			})
		}
	}
}

// compare looks at each number of the page.
func (p *tab) compare(s *scene) {
	p.t.Helper()
	body, err := json.Marshal(s.status)
	if err != nil {
		p.t.Fatal(err)
	}
	var api map[string]any
	if err := json.Unmarshal(body, &api); err != nil {
		p.t.Fatal(err)
	}
	type shown struct{ Field, Value, Text string }
	all := js[[]shown](p, `[...document.querySelectorAll("[data-field]")].filter((e) => !e.closest("#files")).map((e) => ({ Field: e.dataset.field, Value: e.dataset.value, Text: e.textContent }))`)
	seen := map[string]bool{}
	for _, n := range all {
		seen[n.Field] = true
		var v any = api
		for key := range strings.SplitSeq(n.Field, ".") {
			v = v.(map[string]any)[key]
		}
		number, ok := v.(float64)
		if !ok || n.Value != fmt.Sprintf("%.0f", number) {
			p.t.Errorf("%s: the page has %s, the API %v", n.Field, n.Value, v)
		}
		if want := words(number, strings.Contains(n.Field, "bytes")); n.Text != want {
			p.t.Errorf("%s: %v is said to be %q, want %q", n.Field, number, n.Text, want)
		}
	}
	want := []string{"account.read_bytes", "account.acked_bytes", "account.waiting_bytes", "account.dead_letter_bytes", "account.excluded_bytes", "account.lost_read_bytes", "account.unread_bytes",
		"account.lost_unread_bytes", "account.known_bytes", "wal.bytes", "delivery.stored_events", "file_count"}
	for cause := range s.status.Lost {
		want = append(want, "lost_bytes."+cause)
	}
	for _, field := range want {
		if !seen[field] {
			p.t.Errorf("the page does not show %s", field)
		}
	}
	signs := js[string](p, `[...document.querySelectorAll("#account .sign")].map((e) => e.textContent).join("")`)
	if signs != "=++++" {
		p.t.Errorf("the account does not add up: %s", signs)
	}
}

// words says a number as the page should, by other means: a value within half a unit of its last digit.
func words(n float64, bytes bool) string {
	if !bytes {
		text := fmt.Sprintf("%.0f", n)
		for i := len(text) - 3; i > 0; i -= 3 {
			text = text[:i] + "," + text[i:]
		}
		return text
	}
	for i, unit := range []string{"B", "KiB", "MiB", "GiB", "TiB"} {
		v := n / float64(int64(1)<<(10*i))
		if i == 0 && v < 1024 {
			return fmt.Sprintf("%.0f B", v)
		}
		if v < 1023.5 && i > 0 {
			text := fmt.Sprintf("%.2f", v)
			if v >= 99.95 {
				text = fmt.Sprintf("%.0f", v)
			} else if v >= 9.995 {
				text = fmt.Sprintf("%.1f", v)
			}
			return text + " " + unit
		}
	}
	return "too much"
}
