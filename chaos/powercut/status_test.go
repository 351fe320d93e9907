package powercut

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// agentStatus is what is read of the agent's /api/v1/status.
type agentStatus struct {
	Files []struct {
		Path    string `json:"path"`
		Durable int64  `json:"durable"`
	} `json:"files"`
}

// promises are the bytes that the agent called durable in one boot, taken from the log files while they still had them.
// Only where files are not rotated does a path say which file is meant.
type promises struct {
	root   string
	client http.Client
	files  map[string]*promised
}

type promised struct {
	file *os.File
	data []byte
}

func newPromises(root string) *promises {
	return &promises{root: root, client: http.Client{Timeout: time.Second}, files: make(map[string]*promised)}
}

// ask takes down what the agent calls durable now. It returns whether the agent answered.
func (p *promises) ask(addr string) bool {
	answer, err := p.client.Get("http://" + addr + "/api/v1/status")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var status agentStatus
	if answer.StatusCode != http.StatusOK || json.NewDecoder(answer.Body).Decode(&status) != nil {
		return false
	}
	for _, f := range status.Files {
		p.take(f.Path, f.Durable)
	}
	return true
}

// take reads a log file up to where it is durable. When the power is gone it takes nothing: then the agent's word may
// have come too late.
func (p *promises) take(path string, durable int64) {
	if !strings.HasPrefix(path, p.root+string(filepath.Separator)) {
		return
	}
	of := p.files[path]
	if of == nil {
		file, err := os.Open(path)
		if err != nil {
			return
		}
		of = &promised{file: file}
		p.files[path] = of
	}
	if from := int64(len(of.data)); from < durable {
		data := make([]byte, durable-from)
		if n, _ := of.file.ReadAt(data, from); int64(n) == durable-from {
			of.data = append(of.data, data...)
		}
	}
}

// keep demands of the book all that was promised.
func (p *promises) keep(b *book, why string) {
	for path, of := range p.files {
		of.file.Close()
		b.lines(of.data, func(message []byte) bool { return b.demand(message, why+" in "+path) })
	}
	clear(p.files)
}
