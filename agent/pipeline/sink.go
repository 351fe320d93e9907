package pipeline

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"logboom/agent/config"
	"logboom/sink"
)

// sinkConfig is SinkConfig, with credentials that are read again.
func (a *agent) sinkConfig() sink.Config {
	conf := SinkConfig(a.c, a.o.Logger)
	if a.o.Reload != nil {
		conf.Renew = func() (sink.Config, error) {
			now, err := a.o.Reload()
			if err != nil {
				return sink.Config{}, err
			}
			if !slices.Equal(now.Sink.Elasticsearch.URLs, a.c.Sink.Elasticsearch.URLs) { // these servers must not see them
				return sink.Config{}, errors.New("sink.elasticsearch.urls has other servers now: they are taken at the next start")
			}
			return SinkConfig(now, a.o.Logger), nil
		}
	}
	return conf
}

// holdFor is how long a Route that takes nothing may hold up the others.
const holdFor = time.Minute

// SinkConfig is what the sink needs of c.
func SinkConfig(c *config.Config, l *slog.Logger) sink.Config {
	es := c.Sink.Elasticsearch
	headers := map[string]string{}
	for name, value := range es.Headers {
		headers[name] = value.Reveal()
	}
	return sink.Config{
		URLs: es.URLs, Compression: es.CompressionLevel, Username: es.Username, Password: es.Password.Reveal(),
		APIKey: es.APIKey.Reveal(), Bearer: es.Bearer.Reveal(), Headers: headers,
		CAFile: es.TLS.CAFile, CertFile: es.TLS.CertFile, KeyFile: es.TLS.KeyFile, InsecureSkipVerify: es.TLS.InsecureSkipVerify,
		Proxy:   es.Proxy.Reveal(),
		Timeout: es.Timeout, MinBackoff: es.MinBackoff, MaxBackoff: es.MaxBackoff,
		Concurrency: es.Concurrency, BytesPerSecond: int64(es.BytesPerSecond), BodySize: int64(es.BatchSize) * 5 / 4, // a quarter more: rather that than a request for a small rest
		HoldFor: holdFor, Logger: l, Fields: FieldsOf(c),
	}
}

// FieldsOf is how c wants documents to be made.
func FieldsOf(c *config.Config) sink.Fields {
	f := sink.Fields{Add: c.Fields.Add, Drop: c.Fields.Drop, BackendIDs: !c.Sink.Elasticsearch.OwnIDs}
	for _, r := range c.Redact {
		f.Redact = append(f.Redact, sink.Redaction{Pattern: r.Pattern.Regexp, Replace: []byte(r.Replace)})
	}
	return f
}
