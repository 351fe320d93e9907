// Package kubetest is a Kubernetes API for tests, as far as package kube asks it: it lists and watches pods of one node, and namespaces,
// and it hangs, refuses and ends when it is told to.
package kubetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// Mode is how the server behaves.
type Mode int

const (
	Answers Mode = iota
	Hangs        // takes requests and says nothing
	Forbids      // 403, as without the right to list pods
	Dies         // ends every connection without an answer

	ForbidsNamespaces // 403, as without the right to list those
)

// Server is such an API.
type Server struct {
	Accepts string // what the last list was asked in

	http *httptest.Server
	node string

	mu      sync.Mutex // guards all
	mode    Mode
	version int
	pods    map[string]*corev1.Pod // by namespace and name
	spaces  map[string]*corev1.Namespace
	events  []event       // all since oldest
	oldest  int           // version from which on there are events
	changed chan struct{} // closed when events or mode change
}

type event struct {
	version int
	path    string // where they are watched
	json    []byte
}

const pods, namespaces = "/api/v1/pods", "/api/v1/namespaces"

// New starts a server of a cluster in which only node has pods. It ends with the test.
func New(t testing.TB, node string) *Server {
	s := &Server{node: node, pods: map[string]*corev1.Pod{}, spaces: map[string]*corev1.Namespace{}, changed: make(chan struct{})}
	s.http = httptest.NewServer(s)
	t.Cleanup(func() {
		s.Set(Dies)
		s.http.Close()
	})
	return s
}

// Kubeconfig writes a file that leads to the server.
func (s *Server) Kubeconfig(t testing.TB) string { return Kubeconfig(t, s.http.URL) }

// Kubeconfig writes a file that leads to the server at url.
func Kubeconfig(t testing.TB, url string) string {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"t","contexts":[{"name":"t","context":{"cluster":"t","user":"t"}}],
"clusters":[{"name":"t","cluster":{"server":%q}}],"users":[{"name":"t","user":{}}]}`, url)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Set changes how the server behaves, and ends what it is about to answer.
func (s *Server) Set(m Mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = m
	s.wake()
	s.http.CloseClientConnections()
}

// Put adds or replaces pods.
func (s *Server) Put(all ...*corev1.Pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range all {
		key, kind := p.Namespace+"/"+p.Name, "ADDED"
		if s.pods[key] != nil {
			kind = "MODIFIED"
		}
		s.pods[key] = p
		s.tellPod(kind, p)
	}
}

// PutNamespace adds or replaces one.
func (s *Server) PutNamespace(name string, labels map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := "ADDED"
	if s.spaces[name] != nil {
		kind = "MODIFIED"
	}
	n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	s.spaces[name] = n
	s.tellNamespace(kind, n)
}

// DeleteNamespace removes one.
func (s *Server) DeleteNamespace(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.spaces[name]; n != nil {
		delete(s.spaces, name)
		s.tellNamespace("DELETED", n)
	}
}

func (s *Server) tellNamespace(kind string, n *corev1.Namespace) {
	n.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}
	n.ResourceVersion = strconv.Itoa(s.version + 1)
	s.tell(kind, namespaces, n)
}

// Delete removes a pod.
func (s *Server) Delete(namespace, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.pods[namespace+"/"+name]; p != nil {
		delete(s.pods, namespace+"/"+name)
		s.tellPod("DELETED", p)
	}
}

// Replace puts p in the place of a pod of its name, and forgets what there was to watch before: who did not see it must list.
func (s *Server) Replace(p *corev1.Pod) {
	s.Delete(p.Namespace, p.Name)
	s.Put(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events, s.oldest = nil, s.version
}

func (s *Server) tellPod(kind string, p *corev1.Pod) {
	p.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	p.ResourceVersion = strconv.Itoa(s.version + 1)
	s.tell(kind, pods, p)
}

func (s *Server) tell(kind, path string, object any) {
	s.version++
	text, err := json.Marshal(map[string]any{"type": kind, "object": object})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	s.events = append(s.events, event{s.version, path, append(text, '\n')})
	s.wake()
}

func (s *Server) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// ServeHTTP answers as the API does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	mode, changed := s.mode, s.changed
	s.mu.Unlock()
	switch q := r.URL.Query(); {
	case mode == Dies:
		panic(http.ErrAbortHandler)
	case mode == Hangs:
		select {
		case <-changed:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case mode == Forbids:
		s.refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden, `pods is forbidden: User "t" cannot list resource "pods"`)
	case mode == ForbidsNamespaces && r.URL.Path == namespaces:
		s.refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden, `namespaces is forbidden: User "t" cannot list resource "namespaces"`)
	case r.URL.Path != namespaces && (r.URL.Path != pods || q.Get("fieldSelector") != "spec.nodeName="+s.node):
		http.Error(w, "asked for "+r.URL.String(), http.StatusBadRequest)
	case q.Get("watch") != "":
		s.watch(w, r, q.Get("resourceVersion"))
	default:
		s.list(w, r)
	}
}

func (s *Server) refuse(w http.ResponseWriter, code int32, reason metav1.StatusReason, message string) {
	status := metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(code))
	json.NewEncoder(w).Encode(status)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Accepts = r.Header.Get("Accept")
	version := metav1.ListMeta{ResourceVersion: strconv.Itoa(s.version)}
	all, spaces := &corev1.PodList{ListMeta: version}, &corev1.NamespaceList{ListMeta: version}
	for _, p := range s.pods {
		all.Items = append(all.Items, *p)
	}
	for _, n := range s.spaces {
		spaces.Items = append(spaces.Items, *n)
	}
	list := runtime.Object(all)
	if r.URL.Path == namespaces {
		list = spaces
	}
	w.Header().Set("Content-Type", "application/vnd.kubernetes.protobuf")
	if err := encoder.Encode(list, w); err != nil {
		panic("BUG: " + err.Error())
	}
}

var encoder = func() runtime.Encoder {
	scheme := runtime.NewScheme()
	utilruntime.Must(corev1.AddToScheme(scheme))
	codecs := serializer.NewCodecFactory(scheme)
	return codecs.EncoderForVersion(protobuf.NewSerializer(scheme, scheme), corev1.SchemeGroupVersion)
}()

func (s *Server) watch(w http.ResponseWriter, r *http.Request, from string) {
	seen, _ := strconv.Atoi(from)
	s.mu.Lock()
	gone := seen < s.oldest
	s.mu.Unlock()
	if gone {
		s.refuse(w, http.StatusGone, metav1.StatusReasonExpired, "too old resource version")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.(http.Flusher).Flush()
	for {
		s.mu.Lock()
		mode, changed, events := s.mode, s.changed, s.events
		s.mu.Unlock()
		if mode != Answers && mode != ForbidsNamespaces {
			panic(http.ErrAbortHandler)
		}
		for _, e := range events {
			if e.version > seen && e.path == r.URL.Path {
				w.Write(e.json)
				seen = e.version
			}
		}
		w.(http.Flusher).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
