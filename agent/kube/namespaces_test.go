package kube

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"logboom/agent/kube/kubetest"
)

// asking runs Pods that ask for labels of namespaces.
func asking(t *testing.T, s *kubetest.Server) *Pods {
	t.Helper()
	return run(t, Options{Kubeconfig: s.Kubeconfig(t), Namespaces: []string{"team", "example.com/*"}})
}

func TestAPodHasTheLabelsOfItsNamespace(t *testing.T) {
	s := kubetest.New(t, "n1")
	s.Put(web())
	s.PutNamespace("shop", map[string]string{"team": "a", "example.com/tier": "1", "other": "x"})
	p := asking(t, s)
	got := file(2)
	until(t, "all is known", func() bool { return p.Describe(got) })
	if d := cmp.Diff(map[string]string{"team": "a", "example.com/tier": "1"}, got.NamespaceLabels); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	s.PutNamespace("shop", map[string]string{"team": "b"})
	until(t, "the change", func() bool {
		f := file(0)
		return p.Describe(f) && maps.Equal(f.NamespaceLabels, map[string]string{"team": "b"})
	})
	s.DeleteNamespace("shop")
	until(t, "the end", func() bool { return !p.Describe(file(0)) })
	s.PutNamespace("shop", nil)
	until(t, "one without labels", func() bool { f := file(0); return p.Describe(f) && f.NamespaceLabels == nil })
	if r := p.Report(); r.Namespaces != "" || r.Error != "" {
		t.Errorf("%+v", r)
	}
}

// A pod's namespace was there before it, but the API may tell of it later: what is met between would never have its labels.
func TestAPodWaitsForItsNamespace(t *testing.T) {
	s := kubetest.New(t, "n1")
	s.Put(web())
	p := asking(t, s)
	until(t, "the pod is known", func() bool { return p.Report().Pods == 1 })
	if f := file(0); p.Describe(f) || f.Labels == nil {
		t.Errorf("all is known: %+v", f)
	}
	s.PutNamespace("shop", map[string]string{"team": "a"})
	until(t, "the namespace", func() bool { f := file(0); return p.Describe(f) && f.NamespaceLabels["team"] == "a" })
}

// Without the right to list them nothing waits, and it is told; the pods' own labels are there.
func TestNamespacesThatAreForbiddenStopNothing(t *testing.T) {
	s := kubetest.New(t, "n1")
	s.Set(kubetest.ForbidsNamespaces)
	s.Put(web())
	p := asking(t, s)
	got := file(0)
	until(t, "the pod is known", func() bool { return p.Describe(got) })
	if got.Labels["app"] != "web" || got.NamespaceLabels != nil {
		t.Errorf("%+v", got)
	}
	if r := p.Report(); !strings.Contains(r.Namespaces, "namespaces is forbidden") || r.Error != "" || !r.Synced {
		t.Errorf("%+v", r)
	}
	pods, missing, err := Check(t.Context(), Options{Kubeconfig: s.Kubeconfig(t), Node: "n1", Namespaces: []string{"*"}})
	if pods != 1 || err != nil || !Forbidden(missing) {
		t.Errorf("%d pods, %v, %v", pods, missing, err)
	}
}

// Who does not ask for them needs no right, and makes no request.
func TestNamespacesAreAskedForWhenTheyAreWanted(t *testing.T) {
	s := kubetest.New(t, "n1")
	s.Set(kubetest.ForbidsNamespaces)
	s.Put(web())
	p := start(t, s)
	until(t, "the pod is known", func() bool { return p.Describe(file(0)) })
	if r := p.Report(); r.Namespaces != "" {
		t.Errorf("%+v", r)
	}
	if _, missing, err := Check(t.Context(), Options{Kubeconfig: s.Kubeconfig(t), Node: "n1"}); missing != nil || err != nil {
		t.Errorf("%v, %v", missing, err)
	}
}

// 30,000 namespaces with all the labels that there may be.
func TestNamespacesAreBounded(t *testing.T) {
	n := newNamespaces(Options{Namespaces: []string{"*"}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	before := live()
	add := func(from, to int) {
		for i := from; i < to; i++ {
			full := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("namespace-", i), Labels: map[string]string{}}}
			for l := range 40 {
				full.Labels[fmt.Sprint("label-", l)] = strings.Repeat("v", 60) + fmt.Sprint(i)
			}
			n.Add(full)
		}
	}
	add(0, maxNamespaces)
	if trouble := n.trouble(); trouble != "" {
		t.Error(trouble)
	}
	add(maxNamespaces, maxNamespaces+20_000)
	kept := live() - before
	t.Logf("%d KB are kept", kept>>10)
	if runtime.KeepAlive(n); kept > 40<<20 {
		t.Errorf("%d MB are kept", kept>>20)
	}
	if d := file(0); !n.describe(d) {
		t.Error("what there is no room for is waited for")
	}
	if trouble := n.trouble(); !strings.Contains(trouble, "more than 10000 namespaces") {
		t.Errorf("told: %q", trouble)
	}
	n.Replace(nil, "")
	if n.trouble() != "" || len(n.labels) > 0 {
		t.Error("they are still there after a new list")
	}
}

// A list of more namespaces than are kept takes no more memory than one of as many.
func TestAListOfNamespacesIsBounded(t *testing.T) {
	const all = 6 * maxNamespaces
	object := func(i int) []byte {
		n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("namespace-%06d", i), Labels: map[string]string{}}}
		for l := range 10 {
			n.Labels[fmt.Sprint("label-", l)] = strings.Repeat("v", 50)
		}
		text, err := n.Marshal()
		if err != nil {
			panic(err)
		}
		return append(binary.AppendUvarint([]byte{2<<3 | 2}, uint64(len(text))), text...)
	}
	var kept int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/namespaces") || r.URL.Query().Get("watch") != "" {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", protobuf)
		before := live()
		w.Write(listBegin(all * len(object(0))))
		for i := range all {
			w.Write(object(i))
		}
		kept = live() - before
		w.Write(listEnd)
	}))
	t.Cleanup(s.Close)
	p := run(t, Options{Kubeconfig: kubetest.Kubeconfig(t, s.URL), Namespaces: []string{"*"}})
	until(t, "there are too many", func() bool { return strings.Contains(p.Report().Namespaces, "more than") })
	t.Logf("%d MB", kept>>20)
	if kept > 32<<20 {
		t.Errorf("%d MB are in memory", kept>>20)
	}
	s.CloseClientConnections()
}
