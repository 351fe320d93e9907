// Package port hands out loopback ports for servers that must find theirs again after they were killed.
//
// A port that the kernel chose (port 0) lies among those that it gives to anybody, also to the next connection: while the
// server is down it can be gone. A port from here stays free: it lies below those, and no other process gets it from here
// while this one lives, since this one holds a socket with an abstract name, the port's, in the same network namespace.
// The name is gone with the process, however that ends.
//
// It costs a descriptor a port. Whether a port is free is tried by listening there.
package port

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
)

// Ports are between them; lowest is above what services commonly have.
const lowest, highest = 10240, 1<<16 - 1

// held are the names of what was handed out, which an unreachable socket would lose.
var held struct {
	sync.Mutex
	names []net.Listener
}

// Free returns an address of 127.0.0.1 where nobody listens, with a port that is ours until the process ends.
func Free() (addr string, err error) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return "", err
	}
	first, end, err := own(string(text))
	if err != nil {
		return "", err
	}
	begin := rand.IntN(end - first)
	for i := range end - first {
		addr, name := claim(first + (begin+i)%(end-first))
		if name != nil {
			held.Lock()
			defer held.Unlock()
			held.names = append(held.names, name)
			return addr, nil
		}
	}
	return "", fmt.Errorf("port: all from %d to %d are taken", first, end-1)
}

// claim takes the port's name, unless another process has it or somebody listens on the port.
func claim(number int) (addr string, name net.Listener) {
	addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(number))
	name, err := net.Listen("unix", "@logboom-port-"+strconv.Itoa(number))
	if err != nil {
		return "", nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		name.Close()
		return "", nil
	}
	l.Close()
	return addr, name
}

// own returns the ports from first up to end that the kernel gives to nobody by itself, by the range of those that it
// does. Where it leaves too few it is all of them: then luck decides, as it would with port 0.
func own(kernels string) (first, end int, err error) {
	var from int
	if _, err := fmt.Sscan(kernels, &from); err != nil {
		return 0, 0, fmt.Errorf("port: the kernel's range is %q: %w", kernels, err)
	}
	if from < lowest+1000 {
		return lowest, highest + 1, nil
	}
	return lowest, from, nil
}
