package pipeline

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"logboom/agent/status"
	"logboom/agent/tail"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// An Event whose end stands in the next File takes bytes of both.
func TestDeadLettersCountForTheFilesThatHaveTheirBytes(t *testing.T) {
	const at = "2026-11-22T16:01:41.1Z stdout "
	a := &wal.File{ID: wal.FileID{1}, Format: wal.CRI}
	b := &wal.File{ID: wal.FileID{2}, Format: wal.CRI}
	one := &batch{}
	first := one.slot()
	for i, r := range []struct {
		file  *wal.File
		start wal.Offset
		text  string
	}{{a, 50, at + "P x\n"}, {b, 0, at + "F yy\n" + at + "F zzz\n"}} {
		text := []byte(r.text)
		first.Records = append(first.Records, wal.Record{File: r.file, Start: r.start, End: r.start + wal.Offset(len(text)), Text: text, Chained: i == 0})
		first.Text = append(first.Text, text...)
	}
	first.Index = 7
	one.add()
	fill(one.slot(), 8, b, at+"F good\n"+at+"F bad\n")
	one.add()
	dead := func(n wal.Index, f *wal.File, start, bytes int64) checkpoint.DeadLetters {
		return checkpoint.DeadLetters{Index: n, File: f, Start: wal.Offset(start), Bytes: bytes}
	}
	line := func(text string) int64 { return int64(len(at + text)) }
	for name, c := range map[string]struct {
		refused []int
		want    []checkpoint.DeadLetters
	}{
		"over two files": {[]int{0}, []checkpoint.DeadLetters{dead(7, a, 50, line("P x\n")), dead(7, b, 0, line("F yy\n"))}},
		"in the second":  {[]int{1}, []checkpoint.DeadLetters{dead(7, b, line("F yy\n"), line("F zzz\n"))}},
		"by block": {[]int{0, 1, 3}, []checkpoint.DeadLetters{dead(7, a, 50, line("P x\n")), dead(7, b, 0, line("F yy\n")+line("F zzz\n")),
			dead(8, b, 80+line("F good\n"), line("F bad\n"))}},
	} {
		t.Run(name, func(t *testing.T) {
			one.result = sink.Result{}
			for _, n := range c.refused {
				one.result.Refused = append(one.result.Refused, sink.Refusal{N: n})
			}
			if diff := cmp.Diff(c.want, deadOf(one)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever the two sides say, in whatever order they have heard of things, an account adds up.
func TestTheTwoSidesOfAnAccountAddUp(t *testing.T) {
	type (
		content = tail.Content
		home    = checkpoint.Account
		account = status.Account
	)
	id := wal.FileID{1}
	for name, c := range map[string]struct {
		content content
		home    *home
		want    account
	}{
		"new":               {content{ID: id, Size: 100}, nil, account{Known: 100, Unread: 100}},
		"from now on":       {content{ID: id, Start: 60, Durable: 70, Size: 100}, nil, account{Known: 40, Read: 10, Waiting: 10, Unread: 30}},
		"waiting":           {content{ID: id, Durable: 70, Size: 100}, &home{Reach: 50, Dead: 7, LostRead: 3}, account{Known: 100, Read: 70, Waiting: 20, Acked: 40, DeadLetters: 7, LostRead: 3, Unread: 30}},
		"delivery is ahead": {content{ID: id, Durable: 70, Size: 90}, &home{Reach: 80}, account{Known: 90, Read: 80, Acked: 80, Unread: 10}},
		"size is behind":    {content{ID: id, Durable: 70, Size: 70}, &home{Reach: 80}, account{Known: 80, Read: 80, Acked: 80}},
		"lost unread":       {content{ID: id, Durable: 70, Size: 100, Lost: true}, &home{Reach: 70, LostUnread: 30}, account{Known: 100, Read: 70, Acked: 70, LostUnread: 30}},
		"excluded":          {content{ID: id, Durable: 90, Size: 90, Excluded: true}, &home{Reach: 70, Excluded: 70}, account{Known: 90, Read: 90, Excluded: 90}},
		"cut and gone on":   {content{ID: id, Durable: 70, Size: 80}, &home{Reach: 70, LostUnread: 20}, account{Known: 100, Read: 70, Acked: 70, Unread: 10, LostUnread: 20}},
	} {
		t.Run(name, func(t *testing.T) {
			delivered := checkpoint.Accounts{Files: map[wal.FileID]home{}, Gone: home{Reach: 1000, Dead: 1, LostRead: 2, LostUnread: 4, Excluded: 7}}
			if c.home != nil {
				delivered.Files[id] = *c.home
			}
			files, total := settle(&tail.Report{Contents: []content{c.content}, Files: []status.File{{ID: id.String()}, {Path: "unreadable"}}}, &delivered)
			if diff := cmp.Diff([]account{c.want, {}}, []account{files[0].Account, files[1].Account}); diff != "" {
				t.Error(diff)
			}
			c.want.Add(account{Known: 1004, Read: 1000, Acked: 990, DeadLetters: 1, LostRead: 2, LostUnread: 4, Excluded: 7})
			if total != c.want {
				t.Errorf("all: %+v, want %+v", total, c.want)
			}
		})
	}
}
