//go:build office

package reports_test

import (
	"bytes"
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// The page for reading in a browser: the filters by text and by result work, a
// link leads to its event, and nothing is wider than a phone.
func TestChromiumShowsThePage(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			browser = p
			break
		}
	}
	if browser == "" {
		t.Fatal("no chromium is installed")
	}
	dir := t.TempDir()
	page := htmlOf(t, sample(t))
	// The page runs no script but its own, so the copy under test loses that rule.
	page = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`).ReplaceAllString(page, "")
	page = strings.Replace(page, "</body>", `<script>
const seen = () => [...document.querySelectorAll("#rows tr.r")].filter(r => r.getBoundingClientRect().height > 0).map(r => r.id).join(" ");
const out = {all: seen()};
const text = document.getElementById("text");
text.value = "27.6"; text.dispatchEvent(new Event("input"));
out.text = seen(); out.shown = document.getElementById("shown").textContent;
text.value = ""; text.dispatchEvent(new Event("input"));
document.getElementById("f-fail").click();
out.nofail = seen();
document.getElementById("f-fail").click();
const link = document.querySelector('#r23 a[href^="#e"]');
out.link = !!document.querySelector(link.getAttribute("href"));
document.getElementById("l-ru").click();
out.ru = document.querySelector("#rows tr.r").innerText.includes("соответствует");
out.wide = document.documentElement.scrollWidth - window.innerWidth;
const p = document.createElement("pre"); p.id = "out"; p.textContent = JSON.stringify(out); document.body.append(p);
</script></body>`, 1)
	file := filepath.Join(dir, "form.html")
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--window-size=500,900", "--dump-dom", "file://"+file)
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", browser, err)
	}
	m := regexp.MustCompile(`<pre id="out">([^<]*)</pre>`).FindSubmatch(dom)
	if m == nil {
		t.Fatalf("the page did not come to its end:\n%.2000s", dom)
	}
	var got struct {
		All, Text, Shown, Nofail string
		Link, Ru                 bool
		Wide                     float64
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(string(m[1]))), &got); err != nil {
		t.Fatal(err)
	}
	if got.All != "r23 r27 r27.6 r27.7 r32 r33 r34 r35" || got.Nofail != "r23 r27.7 r32 r33 r34 r35" {
		t.Errorf("all rows %q, without failed ones %q", got.All, got.Nofail)
	}
	if !strings.Contains(" "+got.Text+" ", " r27.6 ") || strings.Contains(got.Text, "r34") || got.Shown == "8" {
		t.Errorf("the search for 27.6 shows %q, and says %s", got.Text, got.Shown)
	}
	if !got.Link || !got.Ru || got.Wide > 0 {
		t.Errorf("link to an event %v, Russian chosen %v, %v pixels too wide", got.Link, got.Ru, got.Wide)
	}
}
