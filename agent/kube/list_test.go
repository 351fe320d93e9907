package kube

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"logboom/agent/kube/kubetest"
)

// object is a pod with a specification of about size bytes, as it stands in a list.
func object(i, size int) []byte {
	pod := web()
	pod.Name, pod.UID = fmt.Sprintf("pod-%03d", i), types.UID(fmt.Sprintf("u-%03d", i))
	pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "E", Value: strings.Repeat("e", size)}}
	text, err := pod.Marshal()
	if err != nil {
		panic(err)
	}
	return append(binary.AppendUvarint([]byte{2<<3 | 2}, uint64(len(text))), text...)
}

// listBegin is what the API sends before the objects of a list, and listEnd what follows.
func listBegin(size int) []byte {
	meta := []byte{1<<3 | 2, 3, 2<<3 | 2, 1, '7'} // its resource version
	begin := append([]byte("k8s\x00\x0a\x0d\x0a\x02v1\x12\x07PodList\x12"), binary.AppendUvarint(nil, uint64(len(meta)+size))...)
	return append(begin, meta...)
}

var listEnd = []byte{3<<3 | 2, 0, 4<<3 | 2, 0}

// Of 100 pods of a megabyte, no more is in memory than an object and what is kept, wherever in the list one looks.
func TestAListIsNeverInMemoryAsAWhole(t *testing.T) {
	const pods, size = 100, 1 << 20
	var most int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") != "" {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", protobuf)
		before := live()
		w.Write(listBegin(pods * len(object(0, size))))
		for i := range pods {
			w.Write(object(i, size))
			if i%10 == 9 {
				most = max(most, live()-before)
			}
		}
		w.Write(listEnd)
	}))
	t.Cleanup(s.Close)
	p := run(t, Options{Kubeconfig: kubetest.Kubeconfig(t, s.URL)})
	until(t, "all pods are known", func() bool { return p.Report().Pods == pods })
	t.Logf("at most %d KB of %d MB", most>>10, pods*size>>20)
	if most > 16<<20 {
		t.Errorf("%d MB are in memory", most>>20)
	}
	s.CloseClientConnections()
}

// What is no list, or ends too early, is an error: a pod that is missing would be taken for one that was deleted.
func TestOnlyAWholeListIsOne(t *testing.T) {
	objects := slices.Concat(object(0, 10), object(1, 300))
	whole := slices.Concat(listBegin(len(objects)), objects, listEnd)
	count := func(text []byte) (n int, version string, err error) {
		m, err := readList(bytes.NewReader(text), func([]byte) error { n++; return nil })
		return n, m.ResourceVersion, err
	}
	if n, version, err := count(whole); n != 2 || version != "7" || err != nil {
		t.Errorf("%d objects, version %q, %v", n, version, err)
	}
	for cut := range len(whole) - len(listEnd) {
		if _, _, err := count(whole[:cut]); err == nil {
			t.Errorf("%d of %d bytes are a list", cut, len(whole))
		}
	}
	for _, text := range []string{"", `{"kind":"PodList","items":[]}`, "k8s\x00", "k8s\x00\x12\x02\x08\x01", "k8s\x00\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if _, _, err := count([]byte(text)); !errors.Is(err, errNoList) {
			t.Errorf("%q: %v", text, err)
		}
	}
	// One that is too large is nobody else's loss.
	huge := slices.Concat(object(0, 10), object(1, maxObject), object(2, 10))
	if n, _, err := count(slices.Concat(listBegin(len(huge)), huge, listEnd)); n != 2 || err != nil {
		t.Errorf("%d objects, %v", n, err)
	}
}
