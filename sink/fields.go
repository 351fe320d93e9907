package sink

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Fields are what people choose about documents. The zero value changes nothing. Ids are made of an Event's raw bytes, so a
// choice never makes a second document of what is stored already.
type Fields struct {
	Add    map[string]string // texts by dotted name, such as service.name; they replace ours
	Drop   []string          // dotted names, with all that is below them
	Redact []Redaction       // of messages, one after the other

	// BackendIDs leaves ids to the backend, which stores faster without ours. What is sent again is then stored again.
	BackendIDs bool
}

// Redaction replaces what Pattern finds in a message. It sees one Event, or one part of a long one.
type Redaction struct {
	Pattern *regexp.Regexp
	Replace []byte // with $1 and ${name} for what was captured
}

// Check says what can't be: a name that is no field's, two that exclude each other, and fields that every document needs.
func (c *Fields) Check() error {
	root := ownFields()
	for _, name := range slices.Sorted(maps.Keys(c.Add)) {
		if err := checkName(name); err != nil {
			return err
		}
		if slices.Contains(kept, name) {
			return fmt.Errorf("%s can't be replaced: documents are found and ordered by it", name)
		}
		if err := checkPlace(name); err != nil {
			return err
		}
		if !root.set(name, c.Add[name]) {
			return fmt.Errorf("%s is an object in some documents and a text in others", name)
		}
	}
	for _, r := range c.Redact {
		if r.Pattern.MatchString("") {
			return fmt.Errorf("the pattern %s finds the empty text, which is everywhere", r.Pattern)
		}
	}
	for _, name := range c.Drop {
		if err := checkName(name); err != nil {
			return err
		}
		for _, k := range kept {
			if k == name || strings.HasPrefix(k, name+".") {
				return fmt.Errorf("%s can't be dropped: documents are found and ordered by %s", name, k)
			}
		}
	}
	return nil
}

// ownFields are the fields of documents that nobody chose.
func ownFields() *field {
	root := &field{}
	for _, name := range []string{"@timestamp", "message", "stream", "event.sequence", "event.original", "log.offset", "log.file.path", "host.name",
		"container.id", "kubernetes.namespace", "kubernetes.pod.name", "kubernetes.pod.uid", "kubernetes.container.name",
		"kubernetes.node.name", "kubernetes.labels.x", "kubernetes.annotations.x", "kubernetes.namespace_labels.x", "container.image.name", "logboom.part", "tags"} {
		root.set(name, "")
	}
	for _, kind := range owners {
		root.set("kubernetes."+kind+".name", "")
	}
	return root
}

// CheckJSON says why the members of messages can't stand in the field name, or returns nil.
func (c *Fields) CheckJSON(name string) error {
	if ownFields().child(name) != nil {
		return fmt.Errorf("documents have a field %s already", name)
	}
	for added := range c.Add {
		if first, _, _ := strings.Cut(added, "."); first == name {
			return fmt.Errorf("fields.add has %s, in the same place", added)
		}
	}
	for _, dropped := range c.Drop {
		if first, _, _ := strings.Cut(dropped, "."); first == name {
			return fmt.Errorf("fields.drop has %s, but what a message says can't be dropped; redact it", dropped)
		}
	}
	return nil
}

// kept are the fields that differ from Event to Event.
var kept = []string{"@timestamp", "message", "event.sequence", "event.original", "log.offset", "logboom.part"}

var fieldName = regexp.MustCompile(`^[A-Za-z0-9_@-]+(\.[A-Za-z0-9_@-]+)*$`)

func checkName(name string) error {
	if !fieldName.MatchString(name) {
		return fmt.Errorf("%q is no field name: parts of letters, digits, _, - and @, with dots between", name)
	}
	return nil
}

// checkPlace says why nothing can be added there: it would be refused, with the documents, or lost.
func checkPlace(name string) error {
	label, isLabel := "", false
	for _, of := range []string{"labels", "annotations", "namespace_labels"} {
		if !isLabel {
			label, isLabel = strings.CutPrefix(name, "kubernetes."+of+".")
		}
	}
	switch {
	case strings.HasPrefix(name, "_"):
		return fmt.Errorf("%s can't be added: fields that begin with _ are the backend's own", name)
	case strings.HasPrefix(name, "logboom."): // only some documents have it, each Event its own
		return fmt.Errorf("%s can't be added: logboom is where documents say what became of long events", name)
	case isLabel && strings.Contains(label, "."):
		return fmt.Errorf("%s can't be added: the name of a label or an annotation has no dots in documents", name)
	}
	return nil
}

// field is a JSON object, or a text without fields.
type field struct {
	name   string
	text   string
	fields []*field // in the order in which they were set
	object bool
}

// set gives a dotted name a text. It does not, and returns false, where that would make a text of an object or the other
// way round.
func (f *field) set(name, text string) bool {
	f.object = true
	first, rest, deeper := strings.Cut(name, ".")
	child := f.child(first)
	switch {
	case child == nil:
		child = &field{name: first}
		f.fields = append(f.fields, child)
	case child.object != deeper:
		return false
	}
	if deeper {
		return child.set(rest, text)
	}
	child.text = text
	return true
}

// add appends an object, unless it is empty.
func (f *field) add(object *field) {
	if len(object.fields) > 0 {
		f.fields = append(f.fields, object)
	}
}

func (f *field) child(name string) *field {
	i := slices.IndexFunc(f.fields, func(c *field) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return f.fields[i]
}

// drop removes a dotted name with all that is below it, and objects that are empty then.
func (f *field) drop(name string) {
	first, rest, deeper := strings.Cut(name, ".")
	child := f.child(first)
	if child == nil {
		return
	}
	if deeper {
		child.drop(rest)
	}
	if !deeper || child.object && len(child.fields) == 0 {
		f.fields = slices.DeleteFunc(f.fields, func(c *field) bool { return c == child })
	}
}

// take removes a child and returns it; an empty one where there was none.
func (f *field) take(name string) *field {
	child := f.child(name)
	if child == nil {
		return &field{}
	}
	f.drop(name)
	return child
}

// appendFields appends all of f's, each with a comma before it.
func (f *field) appendFields(dst []byte) []byte {
	for _, c := range f.fields {
		dst = appendString(append(dst, ','), c.name)
		dst = append(dst, ':')
		if !c.object {
			dst = appendString(dst, c.text)
			continue
		}
		start := len(dst)
		dst = append(c.appendFields(dst), '}')
		dst[start] = '{' // in place of the first comma
	}
	return dst
}

// redact returns a message as it may be sent. The result is message itself where nothing is found in it.
func (c *Fields) redact(message []byte) []byte {
	for i := range c.Redact {
		if r := &c.Redact[i]; r.Pattern.Match(message) {
			message = r.Pattern.ReplaceAll(message, r.Replace)
		}
	}
	return message
}
