package docx

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/reports/paper"
)

func sample() paper.Doc {
	return paper.Doc{
		Lang: "kk", Title: "Сәйкестік <нысаны>", Author: "Зертхана", Made: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), Footer: "{page}-бет, барлығы {pages}",
		Blocks: []paper.Block{
			paper.Notice{Text: "Ескерту"},
			paper.Heading{Text: "Тақырып", Level: 1, Center: true},
			paper.Para{Text: "Example-1F KZ", Center: true, Rule: true, Bold: true, Small: true},
			paper.Table{Widths: []int{300, 900, 600}, Head: []string{"№", "Талап", "Мәлімет"}, Rows: []paper.Row{
				{Mark: "Бөлім", Level: 2, Cells: []paper.Cell{{Text: "Бөлім", Span: 3, Bold: true, Center: true, Shade: true}}},
				{Cells: []paper.Cell{{Text: "1"}, {Text: "әріп & <таңба>\nекінші жол"}, {}}},
				{Height: 200, Cells: []paper.Cell{{Text: "2"}, {Text: "  бос орын  ", Span: 2}}},
			}},
			paper.Table{Widths: []int{1800}, Keep: true, Rows: []paper.Row{{Cells: []paper.Cell{{Text: "a"}}}, {Cells: []paper.Cell{{Text: "b"}}}}},
			paper.Heading{Text: "Қосымша", Level: 2, NewPage: true},
		},
	}
}

func parts(t testing.TB, d paper.Doc) map[string]string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, d); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for i, f := range z.File {
		if i == 0 && f.Name != "[Content_Types].xml" {
			t.Errorf("the archive begins with %s, want [Content_Types].xml", f.Name)
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name] = string(raw)
	}
	return out
}

// order is the sequence in which ECMA-376 (wml.xsd) wants the children of the
// elements that we write; an element that is not listed has no place in ours.
var order = map[string]string{
	"document":    "body",
	"body":        "p* tbl* sectPr",
	"p":           "pPr r* fldSimple*",
	"pPr":         "pStyle keepNext pageBreakBefore pBdr spacing ind jc outlineLvl",
	"pBdr":        "top left bottom right",
	"r":           "rPr t* br*",
	"rPr":         "rFonts b sz szCs lang",
	"tbl":         "tblPr tblGrid tr*",
	"tblPr":       "tblW tblBorders tblLayout tblCellMar",
	"tblBorders":  "top left bottom right insideH insideV",
	"tblCellMar":  "left right",
	"tblGrid":     "gridCol*",
	"tr":          "trPr tc*",
	"trPr":        "cantSplit trHeight tblHeader",
	"tc":          "tcPr p*",
	"tcPr":        "tcW gridSpan shd",
	"sectPr":      "footerReference pgSz pgMar",
	"ftr":         "p*",
	"fldSimple":   "r*",
	"styles":      "docDefaults style*",
	"docDefaults": "rPrDefault pPrDefault",
	"rPrDefault":  "rPr",
	"pPrDefault":  "",
	"style":       "name basedOn next qFormat pPr rPr",
	"settings":    "compat",
	"compat":      "compatSetting*",
}

func TestElementsStandInTheOrderOfTheSchema(t *testing.T) {
	ps := parts(t, sample())
	for _, name := range []string{"word/document.xml", "word/footer1.xml", "word/styles.xml", "word/settings.xml"} {
		d := xml.NewDecoder(strings.NewReader(ps[name]))
		type open struct {
			name string
			at   int
			seen map[string]bool
		}
		var stack []open
		for {
			tok, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch tok := tok.(type) {
			case xml.StartElement:
				n := tok.Name.Local
				if tok.Name.Space != nsW {
					t.Errorf("%s: <%s> is of namespace %q", name, n, tok.Name.Space)
				}
				if len(stack) > 0 {
					up := &stack[len(stack)-1]
					allowed := strings.Fields(order[up.name])
					i := slices.IndexFunc(allowed, func(a string) bool { return strings.TrimSuffix(a, "*") == n })
					switch {
					case i < 0:
						t.Errorf("%s: <%s> has no place in <%s>", name, n, up.name)
					case strings.HasSuffix(allowed[i], "*"):
						// repeated elements may mix with their like
					case up.seen[n]:
						t.Errorf("%s: <%s> stands twice in <%s>", name, n, up.name)
					case i < up.at:
						t.Errorf("%s: <%s> comes too late in <%s>", name, n, up.name)
					}
					up.at, up.seen[n] = max(up.at, i), true
				}
				stack = append(stack, open{n, 0, map[string]bool{}})
			case xml.EndElement:
				top := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				if top.name == "tc" && !top.seen["p"] {
					t.Errorf("%s: a cell without a paragraph", name)
				}
			}
		}
	}
}

func TestTablesBehave(t *testing.T) {
	doc := parts(t, sample())["word/document.xml"]
	if rows, whole := strings.Count(doc, "<w:tr>"), strings.Count(doc, "<w:cantSplit/>"); rows != 6 || whole != rows {
		t.Errorf("%d rows, %d of them may not be torn", rows, whole)
	}
	if n := strings.Count(doc, "<w:tblHeader/>"); n != 1 {
		t.Errorf("%d repeated heads, want 1", n)
	}
	if !strings.Contains(doc, `</w:tbl><w:p/><w:tbl>`) {
		t.Error("two tables in a row would grow together")
	}
	// A4 is 11906 by 16838 twips.
	if !strings.Contains(doc, `<w:pgSz w:w="11906" w:h="16838"/>`) {
		t.Error("the page is not A4")
	}
	if !strings.Contains(doc, `<w:gridSpan w:val="3"/>`) || !strings.Contains(doc, `w:hRule="atLeast"`) {
		t.Error("spans or heights are missing")
	}
}

func TestTextIsEscapedAndKept(t *testing.T) {
	ps := parts(t, sample())
	for name, want := range map[string][]string{
		"word/document.xml": {"әріп &amp; &lt;таңба&gt;</w:t><w:br/>", `xml:space="preserve">  бос орын  <`},
		"docProps/core.xml": {"<dc:title>Сәйкестік &lt;нысаны&gt;</dc:title>", "<dc:language>kk</dc:language>", "2026-01-05T09:00:00Z"},
		"word/styles.xml":   {`<w:lang w:val="kk-KZ"/>`, `<w:outlineLvl w:val="0"/>`},
		"word/footer1.xml":  {`w:instr="PAGE"`, "-бет, барлығы ", `w:instr="NUMPAGES"`},
	} {
		for _, w := range want {
			if !strings.Contains(ps[name], w) {
				t.Errorf("%s lacks %q", name, w)
			}
		}
	}
}

// Every part has a type, every relation a target.
func TestPackageIsWhole(t *testing.T) {
	ps := parts(t, sample())
	for name := range ps {
		if strings.HasSuffix(name, ".rels") || name == "[Content_Types].xml" {
			continue
		}
		if !strings.Contains(ps["[Content_Types].xml"], `PartName="/`+name+`"`) {
			t.Errorf("%s has no content type", name)
		}
	}
	for rels, dir := range map[string]string{"_rels/.rels": "", "word/_rels/document.xml.rels": "word"} {
		var doc struct {
			Relationship []struct {
				Target string `xml:"Target,attr"`
			}
		}
		if err := xml.Unmarshal([]byte(ps[rels]), &doc); err != nil || len(doc.Relationship) == 0 {
			t.Fatalf("%s: %v", rels, err)
		}
		for _, r := range doc.Relationship {
			if ps[path.Join(dir, r.Target)] == "" {
				t.Errorf("%s: %s is not in the archive", rels, r.Target)
			}
		}
	}
}

func TestSameBytes(t *testing.T) {
	var a, b bytes.Buffer
	if err := Write(&a, sample()); err != nil {
		t.Fatal(err)
	}
	if err := Write(&b, sample()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two writings of one document differ")
	}
}

func TestWriteRefusesAMisshapenTable(t *testing.T) {
	d := sample()
	d.Blocks = append(d.Blocks, paper.Table{Widths: []int{1800}, Rows: []paper.Row{{Cells: []paper.Cell{{}, {}}}}})
	if err := Write(io.Discard, d); err == nil || !strings.Contains(err.Error(), "row 0: cells cover 2 of 1 columns") {
		t.Errorf("got %v", err)
	}
}
