package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"logboom/wal"
)

func walVerifyCommand() *cobra.Command {
	var out *output
	c := onBuffer("verify", "Read the whole buffer and check it", `Every block is read with its checksums, and its records are put together as the log files had them: each must go on where the
one before ended, and the checksum of all bytes so far must agree. Dead letters are read too. It names the files and byte
ranges that are hit, and ends with 1 when there are any. The agent goes on past damage by itself and puts it into the ledger.`,
		func(c *cobra.Command, l *look) error {
			return verify(c.Context(), &findings{w: c.OutOrStdout(), json: out.json}, l)
		})
	c.Example = `  logboom wal verify -c FILE
  logboom wal verify /mnt/node-7/var/log/logboom && echo whole
  logboom wal verify -c FILE --json | jq 'select(.what == "fault")'`
	out = outputFlags(c, "one object a line: a fault, then what was read of each folder, then how far delivery is")
	return c
}

// errDamage is said already, line by line.
var errDamage = &failure{code: exitFailed}

func verify(ctx context.Context, out *findings, l *look) error {
	r, err := l.open()
	if err != nil {
		return err
	}
	defer r.Close()
	bad, err := verifyBlocks(ctx, out, walDir, r, l)
	if err != nil {
		return err
	}
	dead, err := verifyDeadLetters(ctx, out, l.dataDir)
	if err != nil {
		return err
	}
	out.delivery(l)
	if out.err == nil && (bad || dead) {
		return errDamage
	}
	return out.err
}

// verifyDeadLetters checks the second WAL, of which no checkpoint knows anything.
func verifyDeadLetters(ctx context.Context, out *findings, dataDir string) (bad bool, err error) {
	dir := filepath.Join(dataDir, deadDir)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	r, err := wal.OpenReadOnly(wal.View{Dir: dir})
	if err != nil {
		return false, err
	}
	defer r.Close()
	return verifyBlocks(ctx, out, deadDir, r, nil)
}

// verifyBlocks reads all that r gives out and tells out about each thing that is wrong, and one about the whole.
func verifyBlocks(ctx context.Context, out *findings, name string, r *wal.Reader, l *look) (bad bool, err error) {
	v := &verifier{out: out, folder: name, look: l, files: map[wal.FileID]reached{}}
	if l != nil {
		v.acked = l.acked
	}
	var b wal.Block
	for after := wal.Index(0); ctx.Err() == nil; {
		err := r.Next(after, &b)
		var damage *wal.DamageError
		switch {
		case errors.Is(err, wal.ErrNone):
			out.read(tally{Folder: name, Blocks: v.blocks, Records: v.records, Files: len(v.files), Text: v.text, Faults: v.wrong})
			return v.wrong > 0, nil
		case errors.As(err, &damage):
			err = v.damage(ctx, damage.Damaged)
			after = damage.Index
		case err == nil:
			err = v.block(ctx, &b)
			after = b.Index
		}
		if err != nil {
			return false, err
		}
	}
	return false, ctx.Err()
}

// verifier compares what follows with what was there before.
type verifier struct {
	out     *findings
	folder  string
	look    *look     // nil for dead letters
	acked   wal.Index // when it began
	files   map[wal.FileID]reached
	blocks  int
	records int
	text    int64
	wrong   int
}

// reached is how far a File was seen.
type reached struct {
	end    wal.Offset
	prefix uint32 // CRC-32C of its bytes up to end
	summed bool   // prefix is known
	block  wal.Index
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (v *verifier) block(ctx context.Context, b *wal.Block) error {
	v.blocks++
	v.text += int64(len(b.Text))
	for i := range b.Records {
		v.records++
		if err := v.record(ctx, &b.Records[i], b.Index); err != nil {
			return err
		}
	}
	return nil
}

// record checks that r goes on where its File was left. It may begin before: what a crash made uncertain is read again.
func (v *verifier) record(ctx context.Context, r *wal.Record, n wal.Index) error {
	before, known := v.files[r.File.ID]
	if !known {
		before = reached{end: r.File.Start, summed: true}
	}
	v.files[r.File.ID] = reached{end: r.End, prefix: r.Prefix, summed: true, block: n}
	switch {
	case r.Note != "": // dead letters do not follow one another
	case known && r.Start > before.end:
		if gone, err := v.gone(ctx, before.block+1); gone || err != nil {
			return err
		}
		v.say(fault{Path: r.File.Path, Start: before.end, End: r.Start, Block: n}, "%q: bytes %d to %d are in no block: they should stand between blocks %d and %d", r.File.Path, before.end, r.Start, before.block, n)
	case before.summed && r.Start == before.end && crc32.Update(before.prefix, castagnoli, r.Text) != r.Prefix:
		v.say(fault{Path: r.File.Path, Start: r.Start, End: r.End, Block: n}, "%q: bytes %d to %d in block %d are not those that follow what was there before: the checksum of the file so far does not agree",
			r.File.Path, r.Start, r.End, n)
	}
	return nil
}

// gone says whether Block n may be missing because an agent has delivered and removed it: what was delivered when v began may
// have been removed since.
func (v *verifier) gone(ctx context.Context, n wal.Index) (bool, error) {
	if v.look == nil || n <= v.acked {
		return v.look != nil, nil
	}
	err := v.look.ask(ctx)
	return n <= v.look.acked, err
}

func (v *verifier) damage(ctx context.Context, all []wal.Damage) error {
	for _, d := range all {
		what := fmt.Sprintf("block %d: %s", d.Index, d.Reason)
		if d.Index <= v.acked { // it is there, and damaged
			what += " (all of it was delivered before)"
		} else if gone, err := v.gone(ctx, d.Index); err != nil {
			return err
		} else if gone {
			continue
		}
		if d.File == nil {
			v.say(fault{Block: d.Index}, "%s; nothing tells which files it held", what)
			continue
		}
		v.say(fault{Path: d.File.Path, Start: d.Start, End: d.End, Block: d.Index}, "%q: bytes %d to %d, gathered %s; %s", d.File.Path, d.Start, d.End, clock(d.Time), what)
		if r, known := v.files[d.File.ID]; !known || r.end <= d.Start {
			v.files[d.File.ID] = reached{end: d.End, block: d.Index}
		}
	}
	return nil
}

func (v *verifier) say(f fault, format string, args ...any) {
	v.wrong++
	f.Folder, f.Text = v.folder, fmt.Sprintf(format, args...)
	v.out.fault(f)
}
