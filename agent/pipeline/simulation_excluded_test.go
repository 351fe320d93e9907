package pipeline

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"logboom/agent/kube"
	"logboom/agent/tail"
	"logboom/wal"
)

// The same world with pods whose logs nobody wants: by their labels, which come at once or late or change, or because the API never
// tells of them. Each file is stored whole or excluded whole, as it has to be, and every byte of it is in the account: what was
// read is delivered, a dead letter, lost or excluded.
func TestSimulationPassesOverWhatIsExcluded(t *testing.T) {
	simulations(t, "excluded", func(s *simulation) {
		dice := rand.New(rand.NewPCG(uint64(s.rng.Uint32()), 6))
		s.amnesia = false // with the checkpoint it is forgotten how much was excluded
		s.exclusion = &exclusion{rng: dice, unknown: dice.IntN(2) == 0, pods: map[string]truth{}}
		s.calm = dice.IntN(3) == 0
		if dice.IntN(4) == 0 {
			s.drop, s.maxSize, s.maxLetters, s.refuses, s.closes = true, 6<<10, 0, 50, false
		}
	})
}

// exclusion is what is wanted of the logs, and what became of them.
type exclusion struct {
	rng     *rand.Rand
	unknown bool             // metadata.exclude_unknown
	pods    map[string]truth // by uid
	files   []*logFile       // of containers, all there ever were
}

// truth is what an API would say of a pod, and when.
type truth struct {
	told     told
	unwanted bool
}

type told int

const (
	atOnce told = iota
	late
	never
)

// logFile is one log file's life.
type logFile struct {
	bytes       int64
	lines       []string // messages
	store, pass bool     // whether it may be stored, and whether it may be excluded
	vague       bool     // it was compressed or removed: what of it no look had told the checkpoint is in no account
	excluded    bool
}

// fate says whether a pod's file may be stored, and whether it may be excluded.
func (x *exclusion) fate(uid string) (store, pass bool) {
	switch p := x.pods[uid]; p.told {
	case never:
		return !x.unknown, x.unknown
	case late:
		return !p.unwanted || !x.unknown, p.unwanted || x.unknown
	default:
		return !p.unwanted, p.unwanted
	}
}

// join makes a pod known to the exclusion.
func (x *exclusion) join(uid string) {
	x.pods[uid] = truth{told(x.rng.IntN(3)), x.rng.IntN(2) == 0}
}

// begin is a new log file of a pod.
func (x *exclusion) begin(uid string) *logFile {
	f := &logFile{}
	f.store, f.pass = x.fate(uid)
	x.files = append(x.files, f)
	return f
}

// relabel changes what a pod's labels say, now and then: for its new files. Those that are there may have been met, or not.
func (p *pod) relabel() {
	x := p.s.exclusion
	if x == nil || x.rng.IntN(8) > 0 || x.pods[p.uid()].told != atOnce {
		return
	}
	truth := x.pods[p.uid()]
	truth.unwanted = !truth.unwanted
	x.pods[p.uid()] = truth
	for _, f := range p.files {
		f.store, f.pass = true, true
	}
}

// choosy makes the agent choose.
func (x *exclusion) choosy(o *tail.Options, seed uint64) {
	unwanted, err := labels.Parse("logs=no")
	if err != nil {
		panic(err)
	}
	rules := &kube.Rules{Exclude: kube.Selection{Labels: unwanted}}
	o.Inputs[0].Choose, o.Inputs[0].ExcludeUnknown = rules.Choose, x.unknown
	api := &choosyAPI{x, newLateAPI(seed)}
	o.Pods, o.PodWait = api, func() time.Duration { return 3 * time.Second }
}

// choosyAPI tells of pods as it is their truth. A new agent knows nothing yet of those that are told of late.
type choosyAPI struct {
	x    *exclusion
	late *lateAPI
}

func (a *choosyAPI) Describe(d *wal.File) bool {
	p, ok := a.x.pods[d.PodUID]
	if !ok || p.told == never || p.told == late && !a.late.Describe(d) {
		return false
	}
	d.Described, d.Labels = true, map[string]string{"app": "x"}
	if p.unwanted {
		d.Labels["logs"] = "no"
	}
	return true
}

// judge finds out which files were excluded: those of which nothing is stored, a dead letter or lost. It returns their messages.
func (s *simulation) judge(got map[string]int, lost map[string]bool) (passed map[string]bool) {
	passed = map[string]bool{}
	if s.exclusion == nil {
		return passed
	}
	for _, f := range s.exclusion.files {
		there := slices.ContainsFunc(f.lines, func(m string) bool { return got[m] > 0 || lost[m] })
		switch {
		case there && !f.store:
			s.wrong("a file that should be excluded is stored: %.60q", f.lines[0])
		case !there && f.pass:
			f.excluded = true
			s.excluded++
			for _, m := range f.lines {
				passed[m] = true
			}
		}
	}
	return passed
}

// excludedBytes returns what of files was excluded, and how much of that must be in the account.
func (s *simulation) excludedBytes() (all, sure int64) {
	if s.exclusion == nil {
		return 0, 0
	}
	for _, f := range s.exclusion.files {
		if f.excluded {
			all += f.bytes
			if !f.vague || s.crashes == 0 {
				sure += f.bytes
			}
		}
	}
	return all, sure
}

// uid is the pod's, as it stands in the name of its folder.
func (p *pod) uid() string {
	name := strings.TrimSuffix(p.dir, "/app")
	return name[strings.LastIndexByte(name, '_')+1:]
}
