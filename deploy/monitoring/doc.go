// Package monitoring holds no code: its tests play the alert rules of the chart with the rule language's own engine, and hold them and
// the dashboard against the metrics that docs/metrics.md lists, which another test holds against the agent.
package monitoring
