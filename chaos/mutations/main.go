// Command mutations breaks the product on purpose, one line at a time, and says which test notices. A break that no test
// notices is a missing test.
//
//	go run ./chaos/mutations [--only NAME]    every mutation, or those whose names begin with NAME
//
// It changes no file of the tree but chaos/MUTATIONS.md, where the result of each stands: the compiler is given the broken
// file in place of the real one (go test -overlay). A mutation that does not compile proves nothing, and neither does a
// test that fails without the mutation too; both are told apart from one that is caught.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	only := flag.String("only", "", "run the mutations whose names begin with this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, ".", *only); err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

// run applies the mutations and writes the result of each down at once, so that a run that is interrupted keeps what it
// knows.
func run(ctx context.Context, root, only string) error {
	results, err := readResults(root)
	if err != nil {
		return err
	}
	chosen, caught := 0, 0
	for i := range table {
		m := &table[i]
		if !strings.HasPrefix(m.name, only) {
			continue
		}
		chosen++
		began := time.Now()
		v, err := try(ctx, root, m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if v.kind == caughtBy {
			caught++
		}
		fmt.Printf("%-34s %s  (%s)\n", m.name, v, time.Since(began).Round(time.Second))
		results[m.name] = v.String()
		if err := writeResults(root, results); err != nil {
			return err
		}
	}
	if chosen == 0 {
		return fmt.Errorf("no mutation has a name that begins with %q", only)
	}
	fmt.Printf("%d of %d mutations are caught\n", caught, chosen)
	if caught < chosen {
		return fmt.Errorf("%d of %d are not caught", chosen-caught, chosen)
	}
	return nil
}
