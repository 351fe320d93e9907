package e2e

import (
	"io"
	"net"
	"net/url"
	"strings"
)

// forward makes a server of this machine's loopback address reachable for pods, at the node's own address, as long as
// the test lasts. It returns the URL for them.
func (c *cluster) forward(server string) string {
	c.t.Helper()
	node := strings.TrimSpace(c.run("", "get", "nodes", "-o", `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`))
	to, err := url.Parse(server)
	if err != nil {
		c.t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(node, "0"))
	if err != nil {
		c.t.Fatalf("listen at the node's address: %v. Does the node run on this machine?", err)
	}
	c.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return // closed
			}
			go carry(in, to.Host)
		}
	}()
	return "http://" + l.Addr().String()
}

// carry takes one connection to host, until either side ends it. Where nobody listens the client is refused, too.
func carry(in net.Conn, host string) {
	defer in.Close()
	out, err := net.Dial("tcp", host)
	if err != nil {
		return
	}
	defer out.Close()
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			io.Copy(way[0], way[1]) // an error is the end of the connection, as its other side sees it
			done <- struct{}{}
		}()
	}
	<-done
}
