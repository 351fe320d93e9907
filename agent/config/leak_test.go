package config

import (
	"strings"
	"testing"
)

// What a reference stands for, and what stands beside the fault on its line, is in no error either.
func TestErrorsShowNoSecretOfTheLine(t *testing.T) {
	t.Setenv("T_PATTERN", "(hunter2")
	list := func(url string) string { return strings.Replace(small, `"http://127.0.0.1:9200"`, url, 1) }
	for name, text := range map[string]string{
		"a set of keys on one line": "inputs: [{kubernetes: {}}]\nsink:\n  elasticsearch: {urls: [\"http://a:1\"], password: hunter2, usrname: u}\n",
		"two sets of keys":          "inputs: [{kubernetes: {}}]\nsink: {elasticsearch: {urls: [\"http://a:1\"], \"api_key\": hunter2, foo: 1}}\n",
		"a set over several lines":  "inputs: [{kubernetes: {}}]\nsink: {elasticsearch: {\n  urls: [\"http://a:1\"],\n  timeout: 5, bearer: hunter2}}\n",
		"headers on one line":       small + "    tls: {insecure_skip_verify: 5}\n    timeout: 5\n    concurrency: {headers: {A: hunter2}}\n",
		"added fields on one line":  small + "fields: {add: {a.b: hunter2}, drop: 3}\n",
		"a slash in a password":     list(`"https://elastic:pa/hunter2@es:9200"`),
		"a blank in a password":     list(`"https://elastic:pa hunter2@es:9200"`),
		"a URL without scheme":      list(`"elastic:hunter2@es:9200"`),
		"a URL with one slash":      list(`"https:/elastic:hunter2@es:9200"`),
		"no list of URLs":           strings.Replace(small, `["http://127.0.0.1:9200"]`, "elastic:hunter2@es:9200", 1),
		"a pattern to redact":       small + "redact:\n  - pattern: ${T_PATTERN}\n",
		"a multiline pattern":       "inputs:\n  - kubernetes: {multiline: {start: \"${T_PATTERN}\"}}\nsink:\n  elasticsearch:\n    urls: [\"http://a:1\"]\n",
		"no proxy's URL":            small + "    proxy: \"u:hunter2@p\"\n",
		"a misspelled key":          "inputs: [{kubernetes: {}}]\nsink: {elasticsearch: {urls: [\"http://a:1\"], pasword: hunter2}}\n",
	} {
		_, err := Parse("x.yaml", []byte(text))
		if err == nil {
			t.Errorf("%s: accepted:\n%s", name, text)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s:\n%s", name, err)
		}
	}
}
