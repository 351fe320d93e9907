package pipeline

import (
	"testing"

	"logboom/agent/config"
)

// A configuration that was changed for another cluster before the agent restarts: the new secrets are not for the old servers.
func TestCredentialsAreRenewedForTheSameServersOnly(t *testing.T) {
	of := func(url, key string) *config.Config {
		c := &config.Config{}
		c.Sink.Elasticsearch.URLs, c.Sink.Elasticsearch.APIKey = []string{url}, config.Secret(key)
		return c
	}
	now := of("https://old:9200", "renewed")
	a := &agent{c: of("https://old:9200", "first"), o: Options{Logger: quiet, Reload: func() (*config.Config, error) { return now, nil }}}
	renew := a.sinkConfig().Renew
	if c, err := renew(); err != nil || c.APIKey != "renewed" {
		t.Errorf("for the same server: %v", err)
	}
	now = of("https://new:9200", "other")
	if c, err := renew(); err == nil || c.APIKey != "" {
		t.Error("the key of another server is taken")
	}
}
