package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/campaign"
)

// runnerName is the hidden command with which kkmtest calls itself: world, record
// and hash chain of a campaign live in one process that has nothing else to do.
const runnerName = "runner"

// notesFD is where the parent reads the progress: the first of its ExtraFiles.
const notesFD = 3

func runnerCommand() *cobra.Command {
	var memory bool
	c := &cobra.Command{
		Use:    runnerName + " RUN",
		Short:  "run the campaign of a prepared run directory (called by run and selftest)",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return runner(args[0], memory, os.NewFile(notesFD, "notes"), os.Stdout)
		},
	}
	c.Flags().BoolVar(&memory, "memory", false, "keep the record in memory, judge it, and tell the rows with the notes")
	return c
}

// runner runs the campaign that run.yaml of dir asks for. In memory it leaves no
// files and judges at once. An error before the first step is the caller's: a port
// that is not there, an address in use.
func runner(dir string, memory bool, notes, log io.Writer) (err error) {
	asked, err := campaign.ReadAsked(dir)
	if err != nil {
		return err
	}
	profile, err := os.ReadFile(filepath.Join(dir, campaign.ProfileFile))
	if err != nil {
		return err
	}
	plan, params, err := planOf(asked)
	if err != nil {
		return err
	}
	opt, err := rigOptions(asked, profile)
	if err != nil {
		return err
	}
	if err := submitted(dir, asked, &opt); err != nil {
		return err
	}
	if asked.Time == simulated {
		// The virtual clock waits until nothing can run; two processors make the
		// order of goroutines a matter of luck.
		runtime.GOMAXPROCS(1)
	}
	opt.Params = params
	if !memory {
		capture, err2 := os.Create(filepath.Join(dir, campaign.CaptureFile))
		if err2 != nil {
			return err2
		}
		defer func() { err = errors.Join(err, capture.Close()) }()
		opt.Record, opt.Capture = filepath.Join(dir, campaign.HistoryFile), capture
	}
	b, err := bench.New(opt)
	if err != nil {
		return err
	}
	if asked.Time == real && !asked.Confirmed {
		if err := b.Unsent(context.Background()); err != nil {
			return errors.Join(fmt.Errorf("%w; what it hands over to this bench is lost for the real OFD: hand it over there first, or say --confirm-unsent", err), b.Close())
		}
	}
	if _, err = campaign.Run(plan, b, notes, log); err != nil {
		return benchFault(errors.Join(err, b.Close()))
	}
	if err := b.Close(); err != nil || !memory {
		return benchFault(err)
	}
	all, err := judgeView(b.Log.View(), nil, askedSelection(asked), dir)
	for _, j := range all {
		err = errors.Join(err, jsonRows(notes, j))
	}
	return benchFault(err)
}
