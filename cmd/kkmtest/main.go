// Command kkmtest certifies fiscal cash registers (KKM) of Kazakhstan: it runs a
// campaign against a register, judges what was recorded, and writes the
// conformance form. See README.md.
//
// This package is thin: flags, files, printing, exit status. What it puts
// together lives in the packages below.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench/campaign"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	os.Exit(statusOf(err))
}

// statusOf turns the error of a command into an exit status and says it on
// stderr, unless the command has said it already.
func statusOf(err error) int {
	var done result
	switch {
	case err == nil:
		return campaign.AllPassed
	case errors.As(err, &done):
		return int(done)
	}
	fmt.Fprintf(os.Stderr, "kkmtest: %v\n", err)
	var broken benchError
	if errors.As(err, &broken) {
		return campaign.SomeError
	}
	return campaign.BadCall
}

// result is the exit status of a command that did its work and has printed its outcome.
type result int

func (r result) Error() string { return fmt.Sprintf("exit status %d", int(r)) }

// benchError is a failure of the bench itself. Every other error is the
// caller's: a flag, a file, a selection.
type benchError struct{ error }

func (e benchError) Unwrap() error { return e.error }

func benchFault(err error) error {
	if err == nil {
		return nil
	}
	return benchError{err}
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "kkmtest",
		Short: "certification bench for fiscal cash registers (KKM)",
		Long: `kkmtest drives a fiscal cash register through the requirements of a regulation,
writes down everything that was seen, and judges it.

Exit status, the first that applies: 2 the call or a file was wrong; 1 some row
failed; 3 the bench itself failed for some row; 4 some row stayed unknown or
unchecked; 0 otherwise.`,
		Example:       "  kkmtest run\n  kkmtest run --row 23,27.6\n  kkmtest judge runs/...",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(deviceCommand(), doctorCommand())
	c.AddCommand(runCommand(), runnerCommand(), judgeCommand(), reportCommand(), selftestCommand(), kkmCommand(), ofdCommand(), newNetfaultCmd(), dissectCommand(), newRegulationCmd(), versionCommand())
	return c
}
