// Package scenarios breaks the built agent from outside, one named way after the other, and counts every line.
//
// It promises: each test plays one fault that loses or repeats logs elsewhere, around the built binary, and passes only
// when every line that was written is stored once, byte for byte, or stands in the ledger with its exact bytes.
//
// How: a stage has the agent and the embedded backend as processes, a folder for logs, and the manifest of what was
// written there, by the kubelet simulator or by a hand that a test moves. At the end the agent is drained, the oracle
// reads the documents back, and what is missing is held against the ledger. Nothing is known of the agent
// but its commands, its configuration, its socket and what it stored.
//
// Each scenario says in one line what it counted:
//
//	TestTwoRotationsBetweenTwoLooks       written 9120 = stored 9120 + listed as lost 0, duplicates 0
//
// It costs some seconds of mostly waiting a scenario, so they run in parallel. Those that take long, or a machine, are
// left to make chaos (LOGBOOM_CHAOS=long).
package scenarios
