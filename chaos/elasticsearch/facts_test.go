package elasticsearch

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A fact is something that a real server does and that logboom rests on. README.md has the table in words.
type fact struct {
	name string
	ask  func(s client) answer
	want []string // an item's status and error type each; for an answer without items the HTTP status
}

// others is what other servers answer where that is something else.
var others = map[string]map[string][]string{
	"opensearch1": {"the limit of fields": {illegal, stored}},
	"opensearch":  openSearch,
	"opensearch3": openSearch,

	"elasticsearch8": elasticsearch8,
	"elasticsearch9": elasticsearch8,
}

var elasticsearch8 = map[string][]string{
	"an unknown action is left out of the items in silence": {"400"},
	"an immense term": {malformed},
}

var openSearch = map[string][]string{
	"an unknown action is left out of the items in silence": {"400"},
	"the limit of fields": {illegal, stored},
}

var gzipped = http.Header{"Content-Encoding": {"gzip"}}

const (
	stored    = "201"
	duplicate = "409 version_conflict_engine_exception"
	illegal   = "400 illegal_argument_exception"
	blocked   = "403 cluster_block_exception"
)

// malformed is what a document is that its mapping does not take.
var malformed = "400 " + mappingError()

func mappingError() string {
	switch server() {
	case "elasticsearch8", "elasticsearch9":
		return "document_parsing_exception"
	}
	return "mapper_parsing_exception"
}

// deliveries are the facts of documents that arrive.
var deliveries = []fact{
	{"an id that exists answers 409", func(s client) answer {
		s.create("twice", "")
		return s.bulk("", line("twice", "1")+line("twice", "1"))
	}, []string{stored, duplicate}},
	{"a gzip body is decoded", func(s client) answer {
		return s.do("POST", "/_bulk", gzipped, compress(s, line("gzip", "1")+line("gzip", "2")))
	}, []string{stored, stored}},
	{"both members of a gzip body are decoded", func(s client) answer {
		return s.do("POST", "/_bulk", gzipped, slices.Concat(compress(s, line("gzip", "3")), compress(s, line("gzip", "4"))))
	}, []string{stored, stored}},
	{"control characters pass when escaped", func(s client) answer {
		return s.bulk("", doc("control", "1", `{"message":"\u0000\u001b"}`))
	}, []string{stored}},
	{"an unknown action is left out of the items in silence", func(s client) answer {
		return s.bulk("", line("odd", "1")+"{\"creat\":{}}\n{}\n")
	}, []string{stored}},
	{"a body without a last newline is refused as a whole", func(s client) answer {
		return s.bulk("", strings.TrimSuffix(line("odd", "2"), "\n"))
	}, []string{"400"}},
	{"an id over 512 bytes refuses the whole request", func(s client) answer {
		return s.bulk("", line("odd", strings.Repeat("i", 513))+line("odd", "3"))
	}, []string{"400"}},
}

// poisons are documents that are refused for what they are; those beside them arrive.
var poisons = []fact{
	{"a value that doesn't fit its mapping", func(s client) answer {
		s.create("poison", "")
		return s.bulk("", line("poison", "1")+doc("poison", "2", `{"@timestamp":"no time"}`)+line("poison", "3"))
	}, []string{stored, malformed, stored}},
	{"broken JSON", func(s client) answer {
		return s.bulk("", line("poison", "4")+doc("poison", "5", `{"@timestamp":`)+line("poison", "6"))
	}, []string{stored, malformed, stored}},
	{"invalid UTF-8 and a bare control character", func(s client) answer {
		return s.bulk("", doc("poison", "7", "{\"message\":\"\xff\"}")+doc("poison", "8", "{\"message\":\"\x1b\"}"))
	}, []string{malformed, malformed}},
	{"date_nanos before 1970, after 2262 and with ten digits", func(s client) answer {
		return s.bulk("", doc("poison", "9", `{"@timestamp":"1969-12-31T23:59:59Z"}`)+
			doc("poison", "10", `{"@timestamp":"2262-04-12T00:00:00Z"}`)+
			doc("poison", "11", `{"@timestamp":"2026-01-02T03:04:05.1234567891Z"}`))
	}, []string{malformed, malformed, malformed}},
	{"strict mapping", func(s client) answer {
		s.must("PUT", "/strict", `{"mappings":{"dynamic":"strict","properties":{"k":{"type":"keyword"}}}}`)
		return s.bulk("", doc("strict", "1", `{"x":1}`)+doc("strict", "2", `{"k":"v"}`))
	}, []string{"400 strict_dynamic_mapping_exception", stored}},
	{"an immense term", func(s client) answer {
		return s.bulk("", doc("strict", "3", `{"k":"`+strings.Repeat("x", 32767)+`"}`))
	}, []string{illegal}},
	{"the limit of fields", func(s client) answer {
		s.create("few", `,"mapping.total_fields.limit":3`)
		return s.bulk("", doc("few", "1", `{"a":1,"b":2,"c":3,"d":4}`)+line("few", "2"))
	}, []string{malformed, stored}},
	{"labels app and app.kubernetes.io/name together", func(s client) answer {
		return s.bulk("", doc("dots", "1", `{"labels":{"app":"a","app.kubernetes.io/name":"b"}}`)+line("dots", "2"))
	}, []string{illegal, stored}},
	{"a data stream's document without a time", func(s client) answer {
		s.stream("logs-poison-a")
		return s.bulk("", line("logs-poison-a", "1")+doc("logs-poison-a", "2", `{"message":"m"}`))
	}, []string{stored, malformed}},
}

// holds are refusals that have nothing to do with the document: those to other indices arrive.
var holds = []fact{
	{"index.blocks.write", func(s client) answer { return s.blocked("write") }, []string{blocked, stored}},
	{"index.blocks.read_only", func(s client) answer { return s.blocked("read_only") }, []string{blocked, stored}},
	{"index.blocks.metadata", func(s client) answer { return s.blocked("metadata") }, []string{blocked, stored}},
	{"flood stage: read_only_allow_delete", func(s client) answer { return s.blocked("read_only_allow_delete") },
		[]string{"429 cluster_block_exception", stored}},
	{"a closed index", func(s client) answer {
		s.create("closed", "")
		s.must("POST", "/closed/_close?wait_for_active_shards=0", "")
		return s.bulk("", line("closed", "1")+line("open", "1"))
	}, []string{"400 index_closed_exception", stored}},
	{"a bad index name", func(s client) answer {
		return s.bulk("", line("Bad Name", "1")+line("open", "2"))
	}, []string{"400 invalid_index_name_exception", stored}},
	{"a missing index while auto-create is off", func(s client) answer {
		s.setting("action.auto_create_index", `"false"`)
		return s.bulk("", line("missing", "1")+line("open", "3"))
	}, []string{"404 index_not_found_exception", stored}},
	{"the cluster's limit of shards", func(s client) answer {
		s.setting("cluster.max_shards_per_node", "1")
		return s.bulk("", line("beyond", "1")+line("open", "4"))
	}, []string{"400 validation_exception", stored}},
	{"a missing pipeline", func(s client) answer {
		return s.bulk("?pipeline=none", line("open", "5"))
	}, []string{illegal}},
	{"a cluster that is read-only refuses the whole request", func(s client) answer {
		s.setting("cluster.blocks.read_only", "true")
		return s.bulk("", line("open", "6"))
	}, []string{"403"}},
	{"a data stream takes no operation but create", func(s client) answer {
		s.stream("logs-hold-a")
		return s.bulk("", "{\"index\":{\"_index\":\"logs-hold-a\"}}\n{\"@timestamp\":\"2026-01-02T03:04:05Z\"}\n")
	}, []string{illegal}},
}

func TestServerAnswersAsWeRely(t *testing.T) {
	url := Start(t)
	for group, facts := range map[string][]fact{"delivery": deliveries, "poison": poisons, "hold": holds} {
		for _, f := range facts {
			t.Run(group+"/"+f.name, func(t *testing.T) {
				a := f.ask(client{t, url})
				want := f.want
				if other, differs := others[server()][f.name]; differs {
					want = other
				}
				if got := a.outcomes(); !slices.Equal(got, want) {
					t.Errorf("got %q, want %q: %s", got, want, a.body)
				}
			})
		}
	}
}

// outcomes puts an answer into the words of fact.want.
func (a answer) outcomes() []string {
	if len(a.items) == 0 {
		return []string{fmt.Sprint(a.status)}
	}
	var out []string
	for _, it := range a.items {
		out = append(out, strings.TrimSpace(fmt.Sprint(it.Status, " ", it.Error.Type)))
	}
	return out
}

// blocked sends a document to an index with the block and one to another index.
func (s client) blocked(block string) answer {
	index := "blocked-" + block
	s.create(index, "")
	s.must("PUT", "/"+index+"/_settings", `{"index.blocks.`+block+`":true}`)
	return s.bulk("", line(index, "1")+line("open", block))
}

// setting changes a setting of the cluster until the test ends.
func (s client) setting(key, value string) {
	put := func(value string) { s.must("PUT", "/_cluster/settings", `{"persistent":{"`+key+`":`+value+`}}`) }
	s.Cleanup(func() { put("null") })
	put(value)
}

// stream makes an index template, so that the first document makes a data stream.
func (s client) stream(name string) {
	s.must("PUT", "/_index_template/"+name, `{"index_patterns":["`+name+`"],"data_stream":{},
		"template":{"settings":{"number_of_replicas":0},"mappings":{"properties":{"@timestamp":{"type":"date_nanos"}}}}}`)
}
