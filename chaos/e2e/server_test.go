package e2e

import (
	"net/http"
	"testing"

	"logboom/chaos/elasticsearch"
)

// startElasticsearch is elasticsearch.Start, and takes this test's documents away behind it: a server that a later test kills
// would replay the translogs of all of them before it is there again.
func startElasticsearch(t *testing.T) (url string) {
	t.Helper()
	url = elasticsearch.Start(t)
	t.Cleanup(func() {
		for _, what := range []string{"/_data_stream/logboom-e2e-*", "/logboom-e2e-*"} {
			r, err := http.NewRequest(http.MethodDelete, url+what, nil)
			if err != nil {
				t.Fatal(err)
			}
			if answer, err := http.DefaultClient.Do(r); err != nil {
				t.Logf("documents are left behind: %v", err)
			} else {
				answer.Body.Close()
			}
		}
	})
	return url
}
