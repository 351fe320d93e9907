package elasticsearch

import (
	"crypto/tls"
	"crypto/x509"
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

// secured is a server whose TLS, users and roles are its maker's own. Its client may do everything, by way of a proxy of ours
// that is an administrator.
type secured struct {
	client
	https string // URL of the server itself
	*securedNode
}

// securedNode is one for all tests of this process. Every user has securedPassword.
type securedNode struct {
	node
	security
	ready sync.Mutex // held while it is made
	ca    *authority
}

// security is what the makers have each their own way for.
type security interface {
	settings() []string
	configure(t *testing.T, n *securedNode, config string) // writes the node's configuration
	documented(t *testing.T, role string) rights           // those that docs/servers.md shows
	writing(index string) (rights, string)                 // to write to an index, and what is said where they are missing
	allow(s *secured, user string, r rights)               // gives a user these rights only, and returns when that has an effect
}

// rights are those on the cluster, and on indices of these names.
type rights struct{ cluster, names, indices []string }

const securedPassword = "correct-Horse-47"

var securedNodes = map[string]*securedNode{
	"opensearch":    {node: node{server: "opensearch-secured"}, security: &openSearchSecurity{}},
	"elasticsearch": {node: node{server: "elasticsearch-secured"}, security: &elasticSecurity{}},
}

// SecuredVariable names the environment variable that lets the tests of secured servers run when it is 1.
const SecuredVariable = "LOGBOOM_SECURED"

// onEachSecured runs a test on each of them.
func onEachSecured(t *testing.T, test func(t *testing.T, s *secured)) {
	t.Helper()
	for name := range securedNodes {
		t.Run(name, func(t *testing.T) { test(t, startSecured(t, name)) })
	}
}

// startSecured starts it, or finds it running.
func startSecured(t *testing.T, name string) *secured {
	t.Helper()
	if os.Getenv(SecuredVariable) != "1" {
		t.Skipf("a server with security takes its time and 60 MB more of jars: make secured, which sets %s=1, runs this", SecuredVariable)
	}
	n := securedNodes[name]
	n.ready.Lock()
	defer n.ready.Unlock()
	if n.ca == nil {
		must(t, n.prepare())
		config := filepath.Join(n.dir, "config")
		must(t, os.MkdirAll(config, 0o700))
		n.ca = newAuthority(t, config, "ca")
		n.ca.issue(t, "node")
		n.ca.issue(t, "administrator")
		n.configure(t, n, config)
	}
	s := &secured{https: n.start(t, n.settings()...), securedNode: n}
	administrator := httptest.NewServer(n.proxy(t, true))
	t.Cleanup(administrator.Close)
	s.client = client{t, administrator.URL}
	return s
}

// proxy passes requests on to the server, as an administrator's or as they are.
func (n *securedNode) proxy(t *testing.T, administrator bool) http.Handler {
	t.Helper()
	to, err := url.Parse(n.url)
	must(t, err)
	conf := &tls.Config{RootCAs: x509.NewCertPool()}
	conf.RootCAs.AddCert(n.ca.cert)
	if administrator {
		pair, err := tls.LoadX509KeyPair(n.ca.file("administrator.pem"), n.ca.file("administrator-key.pem"))
		must(t, err)
		conf.Certificates = []tls.Certificate{pair}
	}
	return &httputil.ReverseProxy{Transport: &http.Transport{TLSClientConfig: conf}, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		if administrator { // of Elasticsearch, which knows a user by a certificate only with another licence
			r.Out.SetBasicAuth("administrator", securedPassword)
		}
	}}
}

// config is that of a sink with the right authority, of that user.
func (s *secured) config(user string) sink.Config {
	return sink.Config{URLs: []string{s.https}, CAFile: s.ca.file("ca.pem"), Timeout: 10 * time.Second, Username: user, Password: securedPassword}
}

// request is the body of a request that docs/servers.md shows.
func request(t *testing.T, line string) []byte {
	t.Helper()
	root, err := repository()
	must(t, err)
	text, err := os.ReadFile(filepath.Join(root, "docs", "servers.md"))
	must(t, err)
	_, body, found := strings.Cut(string(text), line+"\n")
	if !found {
		t.Fatalf("docs/servers.md does not show %s", line)
	}
	body, _, _ = strings.Cut(body, "```")
	return []byte(body)
}
