package main

// pageMutations break what people are told, and what they must not be shown.
var pageMutations = []mutation{
	{
		name: "page/lines-for-everybody", invariant: "people", pkg: "agent/status", file: "agent/status/local.go",
		broken: "the lines of dead letters are shown to whoever reaches http.listen",
		old:    "if !fromHere(r) {", new: "if false {",
		test: "TestLinesAreShownOnTheNodeOnly",
	},
	{
		name: "page/any-name-will-do", invariant: "people", pkg: "agent/status", file: "agent/status/local.go",
		broken: "a page from elsewhere, whose name was made to point to the node, reads the lines of dead letters",
		old:    " && loopbackName(r.Host)", new: "",
		test: "TestLinesAreShownOnTheNodeOnly",
	},
	{
		name: "page/patterns-shown", invariant: "people", pkg: "agent/config", file: "agent/config/effective.go",
		broken: "the page shows the patterns of redactions, which may hold what is to be hidden",
		old:    "case Pattern:\n\t\treturn hidden", new: "case Pattern:\n\t\treturn x.String()",
		test: "TestSettingsShowNoSecret",
	},
	{
		name: "page/another-number", invariant: "people", pkg: "agent/status/browser", file: "agent/status/page/page.js",
		broken: "the account on the page says unread for waiting",
		old:    `["waiting_bytes", "waiting"]`, new: `["unread_bytes", "waiting"]`,
		test: "TestTheNumbersAreThoseOfTheAPI",
	},
	{
		name: "page/all-is-well", invariant: "people", pkg: "agent/status/browser", file: "agent/status/page/page.js",
		broken: "the first line of the page says that all is well, whatever is",
		old:    "const worst = s.problems[0];", new: "const worst = null;",
		test: "TestTheNumbersAreThoseOfTheAPI",
	},
	{
		name: "page/asks-elsewhere", invariant: "people", pkg: "agent/status/browser", file: "agent/status/page/index.html",
		broken: "the page asks another host",
		old:    `<link rel="stylesheet" href="page.css">`, new: `<link rel="stylesheet" href="page.css"><link rel="stylesheet" href="http://127.0.0.2:9/x.css">`,
		test: "TestThePageSpeaks",
	},
	{
		name: "page/full-at-any-rate", invariant: "people", pkg: "agent/status", file: "agent/status/history.go",
		broken: "Segments that come and go are taken for a buffer that fills",
		old:    "gone <= noise || room <= 0", new: "gone <= 0 || room <= 0",
		test: "TestTheTimeUntilTheBufferIsFullIsThatOfThePresentRate",
	},
	{
		name: "page/libraries-speak", invariant: "people", pkg: "agent", file: "agent/cmd_run.go",
		broken: "what libraries say is in the agent's own log, and quotes what a server sent",
		old:    "defer flush()", new: "defer flush()\n\tslog.SetDefault(logger)",
		test: "TestTheLogHasNoContentOfOtherPeoplesLines",
	},
	{
		name: "page/repeated-and-forgotten", invariant: "people", pkg: "agent", file: "agent/own_log.go",
		broken: "what was held back of the log is never told",
		old:    "if m.n > sayFirst {", new: "if false {",
		test: "TestWhatRepeatsIsCounted",
	},
	{
		name: "page/root-reads-all", invariant: "people", pkg: "agent", file: "agent/cmd_check.go",
		broken: "check passes over the folders of pods that it can't look into",
		old:    "if err != nil && !os.IsNotExist(err) && !errors.Is(err, unix.ENOTDIR) {", new: "if err != nil && errors.Is(err, unix.ENOTDIR) {",
		test: "TestCheckSaysWhichPrivilegesAreMissing",
	},
}
