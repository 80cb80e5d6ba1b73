package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/kkmtest/kkmtest/"

// rooms says what each room may import of ours. A package belongs to the
// longest prefix; a room may always import what lies below itself.
var rooms = map[string][]string{
	"fiscal":              {},
	"cpcr":                {"fiscal"},
	"bench/clock":         {},
	"bench/history":       {"bench/clock", "fiscal"},
	"bench/regulation":    {},
	"bench/profile":       {},
	"bench/check":         {"bench/history", "bench/regulation", "bench/clock", "cpcr", "fiscal"},
	"bench/device":        {"bench/history", "bench/clock", "fiscal"},
	"simulators/stream":   {"bench/clock"},
	"simulators/ofd":      {"cpcr", "bench/clock", "bench/history", "fiscal", "simulators/stream"},
	"simulators/netfault": {"bench/clock", "bench/history", "cpcr", "simulators/stream"},
	"simulators/kkm":      {"cpcr", "bench/clock", "fiscal", "simulators/stream", "bench/device/webkassa/wire", "bench/device/shtrihm/frame", "bench/device/atol/frame", "bench/device/datecs/frame", "bench/device/line/double"},
	// Of tests only: drivers and host sides together, on a line with faults.
	"simulators/kkm/hosttest": {"bench/clock", "bench/device", "bench/history", "fiscal", "fixtures", "simulators/kkm", "simulators/stream"},
	"bench":                   {"bench/clock", "bench/history", "bench/device", "bench/profile", "bench/regulation", "cpcr", "fiscal", "simulators"},
	"scenarios":               {"bench", "fiscal", "cpcr"},
	"bench/campaign":          {"bench", "bench/regulation", "bench/check", "bench/profile", "bench/history", "bench/clock", "fiscal", "internal/strict"},
	"reports":                 {"bench/history", "bench/regulation", "bench/check", "bench/clock", "cpcr", "fiscal", "fixtures", "internal/strict"},
	"fixtures":                {},
	"docs/examples":           {"bench/clock", "bench/device/shtrihm/frame"},
	"internal/house":          {},
	"internal/strict":         {},
}

func inside(path, room string) bool { return path == room || strings.HasPrefix(path, room+"/") }

func roomOf(pkg string) string {
	best := ""
	for r := range rooms {
		if inside(pkg, r) && len(r) > len(best) {
			best = r
		}
	}
	return best
}

// files yields every Go file of the project, parsed.
func files(t *testing.T, tests bool, visit func(path string, set *token.FileSet, f *ast.File)) {
	t.Helper()
	root := "../.."
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || rel == "tools" || rel == "runs") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || (!tests && strings.HasSuffix(path, "_test.go")) || strings.HasSuffix(path, ".pb.go") {
			return nil
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		n++
		visit(filepath.ToSlash(rel), set, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 10 {
		t.Fatalf("only %d files seen: the walk is broken", n)
	}
}

func TestArrowsPointDown(t *testing.T) {
	files(t, false, func(path string, set *token.FileSet, f *ast.File) {
		pkg := filepath.ToSlash(filepath.Dir(path))
		if inside(pkg, "cmd") {
			return
		}
		room := roomOf(pkg)
		if room == "" {
			t.Errorf("%s: the package belongs to no room; add it to docs/seams.md and to this test", path)
			return
		}
		for _, im := range f.Imports {
			p, _ := strconv.Unquote(im.Path.Value)
			ours, ok := strings.CutPrefix(p, module)
			if !ok || inside(ours, room) {
				continue
			}
			if !slices.ContainsFunc(rooms[room], func(r string) bool { return inside(ours, r) }) {
				t.Errorf("%s: %s may not import %s (docs/seams.md)", set.Position(im.Pos()), room, ours)
			}
		}
	})
}

// Time comes from bench/clock (house rule); a real deadline of a terminal or a
// child process is cmd's own affair.
func TestTimeComesFromTheClock(t *testing.T) {
	taboo := []string{"Now", "Sleep", "After", "Tick", "NewTimer", "NewTicker", "Since", "Until", "AfterFunc"}
	files(t, false, func(path string, set *token.FileSet, f *ast.File) {
		if inside(path, "bench/clock") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(taboo, s.Sel.Name) {
				t.Errorf("%s: time.%s outside bench/clock", set.Position(s.Pos()), s.Sel.Name)
			}
			return true
		})
	})
}

// A limit of the law is data: no Go file outside tests spells one as hours or
// as the seconds of rows 23 and 27.
func TestNoLimitIsSpelledInGo(t *testing.T) {
	limits := map[string][]string{"Hour": {"24", "72", "720"}, "Second": {"7"}}
	files(t, false, func(path string, set *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			b, ok := n.(*ast.BinaryExpr)
			if !ok || b.Op != token.MUL {
				return true
			}
			for _, pair := range [][2]ast.Expr{{b.X, b.Y}, {b.Y, b.X}} {
				lit, ok1 := pair[0].(*ast.BasicLit)
				sel, ok2 := pair[1].(*ast.SelectorExpr)
				if !ok1 || !ok2 {
					continue
				}
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(limits[sel.Sel.Name], lit.Value) {
					t.Errorf("%s: %s * time.%s is a limit of the regulations; take it from a row's parameters or from a profile", set.Position(b.Pos()), lit.Value, sel.Sel.Name)
				}
			}
			return true
		})
	})
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	docs := map[string]bool{}
	files(t, false, func(path string, _ *token.FileSet, f *ast.File) {
		pkg := filepath.Dir(path)
		docs[pkg] = docs[pkg] || f.Doc != nil
	})
	for pkg, ok := range docs {
		if !ok {
			t.Errorf("%s: no package comment", pkg)
		}
	}
}

func TestSeamsPageNamesEveryRoom(t *testing.T) {
	page, err := os.ReadFile("../../docs/seams.md")
	if err != nil {
		t.Fatal(err)
	}
	for r := range rooms {
		if r != "internal/house" && !strings.Contains(string(page), "`"+r+"`") && !strings.Contains(string(page), "`"+r+"/`") {
			t.Errorf("docs/seams.md does not name the room %s", r)
		}
	}
}
