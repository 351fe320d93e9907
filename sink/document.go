package sink

import (
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"logboom/wal"
)

// fileText is all that the documents of one File have in common, rendered once. A document and its action are
//
//	{"create":{"_id":"           head: with the part of the _id that belongs to the File
//	AAAAAAAAAAAAAHtr3Y9B"}}\n    the rest of the _id
//	{"@timestamp":"..."          the Event's time
//	,"message":"..."             the Event's message
//	,"json":{...}                where the File asks for it: the message's members, if it is a JSON object
//	,"event":{"sequence":123}
//	,"log":{"offset":123         the last thing that differs: what follows is one long match for the compressor,
//	,"file":...,"stream":...}\n  tail, by stream; it goes on into the head of the next action
type fileText struct {
	head     []byte    // {"create":{"_id":"<20 characters>
	lastByte byte      // of the FileID: the first byte of the rest of an _id
	sequence int64     // event.sequence of Offset 0
	event    []byte    // fields of event that people added
	tail     [3][]byte // by stream: none, stdout, stderr
	route    *route
}

const (
	idFileChars = 20 // of an _id: the File's first 15 bytes
	idRestBytes = 1 + 8 + 4
	idRestChars = 18

	actionStart = `{"create":{"_id":"`
	unnamedHead = `{"create":{` // where the backend makes ids
)

func newFileText(f *wal.File, choice *Fields) *fileText {
	t := &fileText{
		head:     base64.RawURLEncoding.AppendEncode([]byte(actionStart), f.ID[:15]),
		lastByte: f.ID[15],
		sequence: int64(f.Ordinal) << 40,
		route:    newRoute(f.Route),
	}
	if choice.BackendIDs {
		t.head = []byte(unnamedHead)
	}
	for i, stream := range []string{"", "stdout", "stderr"} {
		root := staticFields(f, stream)
		for _, name := range slices.Sorted(maps.Keys(choice.Add)) {
			root.set(name, choice.Add[name]) // Check saw to it that they can be set
		}
		for _, name := range choice.Drop {
			root.drop(name)
		}
		if f.JSON != "" {
			root.drop(f.JSON)
		}
		t.event = root.take("event").appendFields(nil)
		t.tail[i] = append(root.take("log").appendFields(nil), '}')
		t.tail[i] = append(root.appendFields(t.tail[i]), "}\n"...)
	}
	return t
}

// bytes is what t takes, about.
func (t *fileText) bytes() int {
	n := cap(t.head) + cap(t.event)
	for _, tail := range t.tail {
		n += cap(tail)
	}
	return n
}

// appendRest appends the part of the _id that is the Event's own.
func (t *fileText) appendRest(dst []byte, at wal.Offset, sum uint32) []byte {
	var rest [idRestBytes]byte
	rest[0] = t.lastByte
	binary.BigEndian.PutUint64(rest[1:], uint64(at))
	binary.BigEndian.PutUint32(rest[9:], sum)
	return base64.RawURLEncoding.AppendEncode(dst, rest[:])
}

// appendSequence appends the number that every event object begins with.
func (t *fileText) appendSequence(dst []byte, e *Event) []byte {
	return strconv.AppendInt(dst, t.sequence+int64(e.Offset), 10)
}

// appendPlace ends the event object, and the document behind it.
func (t *fileText) appendPlace(dst []byte, e *Event) []byte {
	dst = append(dst, t.event...)
	switch {
	case e.Part > 0:
		dst = append(dst, `},"logboom":{"part":`...)
		dst = strconv.AppendInt(dst, int64(e.Part), 10)
		dst = append(dst, `,"last":`...)
		dst = strconv.AppendBool(dst, e.Last)
	case e.GoesOn:
		dst = append(dst, `},"logboom":{"goes_on":true`...)
	}
	dst = append(dst, logStart...)
	dst = strconv.AppendInt(dst, int64(e.Offset), 10)
	return append(dst, t.streamTail(e.Stream)...)
}

const logStart = `},"log":{"offset":`

func (t *fileText) streamTail(stream string) []byte { return t.tail[streamNumber(stream)] }

// streamNumber is a stream's place in fileText.tail.
func streamNumber(stream string) int {
	switch stream {
	case "stdout":
		return 1
	case "stderr":
		return 2
	}
	return 0
}

// staticFields are the fields that all Events of a File and stream have in common.
func staticFields(f *wal.File, stream string) *field {
	root := &field{}
	set := func(name, text string, there bool) {
		if there {
			root.set(name, text)
		}
	}
	root.set("log.file.path", f.Path)
	set("host.name", f.Node, f.Node != "")
	pod := f.Namespace != "" || f.Pod != ""
	set("kubernetes.namespace", f.Namespace, pod)
	set("kubernetes.pod.name", f.Pod, pod)
	set("kubernetes.pod.uid", f.PodUID, pod)
	set("kubernetes.container.name", f.Container, pod)
	set("kubernetes.node.name", f.Node, pod && f.Node != "")
	if pod {
		k := root.child("kubernetes")
		for _, kind := range owners {
			set("kubernetes."+kind+".name", f.Owners[kind], f.Owners[kind] != "")
		}
		k.add(textFields("labels", f.Labels))
		k.add(textFields("annotations", shown(f.Annotations)))
		k.add(textFields("namespace_labels", f.NamespaceLabels))
	}
	set("container.id", f.ContainerID, f.ContainerID != "")
	set("container.image.name", f.Image, f.Image != "")
	set("stream", stream, stream != "")
	return root
}

// owners are the kinds of what makes pods that documents name, as the Elastic Common Schema's field sets for Kubernetes do.
var owners = []string{"cronjob", "daemonset", "deployment", "job", "replicaset", "statefulset"}

// control is what the names of annotations begin with that speak to logboom. They say nothing about an Event.
const control = "logboom.io/"

func shown(annotations map[string]string) map[string]string {
	others := maps.Clone(annotations)
	maps.DeleteFunc(others, func(name, _ string) bool { return strings.HasPrefix(name, control) })
	return others
}

// textFields is an object of the pod's labels, of its annotations, or of its namespace's labels.
func textFields(name string, texts map[string]string) *field {
	all := &field{name: name, object: true}
	for _, l := range fieldNames(texts) {
		all.fields = append(all.fields, &field{name: l.field, text: texts[l.key]})
	}
	return all
}

type labelName struct{ key, field string }

// fieldNames gives each label or annotation a field of its own. Dots would make objects of the keys, and app beside app.version is
// then a conflict, so they become underscores. Where that makes two keys equal, the key without dots keeps the name, and
// the others get _2, _3, ... in the order of their keys.
func fieldNames(labels map[string]string) []labelName {
	var names []labelName
	taken := map[string]bool{}
	for key := range labels {
		names = append(names, labelName{key: key})
		if !strings.Contains(key, ".") {
			taken[key] = true
		}
	}
	slices.SortFunc(names, func(a, b labelName) int { return strings.Compare(a.key, b.key) })
	for i, l := range names {
		field := strings.ReplaceAll(l.key, ".", "_")
		if field != l.key {
			base := field
			for n := 2; taken[field]; n++ {
				field = base + "_" + strconv.Itoa(n)
			}
			taken[field] = true
		}
		names[i].field = field
	}
	return names
}

// fileCache keeps the fileText of the Files that Events came from lately. A File value is immutable, so its pointer is
// the key. Two generations bound it: when the young one is full, it becomes the old one, whose unused rest goes.
type fileCache struct {
	choice *Fields

	mu         sync.Mutex
	young, old map[*wal.File]*fileText // guarded by mu
	bytes      int                     // of young; guarded by mu
}

// Bounds of a generation. A text has about 3 KB, and up to 200 KB where a pod has labels and annotations for it.
const (
	cachedFiles = 512
	cachedBytes = 2 << 20
)

func newFileCache(choice *Fields) *fileCache {
	return &fileCache{choice: choice, young: map[*wal.File]*fileText{}}
}

func (c *fileCache) get(f *wal.File) *fileText {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.young[f]
	if t != nil {
		return t
	}
	if t = c.old[f]; t == nil {
		t = newFileText(f, c.choice)
	}
	if len(c.young) >= cachedFiles || c.bytes >= cachedBytes {
		c.old, c.young, c.bytes = c.young, map[*wal.File]*fileText{}, 0
	}
	c.young[f] = t
	c.bytes += t.bytes()
	return t
}
