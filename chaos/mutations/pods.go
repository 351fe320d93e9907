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
}
