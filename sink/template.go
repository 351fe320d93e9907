package sink

import (
	"encoding/json"
	"regexp"
	"strings"
)

// What logboom setup installs, as the server wants it. Sources: Elasticsearch Guide 7.17 and 8.x, "Index templates" and "ILM
// actions"; OpenSearch documentation, "Index templates" and "Policies" of Index State Management.

type object = map[string]any

const (
	policyName = "logboom"
	namePrefix = "logboom."
	managedBy  = "logboom"
)

var placeholders = regexp.MustCompile(`%\{(\+?)[^}]*\}`)

// target is a set of indices that one template is for.
type target struct {
	pattern string // with * in place of what differs
	stream  bool   // they are data streams: no date makes a new index of a new day
	one     bool   // it is one name
}

// newTarget returns the target of a Route as it stands in the configuration.
func newTarget(route string) target {
	t := target{stream: true, one: true}
	for _, part := range placeholders.FindAllStringSubmatch(route, -1) {
		t.one = false
		t.stream = t.stream && part[1] == ""
	}
	t.pattern = placeholders.ReplaceAllString(route, "*")
	for strings.Contains(t.pattern, "**") {
		t.pattern = strings.ReplaceAll(t.pattern, "**", "*")
	}
	return t
}

// templateName is one that no other target has.
func (t target) templateName() string { return namePrefix + strings.ReplaceAll(t.pattern, "*", "any") }

// priority is above that of the templates that a cluster brings along (100), below that of Elastic's integrations (200), and
// higher for a pattern that says more, as two templates of one priority must not overlap.
func (t target) priority() int { return 110 + min(80, len(strings.ReplaceAll(t.pattern, "*", ""))) }

// abilities are what a server may lack: distributions differ, and so do licences.
type abilities struct{ streams, lifeCycles bool }

// template returns the index template of t.
func (t target) template(d dialect, has abilities) object {
	settings := object{"codec": "best_compression"}
	if t.stream && has.lifeCycles && d.policySetting != "" {
		settings[d.policySetting] = policyName
	}
	body := object{
		"index_patterns": []string{t.pattern},
		"priority":       t.priority(),
		"template":       object{"settings": object{"index": settings}, "mappings": mappings(d)},
		"_meta":          object{"managed_by": managedBy},
	}
	if t.stream && has.streams {
		body["data_stream"] = object{}
	}
	return body
}

// mappings are those of the documents in document.go. Fields that people add become keywords: they are never guessed to be
// dates or numbers, which the next document could not follow.
func mappings(d dialect) object {
	keyword := object{"type": "keyword", "ignore_above": 1024}
	name := object{"properties": object{"name": keyword}}
	kubernetes := object{
		"namespace":   keyword,
		"pod":         object{"properties": object{"name": keyword, "uid": keyword}},
		"container":   name,
		"node":        name,
		"labels":      d.labels,
		"annotations": d.labels,

		"namespace_labels": d.labels,
	}
	for _, kind := range owners {
		kubernetes[kind] = name
	}
	return object{
		"date_detection": false,
		"dynamic_templates": []object{
			{"strings": object{"match_mapping_type": "string", "mapping": keyword}},
		},
		"properties": object{
			"@timestamp": object{"type": "date_nanos"},
			"message":    d.message,
			"json":       d.json,
			"stream":     keyword,
			"tags":       keyword,
			"event": object{"properties": object{
				"sequence": object{"type": "long"},
				"original": object{"type": "keyword", "index": false, "doc_values": false},
			}},
			"log": object{"properties": object{
				"offset": object{"type": "long"},
				"file":   object{"properties": object{"path": keyword}},
			}},
			"host":       name,
			"container":  object{"properties": object{"id": keyword, "image": name}},
			"kubernetes": object{"properties": kubernetes},
		},
	}
}

// dialect is where Elasticsearch and OpenSearch differ.
type dialect struct {
	policyPath    string // of a request about our life-cycle policy
	policySetting string // of an index, that names its policy; "": the policy names its indices
	message       object
	labels        object // one field, whatever the number of keys
	json          object // the same, of messages
}

var dialects = map[string]dialect{
	"elasticsearch": {
		policyPath: "/_ilm/policy/" + policyName, policySetting: "lifecycle.name",
		message: object{"type": "match_only_text"}, labels: object{"type": "flattened"},
		json: object{"type": "flattened", "ignore_above": 8191}, // four bytes each: an immense term would refuse the document
	},
	"opensearch": {
		policyPath: "/_plugins/_ism/policies/" + policyName,
		message:    object{"type": "text"}, labels: object{"type": "flat_object"}, json: object{"type": "flat_object"},
	},
}

// plain is for a server that lacks newer field types: labels and members of messages are then kept and shown, but not searched.
func (d dialect) plain() dialect {
	d.message, d.labels = object{"type": "text"}, object{"type": "object", "enabled": false}
	d.json = d.labels
	return d
}

// policy rolls data streams over, and deletes nothing: how long logs are kept is not for their forwarder to say.
func (d *dialect) policy(streams []target) object {
	if d.policySetting != "" {
		return object{"policy": object{"phases": object{"hot": object{"actions": object{
			"rollover": object{"max_primary_shard_size": "50gb", "max_age": "30d"},
		}}}}}
	}
	patterns := []string{}
	for _, t := range streams {
		patterns = append(patterns, t.pattern)
	}
	return object{"policy": object{
		"description":   "roll over data streams that " + managedBy + " writes",
		"default_state": "open",
		"states": []object{{"name": "open", "transitions": []object{}, "actions": []object{
			{"rollover": object{"min_primary_shard_size": "50gb", "min_index_age": "30d"}},
		}}},
		"ism_template": []object{{"index_patterns": patterns, "priority": 110}},
	}}
}

// indented is v as JSON for people; the server takes it, too.
func indented(v any) []byte {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return append(text, '\n')
}
