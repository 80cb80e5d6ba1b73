package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fixtures"
	"github.com/kkmtest/kkmtest/reports"
)

// program tells version and commit of this build.
func program() (version, commit string) {
	version, commit = "devel", ""
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, commit
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			commit = s.Value
		}
	}
	return version, commit
}

// buildDigest is the digest of the running binary, taken once.
var buildDigest = sync.OnceValue(func() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return digest(path)
})

// thisBench is what a form says about the test software. A simulated run is the
// same everywhere, so no host stands in it.
func thisBench(timeMode string) reports.Bench {
	v, c := program()
	b := reports.Bench{Version: v, Commit: c, Build: buildDigest()}
	if timeMode != simulated {
		b.Host, _ = os.Hostname()
		b.Clock = "system clock"
	}
	return b
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "version, commit, build digest, and the editions with their digests",
		Example: "  kkmtest version",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w := c.OutOrStdout()
			v, commit := program()
			fmt.Fprintf(w, "kkmtest %s\ncommit %s\nbuild %s\n", v, commit, buildDigest())
			all, err := regulation.LoadAll(sub(fixtures.FS, "regulations"))
			if err != nil {
				return err
			}
			for _, e := range all {
				fmt.Fprintf(w, "edition %s %s\n", e.ID, e.Digest)
			}
			return nil
		},
	}
}
