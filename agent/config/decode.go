package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// decoder walks a YAML tree and a Go value together. Of a field it takes the key from the tag yaml, and the reading of its
// text from the field's type: a setter, or one of a few kinds. It goes on after a problem, to tell all of them.
type decoder struct {
	source
	problems []problem
	marks    map[string]mark // by path, such as inputs[0].files.paths: where things stand that the file says
}

// mark is a place in the file.
type mark struct {
	line, column int
	shown        string // the value as errors quote it: as it stands in the file, so never what a reference is replaced by
}

// setter is a type with a text form of its own. Its errors say what is wrong behind the quoted text.
type setter interface{ set(text string) error }

// wrong is such an error.
type wrong string

func (w wrong) Error() string { return string(w) }

// document parses data into c and returns whether there is a document that could be walked.
func (d *decoder) document(data []byte, c *Config) bool {
	file, err := parse(data)
	if err != nil {
		d.syntax(err)
		return false
	}
	var docs []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil {
			docs = append(docs, doc.Body)
		}
	}
	switch len(docs) {
	case 0:
		d.report(mark{line: 1, column: 1}, "the file says nothing; inputs and sink.elasticsearch.urls are needed")
		return false
	case 1:
		d.value("", docs[0], reflect.ValueOf(c).Elem())
		_, ok := docs[0].(*ast.MappingNode)
		return ok
	default:
		d.report(at(docs[1]), "a second YAML document; one file holds one configuration")
		return false
	}
}

// parse turns what the parser may throw at odd text into an error.
func parse(data []byte) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the YAML parser gave up: %v", r)
		}
	}()
	return parser.ParseBytes(data, 0)
}

func (d *decoder) syntax(err error) {
	where, message := mark{line: 1, column: 1}, "not YAML"
	if e, ok := err.(yaml.Error); ok {
		message = e.GetMessage()
		if t := e.GetToken(); t != nil && t.Position != nil {
			where = mark{line: t.Position.Line, column: t.Position.Column}
		}
	}
	d.report(where, "not valid YAML: %s", message)
}

// value fills v, whose path is path, from n.
func (d *decoder) value(path string, n ast.Node, v reflect.Value) {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		d.report(d.marks[path], "%s has no value", orFile(path))
		return
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.report(at(n), "anchors, aliases and tags of YAML are not supported")
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if s, ok := v.Addr().Interface().(interface{ setDefaults() }); ok && path != "" {
		s.setDefaults()
	}
	_, isSetter := v.Addr().Interface().(setter)
	switch {
	case v.Kind() == reflect.Struct && !isSetter:
		d.mapping(path, n, v)
	case v.Kind() == reflect.Map:
		d.entries(path, n, v)
	case v.Kind() == reflect.Slice:
		d.sequence(path, n, v)
	default:
		d.scalar(path, n, v)
	}
}

func (d *decoder) mapping(path string, n ast.Node, v reflect.Value) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		d.report(at(n), "%s is %s; it must hold keys: %s", orFile(path), kind(n), strings.Join(keys(v.Type()), ", "))
		return
	}
	for _, pair := range m.Values {
		key, where := d.key(pair)
		field, ok := fieldOf(v, key)
		if !ok {
			d.unknown(path, key, where, v.Type())
			continue
		}
		child := join(path, key)
		d.marks[child] = where
		d.value(child, pair.Value, field)
	}
}

// entries reads a map whose keys are free, such as headers.
func (d *decoder) entries(path string, n ast.Node, v reflect.Value) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		d.report(at(n), "%s is %s; it must hold names with a value each", path, kind(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, pair := range m.Values {
		key, where := d.key(pair)
		d.marks[join(path, key)] = where
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(join(path, key), pair.Value, value)
		v.SetMapIndex(reflect.ValueOf(key), value)
	}
}

func (d *decoder) sequence(path string, n ast.Node, v reflect.Value) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		d.report(at(n), "%s is %s; it must be a list", path, kind(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values)))
	for i, item := range s.Values {
		child := fmt.Sprintf("%s[%d]", path, i)
		d.marks[child] = at(item)
		d.value(child, item, v.Index(i))
	}
}

// scalar resolves the references in the text of n and sets v.
func (d *decoder) scalar(path string, n ast.Node, v reflect.Value) {
	text, ok := textOf(n)
	where := at(n)
	if !ok {
		d.report(where, "%s is %s; it must be %s", path, kind(n), wanted(v))
		return
	}
	_, secret := v.Addr().Interface().(*Secret)
	if !secret {
		where.shown = strconv.Quote(hideUser(text))
	}
	d.marks[path] = where
	value, err := resolve(text)
	if err != nil {
		d.report(where, "%s: %v", path, err)
		return
	}
	if err := setScalar(v, value); err != nil && secret {
		d.report(where, "%s %v", path, err)
	} else if err != nil {
		d.report(where, "%s: %s %v", path, where.shown, err)
	}
}

func setScalar(v reflect.Value, text string) error {
	switch p := v.Addr().Interface().(type) {
	case setter:
		return p.set(text)
	case *string:
		if *p = text; text == "" {
			return wrong("is empty; leave the key out for the default")
		}
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return wrong("is not a whole number")
		}
		*p = n
	case *bool:
		if text != "true" && text != "false" {
			return wrong("is neither true nor false")
		}
		*p = text == "true"
	case *time.Duration:
		t, err := time.ParseDuration(text)
		if err != nil || t < 0 {
			return wrong("is not a duration; write it like 250ms, 30s or 5m")
		}
		*p = t
	default:
		panic(fmt.Sprintf("BUG: a field of type %T", p))
	}
	return nil
}

// key returns a pair's key and place.
func (d *decoder) key(pair *ast.MappingValueNode) (string, mark) {
	key := pair.Key.GetToken()
	return key.Value, mark{line: key.Position.Line, column: key.Position.Column}
}

func (d *decoder) unknown(path, key string, where mark, t reflect.Type) {
	known := keys(t)
	message := fmt.Sprintf("unknown key %q", key)
	if path != "" {
		message += " in " + path
	}
	if near := nearest(key, known); near != "" {
		d.report(where, "%s; did you mean %s?", message, near)
		return
	}
	d.report(where, "%s; known keys: %s", message, strings.Join(known, ", "))
}

func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	if i := slices.Index(keys(v.Type()), key); i >= 0 {
		return v.Field(i), true
	}
	return reflect.Value{}, false
}

// keys lists the keys of a struct in the order of its fields: all of them have one.
func keys(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("yaml")
	}
	return names
}

// textOf returns a scalar's text as it stands in the file: 010 stays 010.
func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode:
		return "a set of keys"
	case *ast.SequenceNode:
		return "a list"
	}
	return "a single value"
}

func wanted(v reflect.Value) string {
	switch v.Addr().Interface().(type) {
	case *int:
		return "a whole number"
	case *bool:
		return "true or false"
	case *time.Duration:
		return "a duration"
	case *Bytes, *Space:
		return "a size"
	}
	return "a single value"
}

// at is where n starts.
func at(n ast.Node) mark {
	t := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		t = m.Values[0].Key.GetToken() // its own token is the first colon
	}
	return mark{line: t.Position.Line, column: t.Position.Column}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func orFile(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}
