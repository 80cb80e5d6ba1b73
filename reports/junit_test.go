package reports_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/fixtures"
	"github.com/kkmtest/kkmtest/reports"
)

// node is an element of any XML document.
type node struct {
	Name  string
	Attrs map[string]string
	Kids  []*node
	Text  string
}

func parseXML(t testing.TB, raw []byte) *node {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(raw))
	top := &node{}
	stack := []*node{top}
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%.400s", err, raw)
		}
		last := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			n := &node{Name: tok.Name.Local, Attrs: map[string]string{}}
			for _, a := range tok.Attr {
				n.Attrs[a.Name.Local] = a.Value
			}
			last.Kids = append(last.Kids, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			last.Text += string(tok)
		}
	}
	if len(top.Kids) != 1 {
		t.Fatalf("%d roots", len(top.Kids))
	}
	return top.Kids[0]
}

func (n *node) all(name string) []*node {
	var out []*node
	for _, k := range n.Kids {
		if k.Name == name {
			out = append(out, k)
		}
		out = append(out, k.all(name)...)
	}
	return out
}

func (n *node) kids() []string {
	var out []string
	for _, k := range n.Kids {
		out = append(out, k.Name)
	}
	return out
}

func junitOf(t testing.TB, r reports.Run) []byte {
	return written(t, r, func(b *bytes.Buffer) error { return reports.WriteJUnit(b, r) })
}

// follows holds an element against fixtures/schemas/junit.xsd, as far as that
// schema goes: elements in sequence, attributes required and known.
func follows(t *testing.T, xsd *node, typ, n *node) {
	t.Helper()
	find := func(kind, name string) *node {
		for _, k := range xsd.Kids {
			if k.Name == kind && k.Attrs["name"] == name {
				return k
			}
		}
		t.Fatalf("schema has no %s %q", kind, name)
		return nil
	}
	attrs := map[string]bool{}
	var elements []*node // declarations in order
	optional := map[*node]bool{}
	var walk func(*node, bool)
	walk = func(x *node, opt bool) {
		for _, k := range x.Kids {
			switch k.Name {
			case "attribute":
				attrs[k.Attrs["name"]] = true
			case "attributeGroup":
				walk(find("attributeGroup", k.Attrs["ref"]), opt)
			case "element":
				elements = append(elements, k)
				optional[k] = opt || k.Attrs["minOccurs"] == "0"
			case "choice":
				walk(k, true)
			case "sequence", "simpleContent", "extension":
				walk(k, opt)
			}
		}
	}
	walk(typ, false)
	for a := range n.Attrs {
		if !attrs[a] {
			t.Errorf("<%s>: attribute %q is not in the schema", n.Name, a)
		}
	}
	for a := range attrs {
		if _, ok := n.Attrs[a]; !ok {
			t.Errorf("<%s>: attribute %q is missing", n.Name, a)
		}
	}
	at := 0
	for _, k := range n.Kids {
		i := slices.IndexFunc(elements, func(e *node) bool { return e.Attrs["name"] == k.Name })
		if i < at {
			t.Errorf("<%s>: <%s> has no place here", n.Name, k.Name)
			continue
		}
		if n := slices.Index(n.kids()[slices.Index(n.kids(), k.Name)+1:], k.Name); n >= 0 && elements[i].Attrs["maxOccurs"] == "" {
			t.Errorf("<%s> stands more than once", k.Name)
		}
		at = i
		e := elements[i]
		if e.Attrs["type"] != "" {
			follows(t, xsd, find("complexType", e.Attrs["type"]), k)
		} else {
			follows(t, xsd, e.Kids[0], k)
		}
	}
	for _, e := range elements {
		if !optional[e] && !slices.Contains(n.kids(), e.Attrs["name"]) {
			t.Errorf("<%s>: <%s> is missing", n.Name, e.Attrs["name"])
		}
	}
}

func TestJUnitFollowsItsSchema(t *testing.T) {
	raw := junitOf(t, sample(t))
	text, err := fixtures.FS.ReadFile("schemas/junit.xsd")
	if err != nil {
		t.Fatal(err)
	}
	xsd := parseXML(t, text)
	root := parseXML(t, raw)
	follows(t, xsd, xsd.Kids[0].Kids[0], root)
	// A full validator says the same where there is one.
	if tool, err := exec.LookPath("xmllint"); err == nil {
		cmd := exec.Command(tool, "--noout", "--schema", filepath.Join("..", "fixtures", "schemas", "junit.xsd"), "-")
		cmd.Stdin = bytes.NewReader(raw)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("xmllint: %v\n%s", err, out)
		}
	}
}

// Target 13: failure for the KKM, error for the bench, skipped for what nobody settled.
func TestJUnitOutcomes(t *testing.T) {
	root := parseXML(t, junitOf(t, sample(t)))
	want := map[string][2]string{ // row: outcome element, XCCDF word
		"23": {"", "pass"}, "27": {"failure", "fail"}, "27.6": {"failure", "fail"}, "27.7": {"skipped", "notapplicable"},
		"32": {"skipped", "notchecked"}, "33": {"skipped", "notchecked"}, "34": {"skipped", "unknown"}, "35": {"error", "error"},
	}
	seen := map[string]int{}
	for _, c := range root.all("testcase") {
		row, _, _ := strings.Cut(c.Attrs["name"], " ")
		seen[row]++
		var word, outcome string
		for _, k := range c.Kids {
			if k.Name != "properties" {
				if outcome != "" {
					t.Errorf("row %s: %s beside %s", row, k.Name, outcome)
				}
				outcome = k.Name
				if k.Attrs["message"] == "" {
					t.Errorf("row %s: %s without a message", row, k.Name)
				}
			}
		}
		for _, p := range c.all("property") {
			if p.Attrs["name"] == "result" {
				word = p.Attrs["value"]
			}
		}
		if got := [2]string{outcome, word}; got != want[row] {
			t.Errorf("row %s: got %q, want %q", row, got, want[row])
		}
	}
	for row := range want {
		if seen[row] != 1 {
			t.Errorf("row %s stands %d times", row, seen[row])
		}
	}
	for name, n := range map[string]int{"tests": 8, "failures": 2, "errors": 1, "skipped": 4} {
		if got, _ := strconv.Atoi(root.Attrs[name]); got != n {
			t.Errorf("%s=%d, want %d", name, got, n)
		}
	}
	failure := root.all("failure")[1].Text
	for _, want := range []string{"KZ 431 I 27.6: got a sale at 72h01m00s", "want a refusal after 72h", "\tbytes 04 00 8d 00\n", "\tat    history 9, 3\n", "\thint  counted from the oldest"} {
		if !strings.Contains(failure, want) {
			t.Errorf("failure text lacks %q:\n%s", want, failure)
		}
	}
	if strings.ContainsAny(failure, "\x1b\a\u202e") {
		t.Errorf("the device's control codes came through: %q", failure)
	}
}
