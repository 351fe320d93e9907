package scenarios

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// network is a proxy in front of the backend that can be as bad as a network.
type network struct {
	listener net.Listener
	target   string

	mu      sync.Mutex // guards all below
	weather weather
	open    map[net.Conn]struct{}
}

// weather is what happens to the bytes that come through.
type weather struct {
	latency time.Duration // of each piece
	speed   int           // bytes a second; 0: any
	deaf    bool          // answers get lost, and nobody tells
	silent  bool          // requests get lost, and nobody tells
}

// startNetwork puts a network between agent and backend.
func (g *stage) startNetwork() *network {
	g.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(g.t, err)
	n := &network{listener: l, target: strings.TrimPrefix(g.url, "http://"), open: map[net.Conn]struct{}{}}
	go n.accept()
	g.t.Cleanup(func() { l.Close(); n.reset() })
	return n
}

func (n *network) url() string { return "http://" + n.listener.Addr().String() }

func (n *network) accept() {
	for {
		agent, err := n.listener.Accept()
		if err != nil {
			return
		}
		backend, err := net.Dial("tcp", n.target)
		if err != nil {
			agent.Close()
			continue
		}
		n.mu.Lock()
		n.open[agent], n.open[backend] = struct{}{}, struct{}{}
		n.mu.Unlock()
		go n.carry(agent, backend, func(w weather) bool { return w.silent })
		go n.carry(backend, agent, func(w weather) bool { return w.deaf })
	}
}

// carry brings bytes from one end to the other until one of them closes.
func (n *network) carry(from, to net.Conn, lost func(weather) bool) {
	defer from.Close()
	defer to.Close()
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

func (n *network) now() weather {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.weather
}

func (n *network) set(w weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.weather = w
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
}

// The network is slow, narrow, swallows requests or answers without a word, and resets connections in the middle.
func TestBadNetwork(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	net := g.startNetwork()
	g.configure(settings{sink: hasty, url: net.url()})
	n := g.startNode(busy(2000))
	g.agent.start()
	g.awaitStored(500)
	for _, w := range []weather{
		{latency: 100 * time.Millisecond}, {speed: 100 << 10}, {deaf: true}, {silent: true}, {latency: 20 * time.Millisecond, speed: 1 << 20}, {deaf: true},
	} {
		net.set(w)
		time.Sleep(1200 * time.Millisecond) // more than an answer may take
		net.reset()
		n.awaitLines(200)
	}
	net.set(weather{})
	n.end()
	g.verdict(demand{})
}
