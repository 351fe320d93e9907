package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"logboom/agent/config"
	"logboom/agent/kube"
	"logboom/agent/pipeline"
	"logboom/agent/tail"
	"logboom/checkpoint"
	"logboom/sink"
)

// checkTimeout bounds the wait for the backend.
const checkTimeout = 10 * time.Second

func checkCommand() *cobra.Command {
	var out *output
	c := command("check -c FILE", "Say whether the agent would work here", `
One line for each thing that is looked at: ok, warn (works, but not as well as it could) or fail. It may run beside the
agent, and changes nothing. It ends with 1 when a line says fail.`,
		func(c *cobra.Command, path string, conf *config.Config) error {
			k := &checker{w: c.OutOrStdout(), json: out.json, conf: conf}
			k.ok("configuration", "%s is valid", path)
			k.all(c.Context())
			if k.failed > 0 {
				return &failure{code: exitFailed}
			}
			return nil
		})
	c.Example = `  logboom check -c FILE
  logboom check -c FILE | grep -v ^ok
  logboom check -c FILE --json | jq -r 'select(.verdict != "ok") | .text'`
	out = outputFlags(c, "one object a line, with verdict, what and text")
	return c
}

// checker looks at one thing after the other and writes a line about each.
type checker struct {
	w      io.Writer
	json   bool
	conf   *config.Config
	failed int
}

func (k *checker) all(ctx context.Context) {
	for i, in := range k.conf.Inputs {
		what := fmt.Sprintf("inputs[%d]", i)
		if in.Kubernetes != nil {
			k.kubernetes(what, in.Kubernetes)
		} else {
			k.files(what, in.Files)
		}
	}
	k.metadata(ctx)
	if slices.ContainsFunc(k.conf.Inputs, func(in config.Input) bool { return in.Kubernetes != nil }) {
		k.selinux(ownLabel)
	}
	k.dataDir()
	k.space()
	k.damaged()
	k.agent()
	k.backend(ctx)
}

func (k *checker) ok(what, format string, args ...any) { k.line("ok  ", what, format, args...) }

// warn and fail take what to do as the last sentence of the line.
func (k *checker) warn(what, format string, args ...any) { k.line("warn", what, format, args...) }

func (k *checker) fail(what, format string, args ...any) {
	k.failed++
	k.line("fail", what, format, args...)
}

func (k *checker) line(verdict, what, format string, args ...any) {
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ")
	if k.json {
		_ = printJSON(k.w, map[string]string{"verdict": strings.TrimSpace(verdict), "what": what, "text": text}) // as below: the exit code says it all
		return
	}
	fmt.Fprintf(k.w, "%s  %s: %s\n", verdict, what, printable(text))
}

// kubernetes looks at a folder of container logs, and whether pins will work.
func (k *checker) kubernetes(what string, in *config.Kubernetes) {
	root := in.Root
	pods, err := os.ReadDir(root)
	if os.IsNotExist(err) {
		k.fail(what, "%s does not exist. Mount the node's folder there, or correct kubernetes.root", root)
		return
	}
	if err != nil {
		k.fail(what, "%v. %s", err, advice(err))
		return
	}
	logs, unreadable := containerLogs(root, pods)
	for _, path := range logs {
		if err := tail.Readable(tail.Input{Root: root, AllowedRoots: in.AllowedRoots}, path); err != nil && !errors.Is(err, fs.ErrNotExist) { // it may have gone
			unreadable = append(unreadable, err)
		}
	}
	switch {
	case len(unreadable) > 0:
		k.fail(what, "%d of the folders and log files in %s can't be read, such as: %v. %s", len(unreadable), root, unreadable[0], advice(unreadable[0]))
	case len(logs) == 0:
		k.ok(what, "%s can be read: %d pods, no log file yet", root, len(pods))
		k.sameMount(root)
	default:
		k.ok(what, "%s can be read: %d pods, %d log files", root, len(pods), len(logs))
		k.link(root, logs[0])
	}
}

// containerLogs lists the live log files of pods, and what can't be looked into. A pod may go meanwhile.
func containerLogs(root string, pods []os.DirEntry) (logs []string, unreadable []error) {
	list := func(dir string) []os.DirEntry {
		entries, err := os.ReadDir(dir)
		if err != nil && !os.IsNotExist(err) && !errors.Is(err, unix.ENOTDIR) {
			unreadable = append(unreadable, err)
		}
		return entries
	}
	for _, pod := range pods {
		for _, container := range list(filepath.Join(root, pod.Name())) {
			dir := filepath.Join(root, pod.Name(), container.Name())
			for _, file := range list(dir) {
				if strings.HasSuffix(file.Name(), ".log") {
					logs = append(logs, filepath.Join(dir, file.Name()))
				}
			}
		}
	}
	return logs, unreadable
}

func (k *checker) files(what string, in *config.Files) {
	patterns := in.Paths
	found := 0
	for _, p := range patterns {
		names, err := globFiles(p)
		if err != nil {
			k.fail(what, "%s: %v. %s", p, err, advice(err))
			return
		}
		for _, name := range names {
			if err := tail.Readable(tail.Input{Paths: patterns, AllowedRoots: in.AllowedRoots}, name); err != nil {
				k.fail(what, "%v. %s", err, othersFile(err, os.Geteuid()))
				return
			}
		}
		found += len(names)
	}
	if found == 0 {
		k.warn(what, "no file matches %s. They are read as soon as there are any", strings.Join(patterns, ", "))
		return
	}
	k.ok(what, "%d files match and can be read", found)
}

// metadata asks the Kubernetes API what the agent asks it.
func (k *checker) metadata(ctx context.Context) {
	if !k.conf.Metadata.FromAPI() {
		k.unlabelled()
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	pods, missing, err := kube.Check(ctx, pipeline.PodOptions(k.conf))
	if kube.Forbidden(missing) {
		k.warn("metadata", "%v. Give our service account get, list and watch of namespaces by a ClusterRole. Until then documents lack the labels "+
			"of their namespaces", missing)
	} else if missing != nil {
		k.warn("metadata", "%v. Logs are read all the same; documents lack the labels of their namespaces", missing)
	}
	switch {
	case err != nil:
		k.warn("metadata", "%v. %s", err, apiAdvice(err, k.conf.Metadata.ExcludeUnknown))
	case pods == 0:
		k.warn("metadata", "the Kubernetes API has no pods on a node %q. Set node_name, or NODE_NAME, to the node's name in the cluster", k.conf.NodeName)
	default:
		k.ok("metadata", "the Kubernetes API tells of %d pods on node %s", pods, k.conf.NodeName)
	}
}

// unlabelled tells of choices by labels that choose nothing.
func (k *checker) unlabelled() {
	if k.conf.Metadata.ExcludeUnknown {
		k.warn("metadata", "metadata.exclude_unknown is set, and the Kubernetes API is not asked about pods: no logs of pods are read. "+
			"Set metadata.source to api, or run in a cluster")
	}
	for i, in := range k.conf.Inputs {
		if in.Kubernetes != nil && (in.Kubernetes.Include.Labels.Selector != nil || in.Kubernetes.Exclude.Labels.Selector != nil) {
			k.warn("metadata", "inputs[%d] chooses by labels, and the Kubernetes API is not asked for any, so it reads all. Set metadata.source to api, "+
				"or run in a cluster", i)
		}
	}
}

func apiAdvice(err error, excluded bool) string {
	fate := "go without labels"
	if excluded {
		fate = "are not read (metadata.exclude_unknown)"
	}
	if kube.Forbidden(err) {
		return "Give our service account get, list and watch of pods by a ClusterRole. Until then logs of new pods " + fate
	}
	return "The agent starts all the same; the first logs of new pods wait for metadata.wait and " + fate
}

// othersFile is advice for a file that its owner keeps to itself: uid 0 in a container is not above that.
func othersFile(err error, uid int) string {
	if uid == 0 && errors.Is(err, fs.ErrPermission) {
		return "It belongs to another user: give the container the capability DAC_READ_SEARCH, in the chart nodeLogs.readAll: true"
	}
	return advice(err)
}

// agent says whether one is running: that is no fault, but good to know beside the other lines.
func (k *checker) agent() {
	held, holder := checkpoint.Held(k.conf.DataDir)
	if held {
		k.ok("agent", "running: %s", holder)
		return
	}
	if lock, err := os.Open(filepath.Join(k.conf.DataDir, "LOCK")); err == nil {
		lock.Close()
	} else if errors.Is(err, fs.ErrPermission) {
		k.warn("agent", "whether one is running can't be seen: %v. Run this as the agent's user", err)
		return
	}
	k.ok("agent", "not running")
}

func (k *checker) backend(ctx context.Context) {
	s, err := sink.New(pipeline.SinkConfig(k.conf, slog.New(slog.DiscardHandler)))
	if err != nil {
		k.fail("backend", "%v", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	info, err := s.Check(ctx)
	switch {
	case err != nil && info.Reachable:
		k.warn("backend", "%v. Until that is put right, logs wait in the WAL", err)
	case err != nil:
		k.warn("backend", "can't be reached: %v. The agent starts all the same, and logs wait in the WAL", err)
	case info.Version == "":
		k.ok("backend", "%s answers", info.URL)
	default:
		k.ok("backend", "%s answers: %s %s", info.URL, info.Distribution, info.Version)
	}
	if err == nil {
		k.privileges(ctx, s)
		k.installed(ctx, s)
	}
}

// installed looks whether the backend has what logboom setup installs.
func (k *checker) installed(ctx context.Context, s *sink.Sink) {
	pieces, err := s.Plan(ctx, routes(k.conf))
	if err != nil {
		k.warn("setup", "can't see whether index templates are installed: %v", err)
		return
	}
	for _, p := range pieces {
		switch p.State {
		case sink.PieceMissing, sink.PieceOlder:
			k.warn("setup", "%s is %s%s. Run logboom setup -c FILE", p.Name, p.State, without(p.Name))
		default:
			k.ok("setup", "%s: %s", p.Name, cmp.Or(p.Detail, string(p.State)))
		}
	}
}

// without says what a backend does that has no such piece.
func without(piece string) string {
	switch {
	case strings.HasPrefix(piece, "index template"):
		return ": without it the server guesses the types of fields"
	case strings.HasPrefix(piece, "life-cycle policy"):
		return ": without it a data stream's index grows without end"
	}
	return ""
}

// privileges looks whether our user may write, and whether what was sent without an answer can be found again behind a data
// stream that was rolled over. A name with a date is passed over: it is mostly that of one index, which nobody knows the
// privileges of yet. Where a pattern has other parts, one namespace stands for all.
func (k *checker) privileges(ctx context.Context, s *sink.Sink) {
	for _, index := range routes(k.conf) {
		index = strings.NewReplacer("%{namespace}", "default", "%{pod}", "default", "%{container}", "default").Replace(index)
		if strings.Contains(index, "%{") {
			continue
		}
		if missing := s.MissingPrivileges(ctx, index); len(missing) > 0 {
			k.warn("privileges", "our user lacks %s on %s: logs wait in the WAL. Give it these", strings.Join(missing, " and "), index)
		}
		if err := s.CheckLookUp(ctx, index); err != nil {
			k.warn("rollover", "what is stored can't be looked up in %s: %v. After a lost answer and a rollover, lines may be stored twice. "+
				"Give our user read and view_index_metadata on it", index, err)
		}
	}
}
