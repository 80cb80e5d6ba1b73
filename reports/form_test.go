package reports_test

import (
	"bytes"
	"compress/zlib"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/reports"
	"github.com/kkmtest/kkmtest/reports/paper"
	"github.com/kkmtest/kkmtest/reports/paper/pdf"
)

var update = flag.Bool("update", false, "write the golden files anew")

// textLayer is what can be selected in a PDF, page by page, and how many pages it has.
func textLayer(t testing.TB, raw []byte) (string, int) {
	t.Helper()
	var b strings.Builder
	n := 0
	for _, m := range regexp.MustCompile(`(?s)stream\r?\n(.*?)\r?\nendstream`).FindAllSubmatch(raw, -1) {
		z, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue
		}
		text, err := io.ReadAll(z)
		if err != nil || !bytes.Contains(text, []byte("Tj ET")) {
			continue
		}
		n++
		fmt.Fprintf(&b, "== page %d\n", n)
		for _, s := range regexp.MustCompile(`(?s)Td \((.*?)\) Tj ET`).FindAllSubmatch(text, -1) {
			plain := regexp.MustCompile(`(?s)\\(.)`).ReplaceAll(s[1], []byte("$1"))
			var u []uint16
			for i := 0; i+1 < len(plain); i += 2 {
				u = append(u, uint16(plain[i])<<8|uint16(plain[i+1]))
			}
			b.WriteString(strings.ReplaceAll(string(utf16.Decode(u)), "\u00a0", "~") + "\n")
		}
	}
	return b.String(), n
}

// The form of the sample in three languages, as a reader can select it. ~ is a no-break space.
func TestFormText(t *testing.T) {
	for _, lang := range reports.Langs {
		for _, one := range []bool{false, true} {
			var b bytes.Buffer
			if err := reports.WritePDF(&b, sample(t), reports.Paper{Lang: lang, OneTable: one}); err != nil {
				t.Fatal(err)
			}
			got, pages := textLayer(t, b.Bytes())
			name := "form-" + string(lang)
			want := 3
			if one {
				name += "-one-table"
				want = 4
			}
			if pages != want {
				t.Errorf("%s: %d pages, want %d", name, pages, want)
			}
			golden(t, name+".txt", got)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s changed (run with -update and review it like code):\n%s", file, firstDifference(string(want), got))
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range w {
		if i >= len(g) || w[i] != g[i] {
			return fmt.Sprintf("line %d\n got %q\nwant %q", i+1, append(g, "(end)")[min(i, len(g))], w[i])
		}
	}
	return fmt.Sprintf("got %d lines more than %d", len(g)-len(w), len(w))
}

// The official part holds nothing that the order does not ask for.
func TestOfficialPartIsClean(t *testing.T) {
	d, err := reports.Form(sample(t), reports.Paper{Lang: regulation.Russian})
	if err != nil {
		t.Fatal(err)
	}
	var official paper.Table
	for _, b := range d.Blocks {
		if tb, ok := b.(paper.Table); ok {
			official = tb
			break
		}
	}
	if len(official.Head) != 4 {
		t.Fatalf("the form has columns %q, the order has four", official.Head)
	}
	text := paper.Doc{Blocks: []paper.Block{official}}.Text()
	for _, bad := range []string{"соответствует\n", "не соответствует", "✓", "✗", "72h", "a sale", "history", "kkmtest", "стенд"} {
		if strings.Contains(text, bad) && bad != "стенд" || bad == "стенд" && strings.Contains(strings.ReplaceAll(text, "отказал стенд", ""), bad) {
			t.Errorf("the official part holds %q:\n%s", bad, text)
		}
	}
	for _, want := range []string{
		"№ п/п\nТехнические требования к ККМ\nСведения о том", "Примечание",
		"Общие требования\nЗаполняется по документам производителя", // the head row with the instruction beside it
		"27.6\nБлокировка по истечении 72 часов\nРуководство по эксплуатации, с. 15, п. 4.4", "не обязательно",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the official part lacks %q:\n%s", want, text)
		}
	}
	head := 0
	for _, b := range d.Blocks {
		if h, ok := b.(paper.Heading); ok && h.NewPage {
			head++
		}
	}
	if head != 1 {
		t.Errorf("%d blocks begin a page, want the annex alone", head)
	}
}

func TestAnnexHoldsWhatALaboratorySigns(t *testing.T) {
	r := sample(t)
	r.Lab = reports.Lab{Name: "Сынақ орталығы", Request: "17/26", Sample: "№ 2", Operator: "Ә. Ғабитқызы", Date: "25.11.2026"}
	for _, f := range []func() string{
		func() string {
			var b bytes.Buffer
			if err := reports.WritePDF(&b, r, reports.Paper{Lang: regulation.English}); err != nil {
				t.Fatal(err)
			}
			s, _ := textLayer(t, b.Bytes())
			return strings.ReplaceAll(s, "~", " ")
		},
		func() string {
			var b bytes.Buffer
			if err := reports.WriteSheet(&b, r, reports.Paper{Lang: regulation.English}); err != nil {
				t.Fatal(err)
			}
			return strings.ReplaceAll(b.String(), "\u00a0", " ")
		},
	} {
		text := f()
		for _, want := range []string{
			"Annex: results on the bench", "real time", "Example-1F KZ", "KZ0001234", "010100012345", "1.4.7", // device
			"kkmtest v0.1.0 (0123abc)", strings.Repeat("56", 32), "bench-1", "NTP, offset 3 ms", "42", // bench (target 82)
			"kz-431-2014", strings.Repeat("cd", 32), strings.Repeat("12", 32), // edition and record
			"Сынақ орталығы", "17/26", "№ 2", "Ә. Ғабитқызы", "25.11.2026", // laboratory
			"Tested by", "Head of the laboratory", "signature", "Stamp",
			"72 h 1 min 0.4 s", "limit 72 h", "59.6 s above the limit", "0.099 s below the limit", "(near the limit)",
			"Third column: 2 of 8 rows filled in", "27, 27.7, 32, 33, 34, 35",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("the annex lacks %q", want)
			}
		}
	}
}

// How full the third column is never touches a verdict.
func TestSubmissionIsNoVerdict(t *testing.T) {
	with, without := sample(t), sample(t)
	without.Submission = nil
	if a, b := findingsOf(t, with), findingsOf(t, without); !bytes.Equal(a, b) {
		t.Error("findings.json depends on the submission")
	}
	d, err := reports.Form(without, reports.Paper{Lang: regulation.English})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.Text(), "Third column: 0 of 8 rows filled in") {
		t.Error("the annex does not say that the third column is empty")
	}
}

// The authority's own wording takes the place of ours, and the notice goes.
func TestOfficialWording(t *testing.T) {
	r := sample(t)
	for i := range r.Edition.Sections[0].Rows {
		row := &r.Edition.Sections[0].Rows[i]
		row.Official = map[regulation.Lang]string{regulation.Kazakh: "Ресми мәтін " + row.Number}
	}
	kk, err := reports.Form(r, reports.Paper{Lang: regulation.Kazakh})
	if err != nil {
		t.Fatal(err)
	}
	if s := kk.Text(); !strings.Contains(s, "Ресми мәтін 27.6") || strings.Contains(s, "стендтің өз сөздерімен") {
		t.Errorf("the Kazakh form:\n%s", s)
	}
	ru, err := reports.Form(r, reports.Paper{Lang: regulation.Russian})
	if err != nil {
		t.Fatal(err)
	}
	if s := ru.Text(); strings.Contains(s, "Ресми") || !strings.Contains(s, "словами стенда") {
		t.Errorf("the Russian form:\n%s", s)
	}
}

func TestHostileTextOnPaper(t *testing.T) {
	r := sample(t)
	r.Facts.Profile.Model = hostile + strings.Repeat("x", 100)
	r.Findings[0].Parts[0] = check.Failed(check.Violation{Want: "a refusal", Got: strings.Repeat(hostile+" ", 400)}, 9)
	for _, f := range []reports.Format{reports.DOCX, reports.PDF} {
		var b bytes.Buffer
		if err := reports.Write(&b, f, r, regulation.Kazakh); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
	d, err := reports.Form(r, reports.Paper{Lang: regulation.Kazakh})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range d.Text() {
		if c < 0x20 && c != '\n' || c == 0x202e || c == 0xfffd {
			t.Fatalf("control character %U on paper", c)
		}
	}
	if m := pdf.Missing(d.Text()); len(m) > 0 {
		t.Errorf("the fonts lack %q", m)
	}
}

// A number that the act prints wrongly is corrected in the form and told in the annex.
func TestNumbersPrintedOtherwise(t *testing.T) {
	r := sample(t)
	r.Findings = nil
	r.Edition.Sections[0].Rows[4].Printed = "27.5"
	d, err := reports.Form(r, reports.Paper{Lang: regulation.English})
	if err != nil {
		t.Fatal(err)
	}
	if s := d.Text(); !strings.Contains(s, "Rows that the text of the order numbers otherwise: 27.6 (printed 27.5)") {
		t.Errorf("got\n%s", s)
	}
}

func TestInForce(t *testing.T) {
	all := []regulation.Edition{
		{ID: "kz-431-2014", Country: "KZ", Status: "repealed"}, {ID: "kg-9-10-draft", Country: "KG", Status: "draft"}, {ID: "kz-626-2025", Country: "KZ", Status: "in-force"},
	}
	for i, want := range []string{"kz-626-2025", "", ""} {
		got := ""
		if e := reports.InForce(all, all[i]); e != nil {
			got = e.ID
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", all[i].ID, got, want)
		}
	}
}
