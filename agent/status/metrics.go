package status

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"logboom/checkpoint"
)

// maxLagging bounds the series of logboom_file_lag_bytes: files come and go all day on a busy node.
const maxLagging = 20

// severities of a Problem.
var severities = []string{"loss", "stuck", "warning"}

// metric is one series that needs no label: a pure function of a Status.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*Status) float64
}

func counter(name, help string, value func(*Status) int64) metric {
	return metric{prometheus.NewDesc("logboom_"+name, help, nil, nil), prometheus.CounterValue, func(s *Status) float64 { return float64(value(s)) }}
}

func gauge(name, help string, value func(*Status) float64) metric {
	return metric{prometheus.NewDesc("logboom_"+name, help, nil, nil), prometheus.GaugeValue, value}
}

var plain = []metric{
	gauge("start_time_seconds", "When the agent started, in seconds since 1970.", func(s *Status) float64 { return unix(s.Started) }),

	counter("read_bytes_total", "Bytes of log files that were made durable in the WAL.", func(s *Status) int64 { return s.Intake.ReadBytes }),
	counter("records_total", "Records that were made durable in the WAL.", func(s *Status) int64 { return s.Intake.Records }),
	gauge("unread_bytes", "Bytes in known log files that are not durable in the WAL yet.", func(s *Status) float64 { return float64(s.Intake.UnreadBytes) }),
	gauge("intake_blocked", "1 while reading stands still, for want of space mostly.", func(s *Status) float64 { return truth(s.Intake.Blocked != "") }),
	gauge("waiting_pods", "Pods that wait in their own files, for they have wal.max_pod_share of the WAL.", func(s *Status) float64 { return float64(s.Intake.Waiting) }),
	gauge("intake_last_step_timestamp_seconds", "When the loop that reads last turned.", func(s *Status) float64 { return unix(s.Intake.LastStep) }),
	gauge("files", "Log files that are known.", func(s *Status) float64 { return float64(s.FileCount) }),
	gauge("unreadable_files", "Log files that can't be read.", func(s *Status) float64 { return float64(unreadable(s.Files)) }),
	counter("refused_links_total", "Links that were not followed because they led out of what their input may read.", func(s *Status) int64 { return s.Intake.RefusedLinks }),
	gauge("open_files", "Log files that are open.", func(s *Status) float64 { return float64(s.Intake.OpenFiles) }),
	gauge("pins_enabled", "1 when hard links protect rotated files, 0 when only open descriptors do.", func(s *Status) float64 { return truth(s.Intake.Pins) }),
	gauge("pinned_bytes", "Bytes of files that only pins keep on the disk.", func(s *Status) float64 { return float64(s.Intake.PinBytes) }),
	gauge("pinned_max_bytes", "Bytes of such files that are kept: pins.max_size.", func(s *Status) float64 { return float64(s.Intake.PinMaxBytes) }),

	gauge("wal_bytes", "Bytes of the WAL on the disk.", func(s *Status) float64 { return float64(s.WAL.Bytes) }),
	gauge("wal_max_bytes", "Bytes that the WAL may take.", func(s *Status) float64 { return float64(s.WAL.MaxBytes) }),
	gauge("wal_room_bytes", "Bytes that the WAL may still grow by: up to wal.max_size, and down to wal.min_free of the volume.", func(s *Status) float64 { return float64(s.WAL.Room) }),
	gauge("wal_segments", "Segments of the WAL.", func(s *Status) float64 { return float64(s.WAL.Segments) }),
	gauge("wal_appended_index", "Index of the last Block that was appended.", func(s *Status) float64 { return float64(s.WAL.LastIndex) }),
	gauge("wal_durable_index", "Index of the last Block that is fsynced.", func(s *Status) float64 { return float64(s.WAL.Durable) }),
	gauge("wal_oldest_age_seconds", "How long the oldest Block has waited for its delivery; 0 when none waits.", func(s *Status) float64 { return age(s) }),
	counter("wal_written_bytes_total", "Bytes that were appended to Segments.", func(s *Status) int64 { return s.WAL.WrittenBytes }),
	counter("wal_syncs_total", "Calls of fsync for the WAL.", func(s *Status) int64 { return s.WAL.Syncs }),
	counter("wal_failures_total", "Writes and fsyncs of the WAL that failed.", func(s *Status) int64 { return s.WAL.Failures }),

	gauge("acked_index", "Index of the Block up to which every Event has its final home.", func(s *Status) float64 { return float64(s.Delivery.Acked) }),
	counter("acked_bytes_total", "Bytes of log files whose Events have their final home.", func(s *Status) int64 { return s.Delivery.AckedBytes }),
	counter("delivered_events_total", "Events that the backend stored.", func(s *Status) int64 { return s.Delivery.Stored }),
	counter("duplicate_events_total", "Events that the backend had already when they were sent again.", func(s *Status) int64 { return s.Delivery.Duplicates }),
	counter("dead_letter_events_total", "Events that the backend refused, or whose index took nothing, and that were put into the dead-letter store.", func(s *Status) int64 { return s.Delivery.DeadLetters }),
	gauge("refused_events", "Events in the dead-letter store that were refused for good.", func(s *Status) float64 { return float64(s.Letters.Refused) }),
	gauge("held_events", "Events in the dead-letter store that wait until their index takes documents.", func(s *Status) float64 { return float64(s.Letters.Held) }),
	counter("resent_events_total", "Dead letters that the backend took after all.", func(s *Status) int64 { return s.Letters.Resent }),
	gauge("dead_letter_store_bytes", "Bytes of the dead-letter store on the disk.", func(s *Status) float64 { return float64(s.Letters.Bytes) }),
	gauge("dead_letter_store_max_bytes", "Bytes that the dead-letter store may take.", func(s *Status) float64 { return float64(s.Letters.MaxBytes) }),
	counter("plain_events_total", "Events that the backend stored in plain form, for its mapping refuses the whole document.", func(s *Status) int64 { return s.Delivery.Plain }),
	counter("failure_store_events_total", "Events that the backend stored in the failure store of their data stream, for its mapping refuses them.", func(s *Status) int64 { return s.Delivery.FailureStore }),
	counter("bulk_retries_total", "Bulk requests that were sent again.", func(s *Status) int64 { return s.Delivery.Retries }),
	counter("sent_bytes_total", "Bytes of bulk request bodies on the wire.", func(s *Status) int64 { return s.Delivery.SentBytes }),
	gauge("requests_in_flight", "Bulk requests without an answer yet.", func(s *Status) float64 { return float64(s.Delivery.InFlight) }),
	gauge("requests_limit", "Bulk requests that may be in flight at a time: grows while the backend is well, halves when it is busy.", func(s *Status) float64 { return float64(s.Delivery.Parallel) }),
	gauge("pods", "Pods of this node that the Kubernetes API has told of.", func(s *Status) float64 { return float64(s.Metadata.Pods) }),
	gauge("kubernetes_api_up", "1 while the Kubernetes API answers, or is not asked.", func(s *Status) float64 { return truth(s.Metadata.Error == "") }),

	gauge("backend_up", "1 while the backend answers, or was not asked for anything yet.", func(s *Status) float64 { return truth(s.Delivery.Untried() || s.Delivery.BackendUp) }),
	gauge("last_ack_timestamp_seconds", "When Events last found their final home; 0 when not since the start.", func(s *Status) float64 { return unix(s.Delivery.LastAck) }),
	gauge("delivery_last_step_timestamp_seconds", "When the loop that delivers last turned.", func(s *Status) float64 { return unix(s.Delivery.LastStep) }),
}

var (
	buildInfo = prometheus.NewDesc("logboom_build_info", "1, with the version of the agent.", []string{"version"}, nil)
	lostBytes = prometheus.NewDesc("logboom_lost_bytes_total", "Bytes in the loss ledger since the checkpoint was made.", []string{"reason"}, nil)
	accounted = prometheus.NewDesc("logboom_content_bytes", "Bytes of the content of log files since the checkpoint was made, by where they are: "+
		"all seven together are what is known to have been written.", []string{"place"}, nil)
	blocked = prometheus.NewDesc("logboom_intake_blocked_by", "1 for the reason why reading stands still: the WAL is full (wal.max_size), the volume has less "+
		"than wal.min_free, the disk is full, or it fails.", []string{"reason"}, nil)
	fileLag  = prometheus.NewDesc("logboom_file_lag_bytes", "Bytes of a log file that are not durable in the WAL yet: the 20 worst.", []string{"path"}, nil)
	problems = prometheus.NewDesc("logboom_problems", "Things that a person should look at, as the status page lists them.", []string{"severity"}, nil)
)

// collector turns one Status per scrape into metrics. It keeps nothing.
type collector struct{ source func() Status }

// Describe sends the description of every series.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range plain {
		ch <- m.desc
	}
	for _, d := range []*prometheus.Desc{buildInfo, lostBytes, accounted, blocked, fileLag, problems} {
		ch <- d
	}
}

// Collect sends the values.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.source()
	for _, m := range plain {
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&s))
	}
	ch <- prometheus.MustNewConstMetric(buildInfo, prometheus.GaugeValue, 1, strings.ToValidUTF8(s.Version, "?"))
	for reason, n := range lost(&s) {
		ch <- prometheus.MustNewConstMetric(lostBytes, prometheus.CounterValue, float64(n), reason)
	}
	for _, reason := range BlockReasons() {
		ch <- prometheus.MustNewConstMetric(blocked, prometheus.GaugeValue, truth(s.Intake.BlockedBy == reason), reason)
	}
	for place, n := range places(&s.Account) {
		ch <- prometheus.MustNewConstMetric(accounted, prometheus.GaugeValue, float64(n), place)
	}
	for path, n := range lagging(s.Files) {
		ch <- prometheus.MustNewConstMetric(fileLag, prometheus.GaugeValue, float64(n), path)
	}
	for _, severity := range severities {
		n := 0
		for _, p := range s.Problems {
			if p.Severity == severity {
				n++
			}
		}
		ch <- prometheus.MustNewConstMetric(problems, prometheus.GaugeValue, float64(n), severity)
	}
}

// lost has every cause, so that the first loss is seen as an increase from 0.
func lost(s *Status) map[string]int64 {
	all := make(map[string]int64)
	for _, cause := range checkpoint.Causes() {
		all[cause] = 0
	}
	maps.Copy(all, s.Lost)
	return all
}

// places is where the bytes of an account are, each in one place.
func places(a *Account) map[string]int64 {
	return map[string]int64{"unread": a.Unread, "lost_unread": a.LostUnread, "waiting": a.Waiting, "acked": a.Acked,
		"dead_letter": a.DeadLetters, "lost_read": a.LostRead, "excluded": a.Excluded}
}

// lagging adds the lag up by path, since the rotated file keeps the path of its successor, and returns the worst. A path may
// be any bytes; a label may not.
func lagging(files []File) map[string]int64 {
	byPath := make(map[string]int64)
	for _, f := range files {
		if f.Lag > 0 {
			byPath[strings.ToValidUTF8(f.Path, "?")] += f.Lag
		}
	}
	worst := slices.SortedFunc(maps.Keys(byPath), func(a, b string) int {
		return cmp.Or(cmp.Compare(byPath[b], byPath[a]), cmp.Compare(a, b))
	})
	for _, path := range worst[min(maxLagging, len(worst)):] {
		delete(byPath, path)
	}
	return byPath
}

func unreadable(files []File) int {
	n := 0
	for _, f := range files {
		if f.Error != "" {
			n++
		}
	}
	return n
}

func age(s *Status) float64 {
	if s.WAL.OldestBlock.IsZero() {
		return 0
	}
	return max(0, s.Now.Sub(s.WAL.OldestBlock).Seconds())
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
