package elasticsearch

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// elasticSecurity is x-pack-security with a basic licence. Its users and roles are in files, which the node follows: the index that it
// has for them wants a module that Maven Central has not.
type elasticSecurity struct {
	config string
	roles  map[string]string // by user, who has one of that name: a line of roles.yml each, in YAML as JSON has it
	turn   int
}

func (*elasticSecurity) settings() []string {
	return []string{
		"http.type=security4",
		"transport.type=security4",
		"xpack.security.enabled=true",
		"xpack.security.http.ssl.enabled=true",
		"xpack.security.http.ssl.client_authentication=optional",
		"xpack.security.http.ssl.certificate=node.pem",
		"xpack.security.http.ssl.key=node-key.pem",
		"xpack.security.http.ssl.certificate_authorities=ca.pem",
		"resource.reload.interval.high=100ms",
	}
}

func (e *elasticSecurity) configure(t *testing.T, _ *securedNode, config string) {
	t.Helper()
	e.config, e.roles = config, map[string]string{}
	must(t, e.write())
}

// hashed is securedPassword by bcrypt.
const hashed = "$2a$04$yg2ID.EKHWleGexmfWqY5eyIZe1UV76gRBXVf90qd5l7uuAPdUylK"

func (e *elasticSecurity) write() error {
	roles, users, members := "", "administrator:"+hashed+"\n", "superuser:administrator\n"
	for user, role := range e.roles {
		users += user + ":" + hashed + "\n"
		members += user + ":" + user + "\n"
		roles += user + ": " + role + "\n"
	}
	var err error
	for _, file := range [][2]string{{"roles.yml", roles}, {"users_roles", members}, {"users", users}} { // who is known has a role
		path := filepath.Join(e.config, file[0])
		if err == nil {
			err = os.WriteFile(path+".new", []byte(file[1]), 0o600)
		}
		if err == nil {
			err = os.Rename(path+".new", path)
		}
	}
	return err
}

// elasticRole is a role in the words of its API.
type elasticRole struct {
	Cluster []string         `json:"cluster"`
	Indices []elasticIndices `json:"indices"`
}

type elasticIndices struct {
	Names      []string `json:"names"`
	Privileges []string `json:"privileges"`
}

func (*elasticSecurity) documented(t *testing.T, role string) rights {
	t.Helper()
	var r elasticRole
	must(t, json.Unmarshal(request(t, "PUT _security/role/"+role), &r))
	r.Cluster = slices.DeleteFunc(r.Cluster, untried)
	if role == "logboom-setup" {
		r.Indices[0].Privileges = slices.DeleteFunc(r.Indices[0].Privileges, untried)
	}
	return rights{r.Cluster, r.Indices[0].Names, r.Indices[0].Privileges}
}

// untried are the rights to what setup asks for, and this node has not: life-cycle policies, and data streams but by their first
// document.
func untried(right string) bool {
	return right == "manage_ilm" || right == "create_index" || right == "view_index_metadata"
}

func (*elasticSecurity) writing(index string) (rights, string) {
	return rights{nil, []string{index}, []string{"create_doc"}}, "indices:data/write/bulk[s] (granted by create_doc,create,delete,index,write,all)"
}

// allow knows by a right of its own, to an index that is not there, when the node has read the files.
func (e *elasticSecurity) allow(s *secured, user string, r rights) {
	s.Helper()
	e.turn++
	mark := []elasticIndices{{[]string{fmt.Sprintf("turn-%d", e.turn)}, []string{"read"}}}
	role := elasticRole{append([]string{}, r.cluster...), mark}
	if len(r.indices) > 0 {
		role.Indices = append(role.Indices, elasticIndices{r.names, r.indices})
	}
	text, err := json.Marshal(role)
	must(s.TB, err)
	e.roles[user] = string(text)
	must(s.TB, e.write())
	question, err := json.Marshal(map[string]any{"index": mark})
	must(s.TB, err)
	waitFor(s.TB, "the node has read its files", func() bool {
		s.must("POST", "/_security/realm/*/_clear_cache", "") // of what it made of half of them
		s.must("POST", "/_security/role/*/_clear_cache", "")
		a := s.do("POST", "/_security/user/_has_privileges", http.Header{"Es-Security-Runas-User": {user}}, question)
		return strings.Contains(string(a.body), `"has_all_requested":true`)
	})
}
