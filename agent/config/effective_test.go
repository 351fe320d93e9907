package config

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Whatever a Secret, a header or a pattern is, it is not shown, and that it is there is.
func TestSettingsShowNoSecret(t *testing.T) {
	const secret = "hunter2"
	c, err := Parse("x.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	set := 0
	plant(reflect.ValueOf(c).Elem(), secret, &set)
	if err := c.Redact[0].Pattern.set(secret); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(c.Settings())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), secret) {
		t.Errorf("%s", text)
	}
	if n := strings.Count(string(text), "(hidden)"); n != set+1 {
		t.Errorf("%d secrets are said to be there, %d were set: %s", n, set+1, text)
	}
}

// plant puts secret wherever one may stand.
func plant(v reflect.Value, secret string, set *int) {
	switch {
	case v.Type() == reflect.TypeFor[Secret]():
		v.SetString(secret)
		*set++
	case v.Type() == reflect.TypeFor[Pattern]():
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			plant(v.Field(i), secret, set)
		}
	case v.Kind() == reflect.Map:
		one := reflect.New(v.Type().Elem()).Elem()
		one.SetString(secret)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("X-Key"), one)
		*set++
	case v.Type() == reflect.TypeFor[[]Redaction]():
		v.Set(reflect.ValueOf([]Redaction{{Replace: "x"}}))
	}
}

// No key is left out, and what is said of it is what the file says.
func TestSettingsListEveryKey(t *testing.T) {
	c, err := Load("testdata/every-key.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, listed := map[string]Setting{}, map[string]bool{}
	for _, s := range c.Settings() {
		got[s.Key] = s
		listed[regexp.MustCompile(`\[\d+\]`).ReplaceAllString(s.Key, "[]")] = true
	}
	var all []string
	listKeys(reflect.ValueOf(Config{}), "", &all)
	for _, key := range all {
		key, _, _ := strings.Cut(key, " = ")
		section := slices.ContainsFunc(all, func(other string) bool { return strings.HasPrefix(other, key+".") || strings.HasPrefix(other, key+"[") })
		if !section && !listed[key] {
			t.Errorf("%s is not listed", key)
		}
	}
	for key, want := range map[string]string{"data_dir": "/data", "wal.max_size": "2TiB", "wal.min_free": "19531250KiB", "lock_wait": "1m30s", "inputs[1].files.paths": "/a/*.log, /b/**/{x,y}.log",
		"inputs[2].files.multiline.continue": `^\s`, "sink.elasticsearch.own_ids": "false", "sink.elasticsearch.api_key": hidden, "sink.elasticsearch.password": "",
		"sink.elasticsearch.headers": "X-Number: (hidden), X-Tenant: (hidden)", "redact[0].pattern": hidden, "redact[0].replace": "password=***", "fields.drop": "kubernetes.labels, stream"} {
		if s, ok := got[key]; !ok || s.Value != want || s.Default != (want == "") {
			t.Errorf("%s: %+v, want %q", key, s, want)
		}
	}
	if s := got["inputs[2].files.format"]; !s.Default || s.Value != "plain" {
		t.Errorf("%+v", s)
	}
}
