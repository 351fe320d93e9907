package deploy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"logboom/agent/config"
	"logboom/agent/kube"
	"logboom/wal"
)

// agentOf is the native sidecar of an example.
func agentOf(t *testing.T, dir string) (*appsv1.Deployment, corev1.Container) {
	t.Helper()
	d := one[appsv1.Deployment](t, build(t, dir), "Deployment")
	c := d.Spec.Template.Spec.InitContainers[0]
	if c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways {
		t.Errorf("%s is no native sidecar: it ends before the application's last line, or keeps a Job from ending", c.Name)
	}
	return d, c
}

// What the Pod Security level restricted asks for, in full.
func TestSidecarsAreRestricted(t *testing.T) {
	for _, dir := range []string{"examples/forwarding-sidecar", "examples/streaming-sidecar"} {
		d, _ := agentOf(t, dir)
		pod := d.Spec.Template.Spec
		if pod.HostNetwork || pod.HostPID || pod.HostIPC || !*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.RunAsUser == 0 ||
			pod.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: %+v", dir, pod.SecurityContext)
		}
		for _, c := range append(pod.InitContainers, pod.Containers...) {
			s := c.SecurityContext
			if *s.AllowPrivilegeEscalation || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" || s.Capabilities.Add != nil ||
				s.Privileged != nil || s.RunAsUser != nil || s.RunAsNonRoot != nil || s.SeccompProfile != nil {
				t.Errorf("%s: %s: %+v", dir, c.Name, s)
			}
			for _, p := range c.Ports {
				if p.HostPort != 0 {
					t.Errorf("%s: %s has a port of the host", dir, c.Name)
				}
			}
		}
		for _, v := range pod.Volumes {
			if v.EmptyDir == nil && v.ConfigMap == nil {
				t.Errorf("%s: volume %s is neither emptyDir nor ConfigMap", dir, v.Name)
			}
		}
	}
}

// forwarding loads what the forwarding sidecar reads.
func forwarding(t *testing.T) (*appsv1.Deployment, corev1.Container, *config.Config) {
	t.Helper()
	const dir = "examples/forwarding-sidecar"
	d, c := agentOf(t, dir)
	return d, c, load(t, one[corev1.ConfigMap](t, build(t, dir), "ConfigMap").Data["logboom.yaml"], c)
}

// The buffer goes with the pod, so its end drains it, in the time that the kubelet leaves.
func TestTheForwardingSidecarDrainsBeforeItIsKilled(t *testing.T) {
	d, c, conf := forwarding(t)
	if !conf.Delivery.DrainOnStop {
		t.Error("it does not drain at the end")
	}
	killed := time.Duration(*d.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
	if conf.Delivery.Grace > killed-5*time.Second || conf.Delivery.Grace < killed/2 {
		t.Errorf("delivery.grace %v, SIGKILL after %v", conf.Delivery.Grace, killed)
	}
	if m := mountOf(c, conf.DataDir); m == nil || m.ReadOnly || m.MountPath == conf.DataDir {
		t.Errorf("data_dir %s must be below a writable mount, so that it has a mode of its own: %v", conf.DataDir, m)
	}
	if m := mountOf(c, conf.Inputs[0].Files.Paths[0]); m == nil || !m.ReadOnly {
		t.Errorf("the logs' mount is %v", m)
	}
}

// The kubelet evicts a pod whose emptyDir is over its limit.
func TestTheForwardingSidecarStaysWithinItsVolume(t *testing.T) {
	d, _, conf := forwarding(t)
	const others = 16*config.MiB + 2*64*config.MiB + 64*config.MiB // RESERVE, what is kept of damage, the checkpoint
	need := int64(conf.WAL.MaxSize + conf.Dead.MaxSize + others)
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.Name == "buffer" && v.EmptyDir.SizeLimit.Value() < need {
			t.Errorf("the buffer may take %d bytes and its volume holds %d", need, v.EmptyDir.SizeLimit.Value())
		}
	}
}

// The application and the sidecar must mean the same file.
func TestSidecarsReadWhatTheApplicationWrites(t *testing.T) {
	for dir, file := range map[string]string{"examples/forwarding-sidecar": "/logs/shop.log", "examples/streaming-sidecar": "/logs/access.log"} {
		d, c := agentOf(t, dir)
		app := d.Spec.Template.Spec.Containers[0]
		if !strings.Contains(strings.Join(app.Command, " "), file) {
			t.Errorf("%s: %v does not write %s", dir, app.Command, file)
		}
		if a, b := mountOf(app, file), mountOf(c, file); a == nil || b == nil || a.Name != b.Name || a.MountPath != b.MountPath {
			t.Errorf("%s: the application writes on %v, the sidecar reads on %v", dir, a, b)
		}
	}
	_, c := agentOf(t, "examples/streaming-sidecar")
	if c.Args[0] != "stream" || c.Args[1] != "/logs/access.log" {
		t.Error(c.Args)
	}
}

// What the example's annotations say is obeyed, for the containers that it has.
func TestTheAgentObeysTheAnnotationsOfTheExample(t *testing.T) {
	pod := one[appsv1.Deployment](t, build(t, "examples/annotations"), "Deployment").Spec.Template
	got := map[string]string{}
	for _, c := range pod.Spec.Containers {
		d := wal.File{Namespace: "shop", Pod: "checkout-1", Container: c.Name, Described: true, Annotations: pod.Annotations}
		if faults := (&kube.Rules{}).Faults(&d); len(faults) > 0 {
			t.Errorf("%s: %v", c.Name, faults)
		}
		got[c.Name] = d.Excluded + d.JSON
		if d.Multiline != nil {
			got[c.Name] += "traces " + d.Multiline.Traces
		}
	}
	if diff := cmp.Diff(map[string]string{"app": "traces java.1", "audit": "json", "debug": "annotation"}, got); diff != "" {
		t.Error(diff)
	}
}
