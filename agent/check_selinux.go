package main

import (
	"os"
	"strings"
)

// ownLabel is where the kernel says what SELinux takes this process for, such as system_u:system_r:container_t:s0:c1,c2.
const ownLabel = "/proc/self/attr/current"

// selinux looks whether SELinux keeps an agent in a container from logs of the node, which it does in silence: the mount is there and
// its files can't be opened.
func (k *checker) selinux(label string) {
	text, err := os.ReadFile(label)
	if err != nil {
		return // no kernel with such labels
	}
	if fields := strings.Split(strings.TrimRight(string(text), "\x00\n"), ":"); len(fields) > 2 && fields[2] == "container_t" {
		k.warn("selinux", "this container runs as container_t, which may not read logs of the node where SELinux is enforced. "+
			"Run it as spc_t: securityContext.seLinuxOptions.type, in the chart seLinuxOptions: {type: spc_t}")
	}
}
