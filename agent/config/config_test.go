package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// small is the least that works.
const small = `inputs:
  - kubernetes: {}
sink:
  elasticsearch:
    urls: ["http://127.0.0.1:9200"]
`

func TestTheSmallestFileHasEveryDefault(t *testing.T) {
	t.Setenv("NODE_NAME", "node-7")
	c, err := Parse("x.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		NodeName: "node-7", DataDir: "/var/log/logboom", LockWait: time.Minute,
		Inputs:   []Input{{Kubernetes: &Kubernetes{Root: "/var/log/pods", ReadFrom: Beginning, Index: "logs-logboom-default"}}},
		Metadata: Metadata{Source: SourceAuto, Wait: 10 * time.Second},
		WAL:      WAL{MaxSize: 10 << 30, SegmentSize: 8 << 20, MinFree: Space{Percent: 15}, OnFull: Block, MaxPodShare: 33},
		Pins:     Pins{MaxSize: 5 << 30},
		Dead:     DeadLetters{MaxSize: 1 << 30},
		Sink: Sink{Elasticsearch{URLs: []string{"http://127.0.0.1:9200"}, Index: "logs-logboom-default", CompressionLevel: 1, OwnIDs: true,
			Timeout: time.Minute, BatchSize: 8 << 20, Concurrency: 2, MinBackoff: time.Second / 4, MaxBackoff: 30 * time.Second}},
		Delivery: Delivery{Grace: 5 * time.Second},
		HTTP:     HTTP{Listen: "127.0.0.1:9600"},
		Log:      Log{Level: LevelInfo, Format: LogText},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	host, _ := os.Hostname()
	t.Setenv("NODE_NAME", "")
	if c, err := Parse("x.yaml", []byte(small)); err != nil || c.NodeName != host {
		t.Errorf("node %q, %v; want %q", c.NodeName, err, host)
	}
}

func selector(t *testing.T, text string) (s Selector) {
	t.Helper()
	if err := s.set(text); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryKeyIsRead(t *testing.T) {
	c, err := Load("testdata/every-key.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		NodeName: "n", DataDir: "/data", LockWait: 90 * time.Second,
		Inputs: []Input{
			{Kubernetes: &Kubernetes{Root: "/pods", ReadFrom: Now, Index: "k-%{namespace}-%{+yyyy.MM.dd}", AllowedRoots: []string{"/docker"}, OwnLogs: true, IndexAnnotation: "logs-team-*",
				Include:   Selection{[]string{"shop-*", "web"}, []string{"*"}, selector(t, "app in (a,b),tier!=test")},
				Exclude:   Selection{[]string{"kube-*"}, []string{"istio-proxy"}, selector(t, "quiet")},
				Multiline: &Multiline{Traces: "java", MaxWait: time.Second}, JSON: "json"}},
			{Files: &Files{Paths: []string{"/a/*.log", "/b/**/{x,y}.log"}, Format: Auto, ReadFrom: Now, Index: "f", AllowedRoots: []string{"/c", "/d"},
				Multiline: &Multiline{Start: `^\d{4}-`, MaxWait: 3 * time.Second}, JSON: "app"}},
			{Files: &Files{Paths: []string{"/c"}, Format: Plain, ReadFrom: Beginning, Index: "main",
				Multiline: &Multiline{Continue: `^\s`, MaxWait: time.Second}}},
		},
		Metadata: Metadata{Source: SourceAPI, Kubeconfig: "/kube/config", Wait: 5 * time.Second, ExcludeUnknown: true, Annotations: []string{"team", "example.com/*"},
			Namespaces: []string{"cost-center", "*/zone"}},
		WAL:  WAL{MaxSize: 2 << 40, SegmentSize: 16 << 20, MinFree: Space{Bytes: 20e9}, OnFull: DropOldest, MaxPodShare: 12.5},
		Pins: Pins{MaxSize: 64 << 20},
		Dead: DeadLetters{MaxSize: 2 << 30},
		Sink: Sink{Elasticsearch{URLs: []string{"https://a:9200", "http://b/prefix"}, Index: "main", APIKey: "a2V5", Username: "",
			Headers: map[string]Secret{"X-Tenant": "t", "X-Number": "007"}, Proxy: "http://p:3128",
			TLS: TLS{CAFile: "/ca", CertFile: "/cert", KeyFile: "/key", InsecureSkipVerify: true}, CompressionLevel: 9,
			Timeout: 2 * time.Minute, BatchSize: 1 << 20, Concurrency: 16, BytesPerSecond: 3 << 20, MinBackoff: 10 * time.Millisecond, MaxBackoff: time.Minute}},
		Fields: Fields{Add: map[string]string{"service.name": "shop", "labels.cluster": "c1"}, Drop: []string{"kubernetes.labels", "stream"}},
		Redact: []Redaction{{Pattern{regexp.MustCompile(`password=(\S+)`)}, "password=***"},
			{Pattern{regexp.MustCompile("x")}, "[redacted]"}},
		Delivery: Delivery{DrainOnStop: true},
		HTTP:     HTTP{Listen: "off"},
		Log:      Log{Level: LevelDebug, Format: LogJSON},
	}
	if diff := cmp.Diff(want, c, cmp.Comparer(func(a, b Pattern) bool { return a.String() == b.String() }),
		cmp.Comparer(func(a, b Selector) bool { return a.String() == b.String() })); diff != "" {
		t.Error(diff)
	}
}

// edit returns small with changes of the form old, new, old, new.
func edit(changes ...string) string { return strings.NewReplacer(changes...).Replace(small) }

func TestWhatIsWrongIsToldWithItsPlace(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"near miss": {small + "wal:\n  max_sise: 10GiB\n",
			"x.yaml:7:3: unknown key \"max_sise\" in wal; did you mean max_size?\n    7 |   max_sise: ...\n      |   ^"},
		"near miss at the top": {small + "Wal: {}\n",
			"x.yaml:6:1: unknown key \"Wal\"; did you mean wal?\n    6 | Wal: ...\n      | ^"},
		"letters swapped": {small + "wal:\n  min_fere: 5%\n",
			"x.yaml:7:3: unknown key \"min_fere\" in wal; did you mean min_free?\n    7 |   min_fere: ...\n      |   ^"},
		"unknown": {small + "wal:\n  compression: 3\n",
			"x.yaml:7:3: unknown key \"compression\" in wal; known keys: max_size, segment_size, min_free, on_full, max_pod_share\n    7 |   compression: ...\n      |   ^"},
		"no share of a pod": {small + "wal:\n  max_pod_share: 0%\n",
			"x.yaml:7:18: wal.max_pod_share: \"0%\" is not a share; write it like 33%, up to 100%\n    7 |   max_pod_share: 0%\n      |                  ^"},
		"size for the share of a pod": {small + "wal:\n  max_pod_share: 1GiB\n",
			"x.yaml:7:18: wal.max_pod_share: \"1GiB\" is not a share; write it like 33%, up to 100%\n    7 |   max_pod_share: 1GiB\n      |                  ^"},
		"unknown in a list": {edit("kubernetes: {}", "kubernetes: {root: /p, rot: /q}"),
			"x.yaml:2:28: unknown key \"rot\" in inputs[0].kubernetes; did you mean root?\n    2 |   - kubernetes: ..."},
		"an annotation that nobody asks for": {edit("kubernetes: {}", "kubernetes: {index: 'a-%{annotation.team}'}"),
			"x.yaml:2:25: inputs[0].kubernetes.index: metadata.annotations does not have team, so the part would never be known\n    2 |   - kubernetes: {index: 'a-%{annotation.team}'}\n      |                         ^"},
		"no name of a field": {edit("kubernetes: {}", "kubernetes: {json: A.b}"),
			"x.yaml:2:24: inputs[0].kubernetes.json: \"A.b\" is neither true, false nor a name of letters a to z, digits, _ and -\n    2 |   - kubernetes: {json: A.b}\n      |                        ^"},
		"a field of ours": {edit("kubernetes: {}", "kubernetes: {json: event}"),
			"x.yaml:2:24: inputs[0].kubernetes.json: documents have a field event already\n    2 |   - kubernetes: {json: event}\n      |                        ^"},
		"a field that is added": {edit("kubernetes: {}", "kubernetes: {json: app}") + "fields: {add: {app.name: shop}}\n",
			"x.yaml:2:24: inputs[0].kubernetes.json: fields.add has app.name, in the same place\n    2 |   - kubernetes: {json: app}\n      |                        ^"},
		"a member that is dropped": {edit("kubernetes: {}", "kubernetes: {json: true}") + "fields: {drop: [json.password]}\n",
			"x.yaml:2:24: inputs[0].kubernetes.json: fields.drop has json.password, but what a message says can't be dropped; redact it\n    2 |   - kubernetes: {json: true}\n      |                        ^"},
		"no such traces": {edit("kubernetes: {}", "kubernetes: {multiline: {traces: perl}}"),
			"x.yaml:2:38: inputs[0].kubernetes.multiline.traces: \"perl\" is none of auto, java, python, go, node, ruby, dotnet\n    2 |   - kubernetes: {multiline: {traces: perl}}\n      |                                      ^"},
		"no pattern": {edit("kubernetes: {}", "kubernetes: {multiline: {start: '(a'}}"),
			"x.yaml:2:37: inputs[0].kubernetes.multiline.start: \"(a\" is not a regular expression: missing closing )\n    2 |   - kubernetes: {multiline: {start: '(a'}}\n      |                                     ^"},
		"two ways": {edit("kubernetes: {}", "kubernetes: {multiline: {start: a, continue: b}}"),
			"x.yaml:2:18: inputs[0].kubernetes.multiline must hold exactly one of traces, start and continue\n    2 |   - kubernetes: {multiline: {start: a, continue: b}}\n      |                  ^"},
		"no way": {edit("kubernetes: {}", "kubernetes: {multiline: {max_wait: 2s}}"),
			"x.yaml:2:18: inputs[0].kubernetes.multiline must hold exactly one of traces, start and continue\n    2 |   - kubernetes: {multiline: {max_wait: 2s}}\n      |                  ^"},
		"long wait": {edit("kubernetes: {}", "kubernetes: {multiline: {traces: go, max_wait: 2m}}"),
			"x.yaml:2:52: inputs[0].kubernetes.multiline.max_wait: 2m0s is not between 10ms and 1m0s\n    2 |   - kubernetes: {multiline: {traces: go, max_wait: 2m}}\n      |                                                    ^"},
		"bad size": {small + "wal:\n  max_size: 10Gi\n",
			"x.yaml:7:13: wal.max_size: \"10Gi\" is not a size; write it like 10GiB, 512MiB or 1000000\n    7 |   max_size: 10Gi\n      |             ^"},
		"negative size": {small + "wal:\n  max_size: -1GiB\n",
			"x.yaml:7:13: wal.max_size: \"-1GiB\" is not a size; write it like 10GiB, 512MiB or 1000000\n    7 |   max_size: -1GiB\n      |             ^"},
		"share over 100": {small + "wal:\n  min_free: 100%\n",
			"x.yaml:7:13: wal.min_free: \"100%\" is not a share; write it like 15%, below 100%\n    7 |   min_free: 100%\n      |             ^"},
		"no share": {small + "wal:\n  min_free: lots\n",
			"x.yaml:7:13: wal.min_free: \"lots\" is neither a size nor a share; write it like 20GiB or 15%\n    7 |   min_free: lots\n      |             ^"},
		"small store of dead letters": {small + "deadletter:\n  max_size: 20MiB\n",
			"x.yaml:7:13: deadletter.max_size (20MiB) must be at least 64MiB, or the letters of one request may not fit\n    7 |   max_size: 20MiB\n      |             ^"},
		"small WAL": {small + "wal:\n  max_size: 20MiB\n",
			"x.yaml:7:13: wal.max_size (20MiB) must hold at least 4 times wal.segment_size (8MiB)\n    7 |   max_size: 20MiB\n      |             ^"},
		"big segment": {small + "wal:\n  segment_size: 1GiB\n",
			"x.yaml:7:17: wal.segment_size: 1GiB is not between 1MiB and 64MiB\n    7 |   segment_size: 1GiB\n      |                 ^"},
		"duration without unit": {small + "lock_wait: 60\n",
			"x.yaml:6:12: lock_wait: \"60\" is not a duration; write it like 250ms, 30s or 5m\n    6 | lock_wait: 60\n      |            ^"},
		"negative duration": {small + "delivery:\n  grace: -5s\n",
			"x.yaml:7:10: delivery.grace: \"-5s\" is not a duration; write it like 250ms, 30s or 5m\n    7 |   grace: -5s\n      |          ^"},
		"enum": {small + "wal:\n  on_full: drop\n",
			"x.yaml:7:12: wal.on_full: \"drop\" is none of block, drop_oldest\n    7 |   on_full: drop\n      |            ^"},
		"a story for a name": {small + "node_name: " + strings.Repeat("n", 256) + "\n",
			"x.yaml:6:12: node_name has 256 bytes; at most 255 are a name\n    6 | node_name: " + strings.Repeat("n", 256) + "\n      |            ^"},
		"an index of nothing but names": {edit("urls:", "index: x"+strings.Repeat("%{pod}", 9)+"\n    urls:"),
			"x.yaml:5:12: sink.elasticsearch.index: \"x" + strings.Repeat("%{pod}", 9) + "\" has 9 parts like %{namespace}; at most 8 are allowed\n    5 |     index: x" +
				strings.Repeat("%{pod}", 9) + "\n      |            ^"},
		"format": {edit("- kubernetes: {}", "- files: {paths: [/a], format: json}"),
			"x.yaml:2:34: inputs[0].files.format: \"json\" is none of plain, cri, docker, auto\n    2 |   - files: {paths: [/a], format: json}\n      |                                  ^"},
		"scheme": {edit("http:", "ftp:"),
			"x.yaml:5:12: sink.elasticsearch.urls[0]: \"ftp://127.0.0.1:9200\" is not a URL like https://elasticsearch:9200\n    5 |     urls: [\"ftp://127.0.0.1:9200\"]\n      |            ^"},
		"user in URL": {edit("127.0.0.1", "elastic:hunter2@es"),
			"x.yaml:5:12: sink.elasticsearch.urls[0] holds a user; use username and password, which are never shown\n    5 |     urls: [\"http://...@es:9200\"]\n      |            ^"},
		"user in a bad URL": {edit("127.0.0.1", "elastic:hunter%2@es"),
			"x.yaml:5:12: sink.elasticsearch.urls[0]: \"http://...@es:9200\" is not a URL like https://elasticsearch:9200\n    5 |     urls: [\"http://...@es:9200\"]\n      |            ^"},
		"no URL": {edit("\"http://127.0.0.1:9200\"", ""),
			"x.yaml:5:5: sink.elasticsearch.urls names no server, such as https://elasticsearch:9200\n    5 |     urls: []\n      |     ^"},
		"no sink": {"inputs: [{kubernetes: {}}]\n",
			"x.yaml:1:1: sink.elasticsearch.urls names no server, such as https://elasticsearch:9200"},
		"no inputs": {edit("  - kubernetes: {}\n", "", "inputs:", "inputs: []"),
			"x.yaml:1:1: inputs names nothing to read; add kubernetes or files\n    1 | inputs: []\n      | ^"},
		"inputs without value": {edit("  - kubernetes: {}\n", ""),
			"x.yaml:1:1: inputs has no value\n    1 | inputs:\n      | ^"},
		"empty input": {edit("kubernetes: {}", "{}"),
			"x.yaml:2:5: inputs[0] must hold exactly one of kubernetes and files\n    2 |   - {}\n      |     ^"},
		"two in one input": {edit("kubernetes: {}", "kubernetes: {}\n    files: {paths: [/a]}"),
			"x.yaml:2:5: inputs[0] must hold exactly one of kubernetes and files\n    2 |   - kubernetes: {}\n      |     ^"},
		"no paths": {edit("kubernetes: {}", "files: {format: cri}"),
			"x.yaml:2:5: inputs[0].files.paths names no file\n    2 |   - files: {format: cri}\n      |     ^"},
		"bad pattern": {edit("kubernetes: {}", "files: {paths: [\"/a[\"]}"),
			"x.yaml:2:21: inputs[0].files.paths[0]: \"/a[\" is not a pattern\n    2 |   - files: {paths: [\"/a[\"]}\n      |                     ^"},
		"reads its own files": {edit("kubernetes: {}", "files: {paths: [\"/var/log/**\"]}"),
			"x.yaml:2:21: inputs[0].files.paths[0]: \"/var/log/**\" can match files in data_dir, which logboom writes itself\n    2 |   - files: {paths: [\"/var/log/**\"]}\n      |                     ^"},
		"root around data_dir": {edit("kubernetes: {}", "kubernetes: {root: /var/log}"),
			"x.yaml:2:24: inputs[0].kubernetes.root and data_dir must not lie inside each other\n    2 |   - kubernetes: {root: /var/log}\n      |                        ^"},
		"relative": {small + "data_dir: data\n",
			"x.yaml:6:11: data_dir: \"data\" must be an absolute path\n    6 | data_dir: data\n      |           ^"},
		"index": {small + "    index: Logs\n",
			"x.yaml:6:12: sink.elasticsearch.index: \"Logs\" can't name an index: lower case, without \\ / * ? \" < > | , # : and spaces, not starting with - _ + .\n    6 |     index: Logs\n      |            ^"},
		"index field": {small + "    index: logs-%{app}\n",
			"x.yaml:6:12: sink.elasticsearch.index: %{app} is none of %{namespace}, %{pod}, %{container}, %{label.KEY}, %{annotation.KEY} and dates like %{+yyyy.MM.dd} (yyyy, MM, dd, HH)\n    6 |     index: logs-%{app}\n      |            ^"},
		"index date": {small + "    index: logs-%{+YYYY}\n",
			"x.yaml:6:12: sink.elasticsearch.index: %{+YYYY} is none of %{namespace}, %{pod}, %{container}, %{label.KEY}, %{annotation.KEY} and dates like %{+yyyy.MM.dd} (yyyy, MM, dd, HH)\n    6 |     index: logs-%{+YYYY}\n      |            ^"},
		"list for a value": {small + "data_dir: [/a]\n",
			"x.yaml:6:11: data_dir is a list; it must be a single value\n    6 | data_dir: [/a]\n      |           ^"},
		"value for a list": {edit("[\"http://127.0.0.1:9200\"]", "http://127.0.0.1:9200"),
			"x.yaml:5:11: sink.elasticsearch.urls is a single value; it must be a list\n    5 |     urls: http://127.0.0.1:9200\n      |           ^"},
		"value for keys": {small + "wal: 10GiB\n",
			"x.yaml:6:6: wal is a single value; it must hold keys: max_size, segment_size, min_free, on_full, max_pod_share\n    6 | wal: 10GiB\n      |      ^"},
		"keys for a number": {small + "    concurrency: {a: 1}\n",
			"x.yaml:6:18: sink.elasticsearch.concurrency is a set of keys; it must be a whole number\n    6 |     concurrency: ...\n      |                  ^"},
		"word for a number": {small + "    concurrency: many\n",
			"x.yaml:6:18: sink.elasticsearch.concurrency: \"many\" is not a whole number\n    6 |     concurrency: many\n      |                  ^"},
		"too many": {small + "    concurrency: 17\n",
			"x.yaml:6:18: sink.elasticsearch.concurrency: 17 is not between 1 and 16\n    6 |     concurrency: 17\n      |                  ^"},
		"yes for true": {small + "    tls: {insecure_skip_verify: yes}\n",
			"x.yaml:6:33: sink.elasticsearch.tls.insecure_skip_verify: \"yes\" is neither true nor false\n    6 |     tls: {insecure_skip_verify: yes}\n      |                                 ^"},
		"half a pair": {small + "    tls:\n      cert_file: /a\n",
			"x.yaml:6:5: sink.elasticsearch.tls: cert_file and key_file belong together\n    6 |     tls:\n      |     ^"},
		"two ways in": {small + "    bearer: x\n    api_key: x\n",
			"x.yaml:4:3: sink.elasticsearch has more than one way to authenticate; keep username with password, or api_key, or bearer\n    4 |   elasticsearch:\n      |   ^"},
		"no password": {small + "    username: x\n",
			"x.yaml:4:3: sink.elasticsearch: username and password belong together\n    4 |   elasticsearch:\n      |   ^"},
		"backoff": {small + "    max_backoff: 20ms\n",
			"x.yaml:6:18: sink.elasticsearch.max_backoff (20ms) is less than min_backoff (250ms)\n    6 |     max_backoff: 20ms\n      |                  ^"},
		"header name": {small + "    headers: {\"a b\": x}\n",
			"x.yaml:6:22: sink.elasticsearch.headers: a header can't have this name\n    6 |     headers: ..."},
		"header with a line break": {small + "    headers:\n      X-A: \"a\\nb\"\n",
			"x.yaml:7:12: sink.elasticsearch.headers.X-A holds a line break, which can't be sent\n    7 |       X-A: ...\n      |            ^"},
		"listen": {small + "http: {listen: 9600}\n",
			"x.yaml:6:16: http.listen: \"9600\" is not an address like 127.0.0.1:9600; off listens nowhere\n    6 | http: {listen: 9600}\n      |                ^"},
		"empty value": {small + "data_dir: \"\"\n",
			"x.yaml:6:11: data_dir: \"\" is empty; leave the key out for the default\n    6 | data_dir: \"\"\n      |           ^"},
		"no value": {small + "wal:\n  max_size:\n",
			"x.yaml:7:3: wal.max_size has no value\n    7 |   max_size:\n      |   ^"},
		"twice": {small + "log: {}\nlog: {}\n",
			"x.yaml:7:1: not valid YAML: mapping key \"log\" already defined at [6:1]\n    7 | log: {}\n      | ^"},
		"tab": {small + "\tlog: {}\n",
			"x.yaml:6:1: not valid YAML: found character '\t' that cannot start any token\n    6 |  log: {}\n      | ^"},
		"open quote": {small + "    password: \"hunter2\n",
			"x.yaml:6:15: not valid YAML: could not find end character of double-quoted text\n    6 |     password: ...\n      |               ^"},
		"anchor": {small + "log: &x {}\n",
			"x.yaml:6:6: anchors, aliases and tags of YAML are not supported\n    6 | log: &x {}\n      |      ^"},
		"two documents": {small + "---\n" + small,
			"x.yaml:7:1: a second YAML document; one file holds one configuration\n    7 | inputs:\n      | ^"},
		"nothing": {"# nothing\n",
			"x.yaml:1:1: the file says nothing; inputs and sink.elasticsearch.urls are needed\n    1 | ...\n      | ^"},
		"a list": {"- a\n",
			"x.yaml:1:1: the file is a list; it must hold keys: node_name, data_dir, lock_wait, inputs, metadata, wal, pins, deadletter, sink, fields, redact, delivery, http, log\n    1 | - ...\n      | ^"},
		"several, in order": {edit("kubernetes", "kubernets") + "lok: {}\n",
			"x.yaml:2:5: unknown key \"kubernets\" in inputs[0]; did you mean kubernetes?\n    2 |   - kubernets: ...\n      |     ^\n" +
				"x.yaml:6:1: unknown key \"lok\"; did you mean log?\n    6 | lok: ...\n      | ^"},
		"many": {small + strings.Repeat("bad: {}\n", 1) + manyUnknown(30), ""},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := Parse("x.yaml", []byte(c.text))
			if err == nil {
				t.Fatalf("accepted: %+v", config)
			}
			if name == "many" {
				if n := strings.Count(err.Error(), "x.yaml:"); n != maxProblems+1 || !strings.HasSuffix(err.Error(), "and 11 more") {
					t.Errorf("%d problems: %s", n, err)
				}
				return
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("%s\n%s", err, diff)
			}
		})
	}
}

func manyUnknown(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "bad%d: {}\n", i)
	}
	return b.String()
}

func TestReferencesAreReplaced(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("password", "p:a#s \"s\n")
	t.Setenv("T_DIR", dir)
	t.Setenv("T_HOST", "es-1")
	t.Setenv("T_N", "3")
	t.Setenv("T_LIKE_A_FILE", "file:/etc/shadow")
	c, err := Parse("x.yaml", []byte(`inputs: [{files: {paths: ["${T_DIR}/*.log"]}}]
sink:
  elasticsearch:
    urls: ["https://${T_HOST}:920${T_N}"]
    username: ${T_LIKE_A_FILE}
    password: file:${T_DIR}/password
    concurrency: ${T_N}
    headers: {X-A: "$${T_N} $T_N ${T_N}${T_N}"}
`))
	if err != nil {
		t.Fatal(err)
	}
	e := c.Sink.Elasticsearch
	got := []string{c.Inputs[0].Files.Paths[0], e.URLs[0], e.Username, e.Password.Reveal(), fmt.Sprint(e.Concurrency), e.Headers["X-A"].Reveal()}
	want := []string{dir + "/*.log", "https://es-1:9203", "file:/etc/shadow", "p:a#s \"s", "3", "${T_N} $T_N 33"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An error names the reference and the key, never what the reference stands for, nor a secret that stands in the file.
func TestErrorsShowNoSecret(t *testing.T) {
	t.Setenv("T_SECRET", "hunter2\nhunter2")
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("hunter2\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := small + "    username: u\n"
	for text, want := range map[string]string{
		base + "    password: ${T_MISSING}\n":                "x.yaml:7:15: sink.elasticsearch.password: environment variable T_MISSING is not set\n    7 |     password: ...\n      |               ^",
		base + "    password: file:/nowhere/hunter\n":        "x.yaml:7:15: sink.elasticsearch.password: read the file it refers to: stat /nowhere/hunter: no such file or directory\n    7 |     password: ...\n      |               ^",
		base + "    password: ${T_SECRET}\n":                 "x.yaml:7:15: sink.elasticsearch.password holds a line break, which can't be sent\n    7 |     password: ...\n      |               ^",
		base + "    password: file:" + path + "\n":           "x.yaml:7:15: sink.elasticsearch.password holds a line break, which can't be sent\n    7 |     password: ...\n      |               ^",
		base + "    password: ${hunter2\n":                   "x.yaml:7:15: sink.elasticsearch.password: a reference is written ${NAME}, with letters, digits and _; $${ stands for ${ itself\n    7 |     password: ...\n      |               ^",
		base + "    password: hunter2: x\n":                  "",
		base + "    password: [hunter2]\n":                   "",
		base + "    password: {hunter2: hunter2}\n":          "",
		base + "    password: >\n  hunter2\n":                "",
		base + "    password: \"x\n      hunter2\n":          "",
		base + "    pasword: hunter2\n":                      "",
		base + "    api_key: hunter2\n    bearer: hunter2\n": "",
		base + "    headers: {A: hunter2, \"\": hunter2}\n":  "",
		base + "    headers: [hunter2]\n":                    "",
		base + "    headers: hunter2\n":                      "",
		base + "    headers:\n      - hunter2\n":             "",
		base + "    password: &hunter2 hunter2\n":            "",
		base + "data_dir: ${T_SECRET}\n":                     "x.yaml:7:11: data_dir: \"${T_SECRET}\" must be an absolute path\n    7 | data_dir: ${T_SECRET}\n      |           ^",
		base + "lock_wait: file:" + path + "\n":              "x.yaml:7:12: lock_wait: \"file:" + path + "\" is not a duration; write it like 250ms, 30s or 5m\n    7 | lock_wait: file:" + path + "\n      |            ^",
		base + "    index: x-${T_SECRET}\n":                  "",
		base + "wal: {on_full: \"${T_SECRET}\"}\n":           "",
		base + "    concurrency: ${T_SECRET}\n":              "",
		edit("127.0.0.1", "u:hunter2@"):                      "",
		edit("\"http://127.0.0.1:9200\"", "${T_SECRET}"):     "",
	} {
		_, err := Parse("x.yaml", []byte(text))
		if err == nil {
			t.Errorf("accepted:\n%s", text)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("shows the secret of\n%s\n%s", text, err)
		}
		if first, _, _ := strings.Cut(err.Error(), "\nx.yaml:"); want != "" && first != want && !strings.Contains(err.Error(), want) {
			t.Error(cmp.Diff(want, err.Error()))
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c := Config{Sink: Sink{Elasticsearch{Password: "hunter2", APIKey: "hunter2", Bearer: "hunter2", Headers: map[string]Secret{"A": "hunter2"}}}}
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T", "%5.2f"} {
		fmt.Fprintf(&b, verb+"\n", c)
		fmt.Fprintf(&b, verb+"\n", c.Sink.Elasticsearch.Password)
	}
	for _, v := range []any{c, c.Sink.Elasticsearch.Password, &c} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	}
	for _, leak := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2")} {
		if strings.Contains(b.String(), leak) {
			t.Errorf("%q shows in:\n%s", leak, b.String())
		}
	}
	if got := slog.AnyValue(Secret("hunter2")).Resolve(); got.Kind() != slog.KindString || got.String() != "(hidden)" {
		t.Errorf("a handler of its own kind sees %v", got)
	}
	if !strings.Contains(b.String(), "(hidden)") || Secret("").String() != "" {
		t.Error("a secret that is set should be told from one that is not")
	}
}

func TestLoadRefusesWhatIsNoSmallFile(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, big, filepath.Join(dir, "missing"), "/dev/zero"} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSpaceIsAShareOrASize(t *testing.T) {
	for text, want := range map[string]int64{"15%": 150, "0.5%": 5, "0%": 0, "100B": 100, "0": 0, "1KiB": 1024, "1.5KiB": 1536} {
		var s Space
		if err := s.set(text); err != nil || s.Of(1000) != want {
			t.Errorf("%s of 1000 is %d, %v; want %d", text, s.Of(1000), err, want)
		}
	}
}

// FuzzParse must not panic, whatever stands in the file.
func FuzzParse(f *testing.F) {
	f.Add(small)
	every, err := os.ReadFile("testdata/every-key.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(every))
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "file:") {
			t.Skip()
		}
		c, err := Parse("x.yaml", []byte(text))
		if (c == nil) == (err == nil) {
			t.Errorf("%v, %v", c, err)
		}
	})
}
