package main

// podMutations break what the Kubernetes API has to do with logs.
var podMutations = []mutation{
	{
		name: "tail/unknown-pod-waits-for-ever", invariant: "8", pkg: "agent/tail", file: "agent/tail/pods.go",
		broken: "the files of a pod that stays unknown are never read",
		old:    "fo.settled = !fo.waitsSince.IsZero() && ", new: "fo.settled = false && ",
		test: "TestAPodThatStaysUnknownHoldsItsFilesUpOnce",
	},
	{
		name: "tail/unknown-pod-not-waited-for", invariant: "pods", pkg: "agent/tail", file: "agent/tail/pods.go",
		broken: "new files are read before it is known what their pod is",
		old:    "fo.waits = !fo.settled", new: "fo.waits = false",
		test: "TestANewFileWaitsForItsPodAndLosesNothing",
	},
	{
		name: "tail/vanished-while-waiting", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/meet.go",
		broken: "files whose last names go while they wait are met one by one, in no order",
		old:    "			strangers = append(strangers, s)\n		} else if", new: "			t.recognise(fo, []*stranger{s}, now)\n		} else if",
		test: "TestFilesThatVanishWhileTheyWaitKeepTheirOrder",
	},
	{
		name: "tail/unkept-waits", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/pods.go",
		broken: "more files wait than there are descriptors to keep them",
		old:    "fo.settled = t.firstLines+unkept > t.maxUnknown()", new: "fo.settled = t.firstLines+unkept < 0",
		test: "TestFilesThatNothingKeepsDoNotWait",
	},
	{
		name: "tail/description-forgotten", invariant: "pods", pkg: "agent/tail", file: "agent/tail/pods.go",
		broken: "after a restart with the API down, new files of a known container have no labels",
		old:    "		if f.desc.Described {", new: "		if f.desc.Described && f.attached {",
		test: "TestARestartKeepsWhatIsKnownOfAPod",
	},
	{
		name: "tail/labels-change-under-a-file", invariant: "pods", pkg: "agent/tail", file: "agent/tail/pods.go",
		broken: "one File's documents have labels of different times",
		old:    "		d = *was\n", new: "",
		test: "TestChangesOfLabelsHoldForNewFiles",
	},
	{
		name: "tail/wait-moves-the-start", invariant: "1", pkg: "agent/tail", file: "agent/tail/newfile.go",
		broken: "read_from: now passes over what was written while a file waited for its pod",
		old:    "		size = n.oldSize", new: "		size = max(size, n.oldSize)",
		test: "TestWhatAFirstStartPassesOverDoesNotDependOnTheAPI",
	},
	{
		name: "kube/whole-pods", invariant: "6", pkg: "agent/kube", file: "agent/kube/pod.go",
		broken: "labels and annotations are kept without a bound",
		old:    "wanted(name) && n <= room", new: "wanted(name) && n < 1<<20",
		test: "TestTextsOfAPodAreBounded",
	},
	{
		name: "kube/mirror-by-its-uid", invariant: "pods", pkg: "agent/kube", file: "agent/kube/pod.go",
		broken: "static pods are never known",
		old:    "uid != \"\" {\n		kept.folder.uid = uid", new: "uid != \"\" {\n		kept.folder.uid = string(full.UID)",
		test: "TestAStaticPodIsKnownByItsFolder",
	},
	{
		name: "kube/deleted-at-once", invariant: "pods", pkg: "agent/kube", file: "agent/kube/kube.go",
		broken: "a pod is forgotten with its deletion, before its last file is met",
		old:    "len(p.gone) > maxGone || ", new: "len(p.gone) > 0 || ",
		test: "TestChangesOfPodsAreFollowed",
	},
	{
		name: "tail/excluded-is-forgotten", invariant: "5", pkg: "agent/tail", file: "agent/tail/excluded.go",
		broken: "what an excluded File had is counted only while the agent runs",
		old:    "f.excluded() && (!f.counted", new: "f.excluded() && (false && !f.counted",
		test: "TestExcluded",
	},
	{
		name: "tail/excluded-keeps-its-pin", invariant: "7", pkg: "agent/tail", file: "agent/tail/excluded.go",
		broken: "a pin that was made while a file waited stays for ever",
		old:    "	if f.pin == \"\" {\n		return\n	}\n	if err", new: "	if f.pin != \"-\" {\n		return\n	}\n	if err",
		test: "TestAPodThatIsFoundExcludedNeedsNoPins",
	},
	{
		name: "tail/excluded-is-read-after-a-restart", invariant: "pods", pkg: "agent/tail", file: "agent/tail/verify.go",
		broken: "an excluded File that was found again counts as a new one, and is read",
		old:    "		return e.gz || e.size >= int64(f.read.off)", new: "		return false",
		test: "TestAnExcludedFileIsCountedAndNeverRead",
	},
	{
		name: "tail/unknown-is-included", invariant: "pods", pkg: "agent/tail", file: "agent/tail/excluded.go",
		broken: "logs without labels are shipped though the configuration says that they must not be",
		old:    "in.ExcludeUnknown && !d.Described", new: "in.ExcludeUnknown && d.Described",
		test: "TestExcludeUnknownHoldsAfterTheWait",
	},
	{
		name: "checkpoint/excluded-is-acked", invariant: "5", pkg: "checkpoint", file: "checkpoint/commit.go",
		broken: "bytes that were passed over count as delivered",
		old:    "	if fs.File.Excluded != \"\" {", new: "	if fs.File.Excluded == \"-\" {",
		test: "TestExcludedBytesAreCounted",
	},
	{
		name: "checkpoint/excluded-goes-with-its-file", invariant: "5", pkg: "checkpoint", file: "checkpoint/account.go",
		broken: "what a forgotten File had excluded counts as delivered",
		old:    "{goneExcludedKey, a.Excluded},", new: "{goneExcludedKey, 0},",
		test: "TestExcludedBytesAreCounted",
	},
	{
		name: "pipeline/excluded-waits", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/account.go",
		broken: "what the checkpoint was not told of yet counts as waiting",
		old:    "a.Excluded, a.Waiting = a.Excluded+a.Waiting, 0", new: "_ = a.Excluded",
		test: "TestTheTwoSidesOfAnAccountAddUp",
	},
	{
		name: "kube/own-logs", invariant: "pods", pkg: "agent/kube", file: "agent/kube/rules.go",
		broken: "the agent ships what the agent before it said",
		old:    "stem(d.Pod) == stem(p.Name)", new: "d.Pod == stem(p.Name)",
		test: "TestWhatIsExcludedIsWhatTheRulesSay",
	},
	{
		name: "kube/costly-pattern", invariant: "6, 8", pkg: "agent/kube", file: "agent/kube/annotations.go",
		broken: "a pod's annotation brings a pattern that costs more than all other logs",
		old:    "	if steps > maxSteps {", new: "	if steps < 0 {",
		test: "TestAnAnnotationThatCantBeObeyedIsToldAndIgnored",
	},
	{
		name: "kube/repetition-counts-once", invariant: "6, 8", pkg: "agent/kube", file: "agent/kube/annotations.go",
		broken: "a repetition in such a pattern counts once",
		old:    "max(re.Min, re.Max, 1)*max(sum, 1)", new: "max(sum, 1)",
		test: "TestAnAnnotationThatCantBeObeyedIsToldAndIgnored",
	},
	{
		name: "kube/any-index", invariant: "8", pkg: "agent/kube", file: "agent/kube/annotations.go",
		broken: "a pod sends its logs to any index",
		old:    "!ok || !indexName.MatchString(value)", new: "ok != ok",
		test: "TestAnAnnotationThatCantBeObeyedIsToldAndIgnored",
	},
	{
		name: "kube/pod-overrules", invariant: "pods", pkg: "agent/kube", file: "agent/kube/annotations.go",
		broken: "what is said of one container does not come before what is said of all",
		old:    "c.key + \".\" + d.Container", new: "c.key + \".\" + d.Pod",
		test: "TestAPodSaysHowItsLogsAreRead",
	},
	{
		name: "tail/label-in-a-name", invariant: "8", pkg: "agent/tail", file: "agent/tail/route.go",
		broken: "a label comes into the name of an index as it is",
		old:    "name = indexPart(name); name != \"\"", new: "name != \"\"",
		test: "TestARouteIsMadeOfWhatIsKnownOfAPod",
	},
	{
		name: "kube/loops-are-free", invariant: "6, 8", pkg: "agent/kube", file: "agent/kube/annotations.go",
		broken: "many things in a row that may come or not are taken for a cheap pattern",
		old:    "		return sum + perhaps\n	}", new: "		return sum + 1\n	}",
		test: "TestAnAnnotationThatCantBeObeyedIsToldAndIgnored",
	},
}
