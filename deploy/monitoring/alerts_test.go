package monitoring

import (
	"testing"
)

// well is an agent on which nothing is wrong, for two hours: it reads 1 MB a minute, delivers it, and its buffer stays small.
func well(t *testing.T) *memory {
	t.Helper()
	var m memory
	for name, values := range map[string]string{
		`up{job="logging/logboom",AT}`:                    "1x120",
		`logboom_build_info{version="1",AT}`:              "1x120",
		`logboom_start_time_seconds{AT}`:                  "1767322000x120", // 20 minutes before
		`logboom_lost_bytes_total{reason="deleted",AT}`:   "0x120",
		`logboom_lost_bytes_total{reason="truncated",AT}`: "700x120", // of long ago

		`logboom_intake_blocked{AT}`:                          "0x120",
		`logboom_intake_blocked_by{reason="wal_full",AT}`:     "0x120",
		`logboom_intake_blocked_by{reason="disk_full",AT}`:    "0x120",
		`logboom_intake_blocked_by{reason="write_failed",AT}`: "0x120",
		`logboom_intake_last_step_timestamp_seconds{AT}`:      "1767322800+60x120",
		`logboom_delivery_last_step_timestamp_seconds{AT}`:    "1767322800+60x120",
		`logboom_last_ack_timestamp_seconds{AT}`:              "1767322800+60x120",
		`logboom_pins_enabled{AT}`:                            "1x120",
		`logboom_pinned_bytes{AT}`:                            "1000000x120",
		`logboom_pinned_max_bytes{AT}`:                        "5000000000x120",
		`logboom_unreadable_files{AT}`:                        "0x120",
		`logboom_wal_oldest_age_seconds{AT}`:                  "1x120",
		`logboom_wal_room_bytes{AT}`:                          "9000000000x120",
		`logboom_wal_failures_total{AT}`:                      "0x120",
		`logboom_backend_up{AT}`:                              "1x120",
		`logboom_held_events{AT}`:                             "0x120",
		`logboom_refused_events{AT}`:                          "3x120", // of long ago
		`logboom_dead_letter_events_total{AT}`:                "3x120",
		`logboom_dead_letter_store_bytes{AT}`:                 "1000000x120",
		`logboom_dead_letter_store_max_bytes{AT}`:             "1000000000x120",
		`logboom_plain_events_total{AT}`:                      "5x120",
		`logboom_failure_store_events_total{AT}`:              "0x120",
	} {
		m.add(t, at(name)+" "+values)
	}
	return &m
}

// trial says which alert a trouble rings, when, and when it is still.
type trial struct {
	alert  string
	series []string // in place of those of well
	rings  []int    // minutes in which it must ring
	still  []int    // and those in which it must not
}

var trials = map[string]trial{
	"files that went unread": {"LogboomLosing", []string{`logboom_lost_bytes_total{reason="deleted",AT} 0x30 4096x90`}, []int{31, 40}, []int{30, 60}},
	"a loss that a new pod finds when it starts": {"LogboomLosing", []string{`logboom_lost_bytes_total{reason="deleted",AT} 0x30 _x89`,
		`logboom_lost_bytes_total{reason="deleted",instance="10.0.0.2:9600",node="n1"} _x40 4096x79`}, []int{41, 50}, []int{30, 39, 60}},
	"a new pod without a loss": {"LogboomLosing", []string{`logboom_lost_bytes_total{reason="truncated",AT} 700x30 _x89`,
		`logboom_lost_bytes_total{reason="truncated",instance="10.0.0.2:9600",node="n1"} _x40 700x79`}, nil, []int{39, 41, 50, 60, 110}},
	"a counter that begins anew":     {"LogboomLosing", []string{`logboom_lost_bytes_total{reason="truncated",AT} 700x30 0x90`}, nil, []int{29, 31, 40}},
	"blocked, and pins at their end": {"LogboomAboutToLose", []string{`logboom_intake_blocked{AT} 0x10 1x110`, `logboom_pinned_bytes{AT} 0x30 4500000000x90`}, []int{33, 100}, []int{20, 30}},
	"pins at their end, but reading": {"LogboomAboutToLose", []string{`logboom_pinned_bytes{AT} 4500000000x120`}, nil, []int{60}},
	"blocked without pins":           {"LogboomAboutToLose", []string{`logboom_intake_blocked{AT} 0x10 1x110`, `logboom_pins_enabled{AT} 0x120`}, []int{13}, []int{9}},
	"blocked":                        {"LogboomIntakeBlocked", []string{`logboom_intake_blocked{AT} 0x10 1x20 0x90`}, []int{17, 30}, []int{13, 32}},
	"no ack while logs wait": {"LogboomStuck", []string{`logboom_wal_oldest_age_seconds{AT} 0x10 0+60x110`, `logboom_last_ack_timestamp_seconds{AT} 1767322800+60x10 1767323400x110`},
		[]int{30, 100}, []int{10, 25}},
	"no ack since the start": {"LogboomStuck", []string{`logboom_wal_oldest_age_seconds{AT} 36000x120`, `logboom_last_ack_timestamp_seconds{AT} 0x120`, `logboom_start_time_seconds{AT} 1767322800x120`},
		[]int{18, 100}, []int{2, 14}},
	"no ack, for nothing waits":      {"LogboomStuck", []string{`logboom_wal_oldest_age_seconds{AT} 0x120`, `logboom_last_ack_timestamp_seconds{AT} 1767322800x120`}, nil, []int{30, 110}},
	"old logs that are delivered":    {"LogboomStuck", []string{`logboom_wal_oldest_age_seconds{AT} 36000x120`}, nil, []int{30, 110}},
	"reading hangs":                  {"LogboomLoopStopped", []string{`logboom_intake_last_step_timestamp_seconds{AT} 1767322800+60x10 1767323400x110`}, []int{15, 100}, []int{11}},
	"delivery hangs":                 {"LogboomLoopStopped", []string{`logboom_delivery_last_step_timestamp_seconds{AT} 1767322800+60x10 1767323400x110`}, []int{20}, []int{14}},
	"no backend":                     {"LogboomBackendDown", []string{`logboom_backend_up{AT} 1x10 0x60 1x50`}, []int{22, 70}, []int{19, 73}},
	"a short outage":                 {"LogboomBackendDown", []string{`logboom_backend_up{AT} 1x10 0x5 1x105`}, nil, []int{15, 30}},
	"held events":                    {"LogboomIndexTakesNothing", []string{`logboom_held_events{AT} 0x10 9x110`}, []int{27}, []int{24}},
	"refused events":                 {"LogboomDeadLetters", []string{`logboom_dead_letter_events_total{AT} 3x30 4x90`, `logboom_refused_events{AT} 3x30 4x90`}, []int{32, 50}, []int{29, 70}},
	"events that are held only":      {"LogboomDeadLetters", []string{`logboom_dead_letter_events_total{AT} 3x30 4x90`, `logboom_refused_events{AT} 0x120`}, nil, []int{40}},
	"many dead letters":              {"LogboomDeadLetterStoreFull", []string{`logboom_dead_letter_store_bytes{AT} 1x10 900000000x110`}, []int{17}, []int{13}},
	"plain documents":                {"LogboomStoredPlain", []string{`logboom_plain_events_total{AT} 5x20 6x100`}, []int{22}, []int{19, 110}},
	"the failure store":              {"LogboomStoredPlain", []string{`logboom_failure_store_events_total{AT} 0x20 6x100`}, []int{22}, []int{19}},
	"a buffer that fills":            {"LogboomBufferFullSoon", []string{`logboom_wal_room_bytes{AT} 9000000000-40000000x120`, `logboom_wal_oldest_age_seconds{AT} 0+60x120`}, []int{30}, []int{8}},
	"a buffer that fills in a day":   {"LogboomBufferFullSoon", []string{`logboom_wal_room_bytes{AT} 9000000000-6000000x120`, `logboom_wal_oldest_age_seconds{AT} 0+60x120`}, nil, []int{60, 110}},
	"a buffer that breathes":         {"LogboomBufferFullSoon", []string{`logboom_wal_room_bytes{AT} 9000000000-500000000x5 9000000000x115`}, nil, []int{4, 20}},
	"writes that fail":               {"LogboomDiskFails", []string{`logboom_wal_failures_total{AT} 0x20 1x100`}, []int{22}, []int{19, 60}},
	"a disk that is full":            {"LogboomDiskFails", []string{`logboom_intake_blocked_by{reason="disk_full",AT} 0x20 1x100`}, []int{22}, []int{19}},
	"a WAL that is full is no fault": {"LogboomDiskFails", []string{`logboom_intake_blocked_by{reason="wal_full",AT} 1x120`}, nil, []int{60}},
	"a file that can't be read":      {"LogboomUnreadableFiles", []string{`logboom_unreadable_files{AT} 0x20 1x100`}, []int{32}, []int{29}},
	"no pins":                        {"LogboomOpenToLoss", []string{`logboom_pins_enabled{AT} 0x120`}, []int{31}, []int{20}},
	"a scrape that fails":            {"LogboomDown", []string{`up{job="logging/logboom",AT} 1x20 0x100`}, []int{32}, []int{29}},
	"a target that is gone":          {"LogboomDown", []string{`logboom_build_info{version="1",AT} 1x61 _x59`}, []int{90}, []int{60}},
	"an upgrade is no loss":          {"LogboomDown", []string{`logboom_build_info{version="1",AT} 1x61 _x59`, `logboom_build_info{version="2",AT} _x61 1x59`}, nil, []int{64, 90, 110}},
	"a pod with another address": {"LogboomDown", []string{`up{job="logging/logboom",AT} 1x61 _x59`, `logboom_build_info{version="1",job="logging/logboom",AT} 1x61 _x59`,
		`logboom_build_info{version="2",job="logging/logboom",instance="10.0.0.2:9600",node="n1"} _x62 1x57`}, nil, []int{64, 80, 90, 110}},
	"a node that is gone": {"LogboomDown", []string{`logboom_build_info{version="1",job="logging/logboom",AT} 1x61 _x59`,
		`logboom_build_info{version="1",job="logging/logboom",instance="10.0.0.2:9600",node="n2"} 1x120`}, []int{90}, []int{60}},
	"none at all":                     {"LogboomAbsent", []string{`logboom_build_info{version="1",AT} 1x20 _x100`}, []int{40}, []int{20}},
	"one that starts again and again": {"LogboomRestarts", []string{`logboom_start_time_seconds{AT} 1767322000x20 1767324000 1767324060 1767324120 1767324180x97`}, []int{30}, []int{19, 60}},
	"one restart":                     {"LogboomRestarts", []string{`logboom_start_time_seconds{AT} 1767322000x20 1767324000x100`}, nil, []int{30}},
}

// TestEachAlertRingsForItsTroubleAndNoOther plays an hour or two of each trouble, minute by minute.
func TestEachAlertRingsForItsTroubleAndNoOther(t *testing.T) {
	played := map[string]bool{}
	for name, trial := range trials {
		t.Run(name, func(t *testing.T) {
			m := well(t)
			for _, s := range trial.series {
				m.add(t, at(s))
			}
			for _, rule := range rules(t) {
				if rule.Alert != trial.alert {
					continue
				}
				rung := map[int]bool{}
				for _, minute := range play(t, rule, *m, 120) {
					rung[minute] = true
				}
				for _, minute := range trial.rings {
					played[rule.Alert] = true
					if !rung[minute] {
						t.Errorf("%s is still in minute %d", rule.Alert, minute)
					}
				}
				for _, minute := range trial.still {
					if rung[minute] {
						t.Errorf("%s rings in minute %d", rule.Alert, minute)
					}
				}
				return
			}
			t.Errorf("there is no alert %s", trial.alert)
		})
	}
	for _, rule := range rules(t) {
		if !played[rule.Alert] {
			t.Errorf("nothing here makes %s ring", rule.Alert)
		}
	}
}

func TestNothingRingsWhereAllIsWell(t *testing.T) {
	for _, rule := range rules(t) {
		if fires := play(t, rule, *well(t), 120); len(fires) > 0 {
			t.Errorf("%s rings in minutes %v", rule.Alert, fires)
		}
	}
}
