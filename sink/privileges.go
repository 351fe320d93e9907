package sink

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
)

// What our user needs on an index or a data stream: to create documents, and to have it made by the first of them.
var writing = []string{"create_doc", "auto_configure"}

// MissingPrivileges returns which of the privileges for writing to a name our user lacks, as Elasticsearch's security says.
// It is nil where the server has no such thing to ask, or does not tell: the first Batch will.
func (s *Sink) MissingPrivileges(ctx context.Context, name string) []string {
	type grant struct {
		Names      []string `json:"names"`
		Privileges []string `json:"privileges"`
	}
	question, err := json.Marshal(map[string][]grant{"index": {{[]string{name}, writing}}})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	resp, err := s.nodes.pick().client.request(ctx, http.MethodPost, "/_security/user/_has_privileges", string(question), jsonBody, nil)
	if err != nil {
		return nil
	}
	defer discard(resp.BodyReader)
	var reply struct {
		Index map[string]map[string]bool `json:"index"`
	}
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.BodyReader, 64<<10)).Decode(&reply) != nil {
		return nil
	}
	var missing []string
	for _, p := range writing {
		if has, told := reply.Index[name][p]; told && !has {
			missing = append(missing, p)
		}
	}
	return missing
}
