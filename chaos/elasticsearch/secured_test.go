package elasticsearch

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"logboom/sink"
)

// secured is an OpenSearch whose TLS, users and roles are its maker's security plugin. Its client may do everything, by way
// of a proxy of ours that has an administrator's certificate.
type secured struct {
	client
	https string // URL of the server itself
	*securedNode
}

// securedNode is one for all tests of this process.
type securedNode struct {
	node
	ready sync.Mutex // held while it is made
	ca    *authority
}

var sharedSecured = securedNode{node: node{server: "opensearch-secured"}}

// SecuredVariable names the environment variable that lets the tests of a secured server run when it is 1.
const SecuredVariable = "LOGBOOM_SECURED"

// startSecured starts it, or finds it running.
func startSecured(t *testing.T) *secured {
	t.Helper()
	if os.Getenv(SecuredVariable) != "1" {
		t.Skipf("a server with security takes its time and 43 MB more of jars: make secured, which sets %s=1, runs this", SecuredVariable)
	}
	n := &sharedSecured
	n.ready.Lock()
	defer n.ready.Unlock()
	if n.ca == nil {
		n.prepareSecured(t)
	}
	s := &secured{https: n.start(t, securedSettings...), securedNode: n}
	administrator := httptest.NewServer(n.proxy(t, "administrator"))
	t.Cleanup(administrator.Close)
	s.client = client{t, administrator.URL}
	waitFor(t, "the server has its users", func() bool {
		return s.do("GET", "/_plugins/_security/api/internalusers", nil, nil).status == http.StatusOK
	})
	return s
}

var securedSettings = []string{
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

// authentication: a certificate names its user, else a password is asked for.
const authentication = `{_meta: {type: config, config_version: 2}, config: {dynamic: {authc: {
  certificates: {http_enabled: true, order: 0, http_authenticator: {type: clientcert, challenge: false, config: {username_attribute: cn}},
    authentication_backend: {type: noop}},
  passwords: {http_enabled: true, order: 1, http_authenticator: {type: basic, challenge: true}, authentication_backend: {type: intern}}}}}}
`

// prepareSecured makes the folder of the node's configuration: the plugin's defaults, but no user and no one in a role.
func (n *securedNode) prepareSecured(t *testing.T) {
	t.Helper()
	must(t, n.prepare())
	built, err := script("build.sh", n.server)
	if err != nil {
		t.Fatal(explain(err))
	}
	config := filepath.Join(n.dir, "config")
	rules := filepath.Join(config, "opensearch-security")
	must(t, os.CopyFS(rules, os.DirFS(filepath.Join(strings.TrimSpace(string(built)), "config"))))
	for name, text := range map[string]string{
		"config.yml":         authentication,
		"internal_users.yml": "_meta: {type: internalusers, config_version: 2}\n",
		"roles_mapping.yml":  "_meta: {type: rolesmapping, config_version: 2}\n",
	} {
		must(t, os.WriteFile(filepath.Join(rules, name), []byte(text), 0o600))
	}
	n.ca = newAuthority(t, config, "ca")
	n.ca.issue(t, "node")
	n.ca.issue(t, "administrator")
}

// proxy passes requests on to the server, with the certificate of that user: "" is none.
func (n *securedNode) proxy(t *testing.T, user string) http.Handler {
	t.Helper()
	to, err := url.Parse(n.url)
	must(t, err)
	conf := &tls.Config{RootCAs: x509.NewCertPool()}
	conf.RootCAs.AddCert(n.ca.cert)
	if user != "" {
		pair, err := tls.LoadX509KeyPair(n.ca.file(user+".pem"), n.ca.file(user+"-key.pem"))
		must(t, err)
		conf.Certificates = []tls.Certificate{pair}
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, Transport: &http.Transport{TLSClientConfig: conf}}
}

// rights are those of a role: on the cluster, and on indices of some names.
type rights struct {
	Cluster []string      `json:"cluster_permissions"`
	Indices []indexRights `json:"index_permissions"`
}

type indexRights struct {
	Names   []string `json:"index_patterns"`
	Actions []string `json:"allowed_actions"`
}

// allow gives a user a role of its own, made anew.
func (s *secured) allow(user string, r rights) {
	s.Helper()
	role, err := json.Marshal(r)
	must(s.TB, err)
	mapping := fmt.Sprintf(`{"users":[%q]}`, user)
	const api = "/_plugins/_security/api/"
	for range 5 { // a node under load may have missed the role, and then refuses to put somebody into it
		s.must("PUT", api+"roles/"+user, string(role))
		if a := s.do("PUT", api+"rolesmapping/"+user, nil, []byte(mapping)); a.status < 300 {
			return
		}
	}
	s.Fatalf("nobody can be put into the role %s", user)
}

// securedPassword is good enough for the server.
const securedPassword = "correct-Horse-47"

func (s *secured) user(name, password string) {
	s.Helper()
	s.must("PUT", "/_plugins/_security/api/internalusers/"+name, fmt.Sprintf(`{"password":%q}`, password))
}

// config is that of a sink with the right authority.
func (s *secured) config() sink.Config {
	return sink.Config{URLs: []string{s.https}, CAFile: s.ca.file("ca.pem"), Timeout: 10 * time.Second}
}
