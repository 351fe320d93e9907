package elasticsearch

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// openSearchSecurity is the plugin opensearch-security: an administrator's certificate makes users and roles.
type openSearchSecurity struct{}

func (*openSearchSecurity) settings() []string {
	return []string{
		"http.type=org.opensearch.security.http.SecurityHttpServerTransport",
		"transport.type=org.opensearch.security.ssl.http.netty.SecuritySSLNettyTransport",
		"plugins.security.allow_default_init_securityindex=true",
		"plugins.security.authcz.admin_dn=CN=administrator",
		"plugins.security.nodes_dn=CN=node",
		"plugins.security.ssl.transport.enforce_hostname_verification=false",
		"plugins.security.ssl.transport.pemcert_filepath=node.pem",
		"plugins.security.ssl.transport.pemkey_filepath=node-key.pem",
		"plugins.security.ssl.transport.pemtrustedcas_filepath=ca.pem",
		"plugins.security.ssl.http.enabled=true",
		"plugins.security.ssl.http.clientauth_mode=OPTIONAL",
		"plugins.security.ssl.http.pemcert_filepath=node.pem",
		"plugins.security.ssl.http.pemkey_filepath=node-key.pem",
		"plugins.security.ssl.http.pemtrustedcas_filepath=ca.pem",
	}
}

// A certificate names its user, else a password is asked for.
const authentication = `{_meta: {type: config, config_version: 2}, config: {dynamic: {authc: {
  certificates: {http_enabled: true, order: 0, http_authenticator: {type: clientcert, challenge: false, config: {username_attribute: cn}},
    authentication_backend: {type: noop}},
  passwords: {http_enabled: true, order: 1, http_authenticator: {type: basic, challenge: true}, authentication_backend: {type: intern}}}}}}
`

// configure takes the plugin's defaults, but no user and no one in a role.
func (*openSearchSecurity) configure(t *testing.T, n *securedNode, config string) {
	t.Helper()
	built, err := script("build.sh", n.server)
	if err != nil {
		t.Fatal(explain(err))
	}
	rules := filepath.Join(config, "opensearch-security")
	must(t, os.CopyFS(rules, os.DirFS(filepath.Join(strings.TrimSpace(string(built)), "config"))))
	for name, text := range map[string]string{
		"config.yml":         authentication,
		"internal_users.yml": "_meta: {type: internalusers, config_version: 2}\n",
		"roles_mapping.yml":  "_meta: {type: rolesmapping, config_version: 2}\n",
	} {
		must(t, os.WriteFile(filepath.Join(rules, name), []byte(text), 0o600))
	}
}

// openSearchRole is a role in the words of its API.
type openSearchRole struct {
	Cluster []string            `json:"cluster_permissions"`
	Indices []openSearchIndices `json:"index_permissions"`
}

type openSearchIndices struct {
	Names   []string `json:"index_patterns"`
	Actions []string `json:"allowed_actions"`
}

func (*openSearchSecurity) documented(t *testing.T, role string) rights {
	t.Helper()
	var r openSearchRole
	must(t, json.Unmarshal(request(t, "PUT _plugins/_security/api/roles/"+role), &r))
	return rights{r.Cluster, r.Indices[0].Names, r.Indices[0].Actions}
}

func (*openSearchSecurity) writing(index string) (rights, string) {
	return rights{[]string{"indices:data/write/bulk"}, []string{index}, []string{"indices:data/write/*", "indices:admin/mapping/put"}},
		"indices:data/write/bulk[s], indices:data/write/index"
}

func (*openSearchSecurity) allow(s *secured, user string, r rights) {
	s.Helper()
	const api = "/_plugins/_security/api/"
	waitFor(s.TB, "the server has its users", func() bool { return s.do("GET", api+"internalusers", nil, nil).status == http.StatusOK })
	s.must("PUT", api+"internalusers/"+user, fmt.Sprintf(`{"password":%q}`, securedPassword))
	role, err := json.Marshal(openSearchRole{r.cluster, []openSearchIndices{{r.names, r.indices}}})
	must(s.TB, err)
	for range 5 { // a node under load may have missed the role, and then refuses to put somebody into it
		s.must("PUT", api+"roles/"+user, string(role))
		if a := s.do("PUT", api+"rolesmapping/"+user, nil, []byte(fmt.Sprintf(`{"users":[%q]}`, user))); a.status < 300 {
			return
		}
	}
	s.Fatalf("nobody can be put into the role %s", user)
}
