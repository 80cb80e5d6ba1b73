//go:build office

package reports_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/reports"
)

// The DOCX goes through LibreOffice in three languages and comes out with all
// its text. Run with -tags office where soffice and pdftotext are installed.
func TestLibreOfficeReadsTheForm(t *testing.T) {
	for _, lang := range reports.Langs {
		dir := t.TempDir()
		var b bytes.Buffer
		if err := reports.WriteDOCX(&b, sample(t), reports.Paper{Lang: lang}); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "form.docx")
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("soffice", "--headless", "-env:UserInstallation=file://"+dir+"/profile", "--convert-to", "pdf", "--outdir", dir, file)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("soffice: %v\n%s", err, out)
		}
		text, err := exec.Command("pdftotext", "-layout", filepath.Join(dir, "form.pdf"), "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		doc, err := reports.Form(sample(t), reports.Paper{Lang: lang})
		if err != nil {
			t.Fatal(err)
		}
		squeeze := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, "\u00a0", " ")), "") }
		got := squeeze(string(text))
		for _, h := range doc.Outline() {
			if !strings.Contains(got, squeeze(h.Text)) {
				t.Errorf("%s: %q is lost", lang, h.Text)
			}
		}
		if n := strings.Count(string(text), "\f"); n != 3 {
			t.Errorf("%s: %d pages, want 3", lang, n)
		}
	}
}
