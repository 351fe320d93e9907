// Package config reads logboom's YAML file and checks all of it, so that what it returns can be used as it stands.
//
// It promises that nothing is guessed or ignored: an unknown key, a wrong type, a bad value and a missing reference are
// errors, all of them at once, each with file, line, column and the line itself. Secrets are never shown: not in an
// error, not in a log, not in JSON.
//
// How: goccy/go-yaml parses, and one walk (decode.go) over the tree and the Config type together fills the fields. A value
// may hold ${NAME}, the environment variable, and a value that starts with file: is the content of the file it names.
// docs/configuration.md lists every key; a test compares it with the types below.
package config

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Config is the whole file, with every default filled in. What a running agent takes over when it is told to read the file
// again has the tag reload; all else holds from the next start on. See Changes.
type Config struct {
	NodeName string        `yaml:"node_name"` // default: environment variable NODE_NAME, then the host name
	DataDir  string        `yaml:"data_dir"`  // absolute; default /var/log/logboom
	LockWait time.Duration `yaml:"lock_wait"` // how long a start waits for another agent to end; default 60s
	Inputs   []Input       `yaml:"inputs"`    // at least one
	Metadata Metadata      `yaml:"metadata"`
	WAL      WAL           `yaml:"wal"`
	Pins     Pins          `yaml:"pins"`
	Dead     DeadLetters   `yaml:"deadletter"`
	Sink     Sink          `yaml:"sink"`
	Fields   Fields        `yaml:"fields"`
	Redact   []Redaction   `yaml:"redact"` // of messages, one after the other; default none
	Delivery Delivery      `yaml:"delivery"`
	HTTP     HTTP          `yaml:"http"`
	Log      Log           `yaml:"log"`
}

// Input is one source of log files. Exactly one field is set.
type Input struct {
	Kubernetes *Kubernetes `yaml:"kubernetes"`
	Files      *Files      `yaml:"files"`
}

// Kubernetes is the folder of a node's container logs.
type Kubernetes struct {
	Root     string   `yaml:"root"`      // absolute; default /var/log/pods
	ReadFrom ReadFrom `yaml:"read_from"` // for the first start only; default beginning
	Index    string   `yaml:"index"`     // index or data stream; default that of the sink

	Include         Selection `yaml:"include"`          // all that it names must fit; default everything
	Exclude         Selection `yaml:"exclude"`          // what fits any of it is not read; default nothing
	IndexAnnotation string    `yaml:"index_annotation"` // pattern of the indices that pods may choose for themselves; default none
	OwnLogs         bool      `yaml:"own_logs"`         // read those of logboom's own pods; default false

	Multiline    *Multiline `yaml:"multiline"`     // default: each line is an event
	JSON         JSON       `yaml:"json"`          // field for the members of messages that are JSON objects; default none
	AllowedRoots []string   `yaml:"allowed_roots"` // absolute; where links may lead besides root and docker's folder; default none
}

// Selection is a choice of containers.
type Selection struct {
	Namespaces []string `yaml:"namespaces"` // patterns; default none
	Containers []string `yaml:"containers"` // patterns; default none
	Labels     Selector `yaml:"labels"`     // of pods that are known; default none
}

// Metadata is what the Kubernetes API tells of the pods of this node.
type Metadata struct {
	Source         Source        `yaml:"source"`           // default auto
	Kubeconfig     string        `yaml:"kubeconfig"`       // absolute; default: the service account of logboom's own pod
	Wait           time.Duration `yaml:"wait"`             // for a pod that is not known yet, before its logs go without; 0 to 5m; default 10s
	ExcludeUnknown bool          `yaml:"exclude_unknown"`  // do not read logs of pods that the API did not tell of; default false
	Annotations    []string      `yaml:"annotations"`      // patterns of the names of those that documents have; default none
	Namespaces     []string      `yaml:"namespace_labels"` // the same of the labels of their namespaces; default none
}

// Files is a list of patterns for other log files.
type Files struct {
	Paths    []string `yaml:"paths"`     // absolute, with *, ?, [...], {a,b} and **; at least one
	Format   Format   `yaml:"format"`    // default plain
	ReadFrom ReadFrom `yaml:"read_from"` // for the first start only; default beginning
	Index    string   `yaml:"index"`     // index or data stream; default that of the sink

	Multiline    *Multiline `yaml:"multiline"`     // default: each line is an event
	JSON         JSON       `yaml:"json"`          // field for the members of messages that are JSON objects; default none
	AllowedRoots []string   `yaml:"allowed_roots"` // absolute; where links may lead besides the fixed parts of paths; default none
}

// Multiline says which lines make one event with the line before. Exactly one of Traces, Start and Continue is set.
type Multiline struct {
	Traces   Traces        `yaml:"traces"`   // built-in rules
	Start    string        `yaml:"start"`    // pattern of lines that begin an event
	Continue string        `yaml:"continue"` // pattern of lines that go on
	MaxWait  time.Duration `yaml:"max_wait"` // for lines that go on; 10ms to 1m; default 1s
}

// WAL is the write-ahead log on the node's disk.
type WAL struct {
	MaxSize     Bytes  `yaml:"max_size" reload:"yes"`      // on disk; at least 4 Segments; default 10GiB
	SegmentSize Bytes  `yaml:"segment_size"`               // 1MiB to 64MiB; default 8MiB
	MinFree     Space  `yaml:"min_free" reload:"yes"`      // of the volume of data_dir; reading stops below it; default 15%
	OnFull      OnFull `yaml:"on_full" reload:"yes"`       // default block
	MaxPodShare Share  `yaml:"max_pod_share" reload:"yes"` // of the WAL while it is over half full; default 33%
}

// Pins are the hard links that keep container logs until they are read.
type Pins struct {
	MaxSize Bytes `yaml:"max_size" reload:"yes"` // of files that have no other name, on disk; default 5GiB
}

// DeadLetters is the store of Events that the backend refuses.
type DeadLetters struct {
	MaxSize Bytes `yaml:"max_size" reload:"yes"` // on disk; at least 64MiB; default 1GiB
}

// Sink is where Events go.
type Sink struct {
	Elasticsearch Elasticsearch `yaml:"elasticsearch"`
}

// Elasticsearch is a cluster of Elasticsearch or OpenSearch. At most one way to authenticate is set: Username with
// Password, APIKey, or Bearer.
type Elasticsearch struct {
	URLs     []string          `yaml:"urls"`                  // http or https, nodes of one cluster; at least one
	Index    string            `yaml:"index"`                 // data stream, or pattern with %{namespace} and %{+yyyy.MM.dd}; default logs-logboom-default
	Username string            `yaml:"username" reload:"yes"` // default none
	Password Secret            `yaml:"password" reload:"yes"` // default none
	APIKey   Secret            `yaml:"api_key" reload:"yes"`  // base64 of id:key; default none
	Bearer   Secret            `yaml:"bearer" reload:"yes"`   // a token; default none
	Headers  map[string]Secret `yaml:"headers" reload:"yes"`  // added to each request; default none
	OwnIDs   bool              `yaml:"own_ids"`               // documents have ids of ours, so that nothing is stored twice; default true
	Proxy    Secret            `yaml:"proxy"`                 // URL, or none; default what the environment says
	TLS      TLS               `yaml:"tls"`

	CompressionLevel int           `yaml:"compression_level"`    // gzip, 1 to 9, or 0 for none; default 1
	Timeout          time.Duration `yaml:"timeout"`              // of one bulk request with its answer; at least 1s; default 60s
	BatchSize        Bytes         `yaml:"batch_size"`           // of one bulk request before compression; 1MiB to 64MiB; default 8MiB
	Concurrency      int           `yaml:"concurrency"`          // bulk requests at a time; 1 to 16; default 2
	BytesPerSecond   Bytes         `yaml:"max_bytes_per_second"` // of request bodies as they are sent; 0 for no limit, or at least 16KiB; default 0
	MinBackoff       time.Duration `yaml:"min_backoff"`          // first wait before sending again; at least 10ms; default 250ms
	MaxBackoff       time.Duration `yaml:"max_backoff"`          // longest such wait; at least min_backoff; default 30s
}

// TLS is how the servers are known, and how we are known to them. Files are PEM.
type TLS struct {
	CAFile             string `yaml:"ca_file"`              // trusted besides the system's authorities; default none
	CertFile           string `yaml:"cert_file"`            // with KeyFile; default none
	KeyFile            string `yaml:"key_file"`             // with CertFile; default none
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"` // default false
}

// Fields are what documents have more, or less. It holds for all that is sent, also for what waits in the WAL.
type Fields struct {
	Add  map[string]string `yaml:"add"`  // texts by dotted name, such as service.name; default none
	Drop []string          `yaml:"drop"` // dotted names, with all below them; default none
}

// Redaction replaces a part of messages.
type Redaction struct {
	Pattern Pattern `yaml:"pattern"` // RE2
	Replace string  `yaml:"replace"` // with $1 and ${name} for what was captured; default [redacted]
}

// Delivery is the loop that drains the WAL.
type Delivery struct {
	Grace       time.Duration `yaml:"grace" reload:"yes"` // how long a shutdown lets it finish; default 5s
	DrainOnStop bool          `yaml:"drain_on_stop"`      // a shutdown first reads all files to their ends, within the grace; default false
}

// HTTP is the status page, the metrics and the health checks.
type HTTP struct {
	Listen string `yaml:"listen"` // host:port, or off; default 127.0.0.1:9600
}

// Log is logboom's own log, on standard error.
type Log struct {
	Level  LogLevel  `yaml:"level" reload:"yes"` // default info
	Format LogFormat `yaml:"format"`             // default text
}

// setDefaults fills in what a file need not say. Index of the inputs and NodeName come later, from what was read.
func (c *Config) setDefaults() {
	*c = Config{
		DataDir:  "/var/log/logboom",
		LockWait: time.Minute,
		Metadata: Metadata{Source: SourceAuto, Wait: 10 * time.Second},
		WAL:      WAL{MaxSize: 10 * GiB, SegmentSize: 8 * MiB, MinFree: Space{Percent: 15}, OnFull: Block, MaxPodShare: 33},
		Pins:     Pins{MaxSize: 5 * GiB},
		Dead:     DeadLetters{MaxSize: GiB},
		Sink: Sink{Elasticsearch: Elasticsearch{
			Index: "logs-logboom-default", OwnIDs: true, CompressionLevel: 1, Timeout: time.Minute, BatchSize: 8 * MiB, Concurrency: 2,
			MinBackoff: 250 * time.Millisecond, MaxBackoff: 30 * time.Second,
		}},
		Delivery: Delivery{Grace: 5 * time.Second},
		HTTP:     HTTP{Listen: "127.0.0.1:9600"},
		Log:      Log{Level: LevelInfo, Format: LogText},
	}
}

func (k *Kubernetes) setDefaults() { *k = Kubernetes{Root: "/var/log/pods", ReadFrom: Beginning} }
func (r *Redaction) setDefaults()  { *r = Redaction{Replace: "[redacted]"} }
func (f *Files) setDefaults()      { *f = Files{Format: Plain, ReadFrom: Beginning} }
func (m *Multiline) setDefaults()  { *m = Multiline{MaxWait: time.Second} }

// maxFile bounds the file and what it refers to, in bytes.
const maxFile = 1 << 20

// Load reads and checks the file at path. What is wrong in it comes as an *Error.
func Load(path string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse checks the text of a configuration file; name stands for the file in errors. What is wrong comes as an *Error.
func Parse(name string, data []byte) (*Config, error) {
	d := &decoder{source: source{name: name, text: string(data)}, marks: map[string]mark{}}
	var c Config
	c.setDefaults()
	if d.document(data, &c) {
		if c.NodeName == "" {
			c.NodeName = nodeName()
		}
		d.check(&c)
	}
	if len(d.problems) > 0 {
		return nil, d.err()
	}
	for _, in := range c.Inputs {
		if in.Kubernetes != nil && in.Kubernetes.Index == "" {
			in.Kubernetes.Index = c.Sink.Elasticsearch.Index
		}
		if in.Files != nil && in.Files.Index == "" {
			in.Files.Index = c.Sink.Elasticsearch.Index
		}
	}
	return &c, nil
}

// nodeName is the node's name as the kubelet knows it, where the manifest passes it on, or the host's.
func nodeName() string {
	if name := os.Getenv("NODE_NAME"); name != "" {
		return name
	}
	name, _ := os.Hostname()
	return name
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes; at most %d are read", path, info.Size(), maxFile)
	}
	data, err := os.ReadFile(path)
	if err == nil && len(data) > maxFile {
		err = errors.New(path + ": it grew while it was read")
	}
	return data, err
}
