package scenarios

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// authority makes certificates.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	var err error
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	must(t, err)
	a.cert, err = x509.ParseCertificate(der)
	must(t, err)
	return a
}

// server returns a certificate for 127.0.0.1 that is good until then.
func (a *authority) server(until time.Time) *tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "backend"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	must(a.t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// publish writes the authority's certificate where the agent looks for it, as one that replaces a file does.
func (a *authority) publish(path string) {
	a.t.Helper()
	must(a.t, os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o644))
	must(a.t, os.Rename(path+".new", path))
}

// The backend's certificate runs out under load, and is renewed; then another authority takes over, and the file that the
// agent trusts follows later. Meanwhile nothing is sent to a server that can't be trusted, and all of it waits.
func TestCertificateExpiresAndIsRenewed(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	old, next, file := newAuthority(t, "old"), newAuthority(t, "next"), filepath.Join(g.dir, "ca.pem")
	old.publish(file)
	var shown atomic.Pointer[tls.Certificate]
	shown.Store(old.server(time.Now().Add(time.Hour)))
	net := g.startNetwork(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shown.Load(), nil }})
	g.configure(settings{sink: hasty + fmt.Sprintf("\n    tls:\n      ca_file: %q", file), url: net.url()})
	n := g.startNode(busy(2000))
	g.agent.start()
	g.awaitStored(500)

	expires := time.Now().Add(3 * time.Second).Truncate(time.Second)
	shown.Store(old.server(expires))
	net.reset()
	time.Sleep(time.Until(expires.Add(time.Second)))
	g.film.fault("certificate expired")
	net.reset() // connections that stand don't look at it again
	g.holds(n, "its certificate has expired")
	g.film.over("certificate expired")
	shown.Store(old.server(time.Now().Add(time.Hour)))
	g.goesOn(n)

	g.film.fault("authority not trusted")
	shown.Store(next.server(time.Now().Add(time.Hour)))
	net.reset()
	g.holds(n, "its certificate is not trusted")
	g.film.over("authority not trusted")
	next.publish(file)
	g.goesOn(n)
	n.end()
	g.verdict(demand{})
}

// holds demands that nothing is stored while lines come, that these are durable, and that the agent says why.
func (g *stage) holds(n *node, why string) {
	g.t.Helper()
	g.awaitStatus("the agent says: "+why, func(s status) bool { return strings.Contains(s.Delivery.LastError, why) })
	stored := g.stored()
	n.awaitLines(2000)
	if more := g.stored(); more != stored {
		g.t.Errorf("%d documents were sent to a server that can't be trusted", more-stored)
	}
	read := n.Bytes.Load()
	g.awaitStatus("what was written is durable", func(s status) bool { return s.Intake.ReadBytes >= read })
}

// goesOn demands that what waited, and more, is stored.
func (g *stage) goesOn(n *node) {
	g.t.Helper()
	g.awaitStored(n.Lines.Load())
}
