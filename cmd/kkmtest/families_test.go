package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/check"
)

var updateFamilies = flag.Bool("update-families", false, "write testdata/families.tsv again")

// families are the emulated register behind every protocol. A plain one hides that
// it is emulated: its driver can tell it no more than a real register of the family.
var families = []struct{ name, device string }{
	{"atol-2", "emulated:?protocol=atol"},
	{"atol-3", "emulated:?protocol=atol&level=3"},
	{"datecs-p", "emulated:?protocol=datecs"},
	{"datecs-x", "emulated:?protocol=datecs&family=x"},
	{"atol-2-plain", "emulated:?protocol=atol&plain=yes&vat=1:16,2:16,3:-&coding=cp866-i"},
	{"datecs-p-plain", "emulated:?protocol=datecs&plain=yes&vat=1:16,8:-&coding=kz-1048"},
	{"datecs-x-plain", "emulated:?protocol=datecs&family=x&plain=yes&vat=1:16,8:-&coding=kz-1048"},
}

const familiesFile = "testdata/families.tsv"

// familyRun runs section I against a device, in memory, as selftest does, and
// returns its rows by number.
func familyRun(t *testing.T, device string) map[string]rowLine {
	t.Helper()
	dir := t.TempDir()
	asked, profile, err := plan(runFlags{device: device, seed: 1, selection: selection{editions: []string{defaultEdition}, section: "I"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(asked.Write(dir), os.WriteFile(filepath.Join(dir, campaign.ProfileFile), profile, 0o644)); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(kkmtest, runnerName, "--memory", dir)
	var said bytes.Buffer
	cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = []*os.File{w}, &said, &said
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]rowLine{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l rowLine
		if err := json.Unmarshal(lines.Bytes(), &l); err == nil && l.Event == "row" {
			rows[l.Row] = l
		}
	}
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil || len(rows) < 150 {
		t.Fatalf("%s: %d rows, %v\n%s", device, len(rows), err, tail(said.String()))
	}
	return rows
}

// The same scenarios over every protocol give the same result for each row.
// What a protocol cannot stimulate comes out unknown, with a reason, and stands
// in testdata/families.tsv: nothing else may differ, and nothing that stands
// there may have become judged without anybody noticing.
func TestFamilies(t *testing.T) {
	known := map[string][]string{}
	raw, err := os.ReadFile(familiesFile)
	if err != nil && !*updateFamilies {
		t.Fatal(err)
	}
	for l := range strings.SplitSeq(strings.TrimSpace(string(raw)), "\n") {
		if name, rows, ok := strings.Cut(l, "\t"); ok && !strings.HasPrefix(l, "#") {
			known[name] = strings.Fields(rows)
		}
	}
	edition, err := loadEdition(defaultEdition)
	if err != nil {
		t.Fatal(err)
	}
	section, _ := edition.Section("I")
	base := familyRun(t, "emulated:")
	found := make([][]string, len(families))
	t.Run("each", func(t *testing.T) {
		for i, f := range families {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				rows := familyRun(t, f.device)
				if len(rows) != len(base) {
					t.Errorf("%d rows, Shtrih-M has %d", len(rows), len(base))
				}
				for row, want := range base {
					got := rows[row]
					switch {
					case got.Result == want.Result:
					case got.Result != check.Unknown || got.Reason == "" && len(section.Children(row)) == 0: // a group has its rows' reasons
						t.Errorf("row %s: %v (%s), Shtrih-M gives %v", row, got.Result, got.Reason, want.Result)
					default:
						found[i] = append(found[i], row)
						if !*updateFamilies && !slices.Contains(known[f.name], row) {
							t.Errorf("row %s is unknown and not in %s: %s", row, familiesFile, got.Reason)
						}
					}
				}
				for _, row := range known[f.name] {
					if !*updateFamilies && !slices.Contains(found[i], row) {
						t.Errorf("row %s stands in %s and comes out %v as over Shtrih-M", row, familiesFile, rows[row].Result)
					}
				}
			})
		}
	})
	if !*updateFamilies {
		return
	}
	var b bytes.Buffer
	b.WriteString("# Rows of KZ 431 section I that a protocol cannot stimulate; over Shtrih-M they are judged. Written by go test -run TestFamilies -update-families.\n")
	for i, f := range families {
		slices.SortFunc(found[i], byNumber)
		fmt.Fprintf(&b, "%s\t%s\n", f.name, strings.Join(found[i], " "))
	}
	if err := os.MkdirAll(filepath.Dir(familiesFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(familiesFile, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// byNumber orders 2 before 10 and 19 before 19.1.
func byNumber(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := 0; i < len(x) && i < len(y); i++ {
		if c := len(x[i]) - len(y[i]); c != 0 {
			return c
		}
		if c := strings.Compare(x[i], y[i]); c != 0 {
			return c
		}
	}
	return len(x) - len(y)
}
