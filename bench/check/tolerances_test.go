package check

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every duration that the package allows itself is a named tolerance with a
// reason, stands in the page for laboratories, and belongs to checks that exist.
func TestEveryToleranceIsListed(t *testing.T) {
	page, err := os.ReadFile("../../docs/how-we-judge.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, x := range Tolerances() {
		listed[x.Name] = true
		if x.Size <= 0 || x.Why == "" || len(x.Checks) == 0 {
			t.Errorf("%+v", x)
		}
		if !strings.Contains(string(page), "`"+x.Name+"`") {
			t.Errorf("%s does not stand in docs/how-we-judge.md", x.Name)
		}
		for _, k := range x.Checks {
			if _, ok := Lookup(k); !ok {
				t.Errorf("%s names check %s, which does not exist", x.Name, k)
			}
		}
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		raw, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^(?:const)?\s*([a-z]\w+)\s*=\s*(?:[0-9]+ \* )?time\.(?:Hour|Minute|Second|Millisecond)\b`).FindAllStringSubmatch(string(raw), -1) {
			seen++
			if !listed[m[1]] {
				t.Errorf("%s: %s is a tolerance that Tolerances does not list", f.Name(), m[1])
			}
		}
	}
	if seen < len(listed) {
		t.Errorf("%d constants seen, %d tolerances listed: the pattern is wrong", seen, len(listed))
	}
}
