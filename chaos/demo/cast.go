package main

import (
	"fmt"
	"time"

	"logboom/chaos/kubelet"
)

// pods are those of a small node: busy ones, one that crashes, one that is deleted, one that hardly says anything. Files
// disappear only at times when the agent runs.
func pods(o options) []kubelet.Pod {
	r := o.rate
	return []kubelet.Pod{
		{Namespace: "shop", Name: "web-1", Containers: []kubelet.Container{
			{Name: "web", Rate: 0.25 * r, Stderr: 0.1, Long: 0.0005, Binary: 0.0005},
			{Name: "proxy", Rate: 0.1 * r},
		}},
		{Namespace: "shop", Name: "web-2", Containers: []kubelet.Container{{Name: "web", Rate: 0.25 * r, Stderr: 0.1}}},
		{Namespace: "pay", Name: "worker-1", Containers: []kubelet.Container{
			{Name: "worker", Rate: 0.2 * r, Stderr: 0.5, Long: 0.002, Binary: 0.001},
		}},
		{Namespace: "pay", Name: "flaky-1", Containers: []kubelet.Container{
			{Name: "flaky", Rate: 0.1 * r, Stderr: 0.3, OpenEnd: true, Exits: []time.Duration{crash1(o), crash2(o)}},
		}},
		{Namespace: "batch", Name: "import-1", Start: time.Second, Delete: deletion(o), Containers: []kubelet.Container{
			{Name: "import", Rate: 0.1 * r},
		}},
		{Namespace: "kube-system", Name: "cron-1", Containers: []kubelet.Container{{Name: "cron", Rate: 2}}},
	}
}

// deletion is when the pod import-1 is deleted: while the backend is away.
func deletion(o options) time.Duration { return (o.backendKill + o.backendBack) / 2 }

// crash1 and crash2 are when the container flaky exits. With the second exit the files of its first attempt go.
func crash1(o options) time.Duration { return o.backendKill / 2 }
func crash2(o options) time.Duration { return (o.agentBack + o.write) / 2 }

// announce says in plain words what will happen.
func (s *stage) announce() {
	o := s.options
	fmt.Printf(`What happens now:
  - Seven containers of six pods write about %.0f lines a second for %v, as the kubelet and containerd write them:
    split at 16 KiB, stdout and stderr mixed, rotated every 2 s over 256 KiB, older files gzipped, the oldest deleted.
  - After %v the backend is killed with SIGKILL. It comes back at %v. Meanwhile a pod is deleted (%v).
  - After %v the agent is killed with SIGKILL. It comes back at %v. A container crashes at %v and at %v.
  - Then every document is read back and compared with every line that was written.
  Everything is in %s; status page while it runs: http://%s/

`, o.rate, o.write, o.backendKill, o.backendBack, deletion(o), o.agentKill, o.agentBack, crash1(o), crash2(o), o.dir, s.agentAddr)
}
