package scenarios

import (
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"time"
)

// network is a proxy in front of the backend that can be as bad as a network: what toxiproxy does, and resets of connections
// that are open, in the middle of what they carry.
type network struct {
	listener net.Listener
	target   string
	tls      *tls.Config // of the agent's side; nil: plain
	film     *film

	mu      sync.Mutex // guards all below
	weather weather
	open    map[net.Conn]struct{}
}

// weather is what happens to the bytes that come through.
type weather struct {
	what    string        // name of it in a report
	latency time.Duration // of each piece
	speed   int           // bytes a second; 0: any
	deaf    bool          // answers get lost, and nobody tells
	silent  bool          // requests get lost, and nobody tells
	hollow  bool          // new connections are taken, and lead nowhere
}

// The weathers that a network knows. A partition is both directions at once, for old connections and for new ones.
var (
	late        = weather{what: "network late", latency: 100 * time.Millisecond}
	narrow      = weather{what: "network narrow", speed: 100 << 10}
	deaf        = weather{what: "answers swallowed", deaf: true}
	silent      = weather{what: "requests swallowed", silent: true}
	hollow      = weather{what: "connections half open", hollow: true}
	partitioned = weather{what: "network partitioned", deaf: true, silent: true, hollow: true}
)

// startNetwork puts a network between agent and backend. With a configuration for TLS the agent's side is encrypted.
func (g *stage) startNetwork(secure *tls.Config) *network {
	g.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(g.t, err)
	n := &network{listener: l, target: strings.TrimPrefix(g.url, "http://"), tls: secure, film: g.film, open: map[net.Conn]struct{}{}}
	go n.accept()
	g.t.Cleanup(func() { l.Close(); n.reset() })
	return n
}

func (n *network) url() string {
	if n.tls != nil {
		return "https://" + n.listener.Addr().String()
	}
	return "http://" + n.listener.Addr().String()
}

func (n *network) accept() {
	for {
		agent, err := n.listener.Accept()
		if err != nil {
			return
		}
		n.keep(agent)
		if n.now().hollow {
			continue
		}
		backend, err := net.Dial("tcp", n.target)
		if err != nil {
			n.close(agent)
			continue
		}
		n.keep(backend)
		near := agent
		if n.tls != nil {
			near = tls.Server(agent, n.tls)
		}
		go n.carry(near, backend, agent, backend, func(w weather) bool { return w.silent })
		go n.carry(backend, near, agent, backend, func(w weather) bool { return w.deaf })
	}
}

// carry brings bytes from one end to the other until one of them closes.
func (n *network) carry(from, to, agent, backend net.Conn, lost func(weather) bool) {
	defer n.close(agent)
	defer n.close(backend)
	buf := make([]byte, 16<<10)
	for {
		size, err := from.Read(buf)
		if err != nil {
			return
		}
		w := n.now()
		if w.speed > 0 {
			time.Sleep(time.Duration(size) * time.Second / time.Duration(w.speed))
		}
		time.Sleep(w.latency)
		if lost(w) {
			continue
		}
		if _, err := to.Write(buf[:size]); err != nil {
			return
		}
	}
}

func (n *network) keep(c net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open[c] = struct{}{}
}

func (n *network) close(c net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, c)
	c.Close()
}

func (n *network) now() weather {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.weather
}

// set changes the weather; weather{} is a good day.
func (n *network) set(w weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.film.over(n.weather.what)
	if n.weather = w; w.what != "" {
		n.film.fault(w.what)
	}
}

// reset ends all connections with RST, wherever they are.
func (n *network) reset() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.open {
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	clear(n.open)
	n.film.moment("connections reset")
}
