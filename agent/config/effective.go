package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Setting is one key of a configuration with the value that holds.
type Setting struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Default bool   `json:"default"` // the file need not say it
}

// hidden is what stands for a value that may hold a secret.
const hidden = "(hidden)"

// Settings lists what holds, in the order of the types, to be shown to anybody: secrets are hidden, and so are the values of
// fields that are added and the patterns of redactions, for a reference in them may stand for one.
func (c *Config) Settings() []Setting {
	var usual Config
	usual.setDefaults()
	var all []Setting
	list(&all, "", reflect.ValueOf(*c), reflect.ValueOf(usual))
	return all
}

// list adds the settings of a set of keys; usual has their defaults.
func list(all *[]Setting, path string, v, usual reflect.Value) {
	for i, key := range keys(v.Type()) {
		one(all, join(path, key), v.Field(i), usual.Field(i))
	}
}

func one(all *[]Setting, path string, v, usual reflect.Value) {
	_, scalar := reflect.New(v.Type()).Interface().(setter)
	switch {
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			return
		}
		section := reflect.New(v.Type().Elem())
		section.Interface().(interface{ setDefaults() }).setDefaults()
		list(all, path, v.Elem(), section.Elem())
	case v.Kind() == reflect.Struct && !scalar:
		list(all, path, v, usual)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		for i := range v.Len() {
			element := reflect.New(v.Type().Elem())
			if d, ok := element.Interface().(interface{ setDefaults() }); ok {
				d.setDefaults()
			}
			list(all, fmt.Sprintf("%s[%d]", path, i), v.Index(i), element.Elem())
		}
	default:
		*all = append(*all, Setting{path, shown(v), reflect.DeepEqual(v.Interface(), usual.Interface())})
	}
}

// shown writes a value as people may see it; "" where there is none.
func shown(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case []string:
		return strings.Join(x, ", ")
	case map[string]string, map[string]Secret:
		var names []string
		for _, name := range v.MapKeys() {
			names = append(names, name.String()+": "+hidden)
		}
		return strings.Join(slices.Sorted(slices.Values(names)), ", ")
	case Pattern:
		return hidden
	}
	text := fmt.Sprint(v.Interface())
	if v.IsZero() && v.Kind() != reflect.Bool && v.Kind() != reflect.Int {
		return ""
	}
	return text
}
