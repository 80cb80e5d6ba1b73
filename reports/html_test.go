package reports_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/reports"
)

func htmlOf(t testing.TB, r reports.Run) string {
	return string(written(t, r, func(b *bytes.Buffer) error { return reports.WriteForm(b, r) }))
}

var tag = regexp.MustCompile(`<[^>]*>`)

// rowOf is the HTML of one row.
func rowOf(t *testing.T, page, number string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, `id="r`+number+`"`)
	if !ok {
		t.Fatalf("row %s is not on the page", number)
	}
	row, _, _ := strings.Cut(rest, "</tr>")
	return row
}

func TestFormShowsEveryRow(t *testing.T) {
	page := htmlOf(t, sample(t))
	for number, want := range map[string][]string{
		"23":   {"✓", "сәйкес", "соответствует", "pass", "БКМ чек мәліметін", "ККМ передаёт чек", "The KKM exchanges", "6.901", "6,901", "near the limit", `href="#e3"`, `href="#e7"`, "Руководство по эксплуатации, с. 12-14, п. 4.3.2"},
		"27":   {"✗", "follows from its sub-rows: 27.6"},
		"27.6": {"✗", "не соответствует", "a refusal after 72h", "a sale at 72h01m00s", "04 00 8d 00", "counted from the oldest", `href="#e9"`, `href="#reading-oldest-receipt"`, "72\u00a0h\u00a01\u00a0min\u00a00.4\u00a0s"},
		"27.7": {"not obligatory", "not applicable", "the device has no such function"},
		"33":   {"☐", "тексерілмеді", "nobody judged this row"},
		"34":   {"?", "анықталмады", "no answer came; the link was down"},
		"35":   {"⚠", "ошибка стенда", "the capture has a gap"},
	} {
		row := rowOf(t, page, number)
		for _, w := range want {
			if !strings.Contains(row, w) {
				t.Errorf("row %s lacks %q:\n%s", number, w, row)
			}
		}
		if n := strings.Count(page, `id="r`+number+`"`); n != 1 {
			t.Errorf("row %s stands %d times", number, n)
		}
	}
	order := regexp.MustCompile(`id="r([0-9.]+)"`).FindAllStringSubmatch(page, -1)
	var got []string
	for _, m := range order {
		got = append(got, m[1])
	}
	if !slices.Equal(got, []string{"23", "27", "27.6", "27.7", "32", "33", "34", "35"}) {
		t.Errorf("order of rows %q", got)
	}
}

func TestFormNeedsNoNetwork(t *testing.T) {
	page := htmlOf(t, sample(t))
	// A device may print an address; nothing on the page may lead to one.
	if m := regexp.MustCompile(`(?:href|src|action|srcset|data|content)="(?:[a-z]+:)?//[^"]*"|href="[^#]`).FindString(page); m != "" {
		t.Errorf("the page leads to %s", m)
	}
	for _, bad := range []string{"src=", "@import", "url(", "<link", "<img", "<iframe", "fetch(", "XMLHttp"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if !strings.Contains(page, `content="default-src &#39;none&#39;`) && !strings.Contains(page, `content="default-src 'none'`) {
		t.Error("the page does not forbid the network")
	}
}

// What a device prints must not get at who reads the report.
func TestFormEscapesTheDevice(t *testing.T) {
	r := sample(t)
	r.Facts.Profile.Model = hostile
	r.Lab.Operator = hostile
	page := htmlOf(t, r)
	if strings.Contains(page, "<script>alert") || strings.Count(page, "<script") != 1 {
		t.Error("a script of the device's came through")
	}
	for _, c := range "\x1b\a\u202e\x00" {
		if strings.ContainsRune(page, c) {
			t.Errorf("control character %U came through", c)
		}
	}
	if strings.Contains(page, "1.4.7 <b>") || strings.Contains(page, "нан <i>") {
		t.Error("markup of the device's came through")
	}
	if !strings.Contains(page, `\x1b[2J`) {
		t.Error("the escape code is not spelled out")
	}
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	page := htmlOf(t, sample(t))
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("id %s stands twice", m[1])
		}
		ids[m[1]] = true
	}
	links := regexp.MustCompile(` (?:href="#|for=")([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(links) < 20 {
		t.Fatalf("only %d links", len(links))
	}
	for _, m := range links {
		if !ids[m[1]] {
			t.Errorf("#%s leads nowhere", m[1])
		}
	}
	// Only cited events are on the page: 5 and 6 are not.
	for id, want := range map[string]bool{"e3": true, "e7": true, "e8": true, "e9": true, "e10": true, "e11": true, "e12": true, "e5": false, "e6": false} {
		if ids[id] != want {
			t.Errorf("event %s on the page: %v, want %v", id, ids[id], want)
		}
	}
	for _, want := range []string{"Фискальный чек", "packet 90311 of capture.pcapng", "ERR_APPCODE", "000000", "ticket"} {
		if !strings.Contains(page, want) {
			t.Errorf("the events lack %q", want)
		}
	}
}

// unknown, notchecked and error are as visible as fail: each has a badge of its own colour.
func TestLoudResultsLookAlike(t *testing.T) {
	page := htmlOf(t, sample(t))
	colours := map[string]bool{}
	for _, word := range []string{"fail", "error", "unknown", "notchecked"} {
		m := regexp.MustCompile(`\.b\.` + word + `\{[^}]*background:(#[0-9a-f]+)\}`).FindStringSubmatch(page)
		if m == nil || m[1] == "#fff" {
			t.Fatalf("%s has no filled badge", word)
		}
		colours[m[1]] = true
		if !strings.Contains(page, "tr."+word+" td.n{box-shadow") {
			t.Errorf("%s has no mark at the edge", word)
		}
		if !strings.Contains(page, "#f-"+word+":not(:checked)~main tr.r."+word) {
			t.Errorf("%s cannot be filtered without a script", word)
		}
	}
	if len(colours) != 4 {
		t.Errorf("four results share colours: %v", colours)
	}
}

func TestNoticesComeFirst(t *testing.T) {
	r := sample(t)
	r.View = r.View.Between(1, 8)
	r.Torn = &history.Torn{Bytes: 23, Offset: 900}
	r.Facts.Device = "emulated:?profile=section-1"
	current := regulation.Edition{ID: "kz-626-2025", Status: "in-force", Since: "2026-01-01", Title: three("626-бұйрық", "Приказ № 626", "Order 626")}
	r.InForce = &current
	page := htmlOf(t, r)
	head, _, _ := strings.Cut(page, "<main>")
	for _, want := range []string{
		"The record breaks off", "Запись испытания обрывается", "Сынақ жазбасы үзілген", "half-written (23 bytes)",
		"repealed on 2018-03-24", "утратила силу 24.03.2018", "Сейчас действует: Приказ № 626 (с 01.01.2026)", "says nothing about a real device",
	} {
		if !strings.Contains(head, want) {
			t.Errorf("the top of the page lacks %q", want)
		}
	}
	if strings.Contains(htmlOf(t, sample(t)), "breaks off.") {
		t.Error("a finished run is called broken")
	}
	doc, err := reports.Form(r, reports.Paper{Lang: "ru"})
	if err != nil {
		t.Fatal(err)
	}
	first := doc.Text()
	first, _, _ = strings.Cut(first, "форма соответствия ККМ\nExample-1F KZ")
	for _, want := range []string{"Запись испытания обрывается", "(23 байт)", "утратила силу 24.03.2018", "Приказ № 626", "эмулятор", "словами стенда"} {
		if !strings.Contains(first, want) {
			t.Errorf("page one of the form lacks %q:\n%s", want, first)
		}
	}
}

// large is a run over as many rows as order 431 has, with titles as long as its own.
func large(t testing.TB) reports.Run {
	e := edition()
	e.Sections = nil
	sec := regulation.Section{ID: "I", Title: three("I бөлім", "Раздел I", "Section I")}
	sec.Rows = append(sec.Rows, row(regulation.SectionTitle, "", "I", "", three("I бөлім", "Раздел I", "Section I")))
	pad := func(s string, n int) string { return strings.TrimSpace(strings.Repeat(s+" ", n)) }
	for i := range 426 {
		n := fmt.Sprint(i + 1)
		r := row(regulation.PlainRow, n+".", n, "", three(
			pad("БКМ фискалдық деректер операторының серверімен байланысты қамтамасыз етеді", 2),
			pad("ККМ обеспечивает связь с сервером оператора фискальных данных", 2),
			pad("The KKM keeps the connection to the server of the fiscal data operator", 2)))
		r.Check = "ticket.fields"
		sec.Rows = append(sec.Rows, r)
	}
	e.Sections = []regulation.Section{sec}

	clk := clock.NewVirtual(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), nil)
	log := history.NewMemory(clk)
	frame := frameBytes(t, "13-req-sale-modifiers.hex")
	for range 4000 {
		if _, err := log.Append(history.OFD, history.Frame{Conn: 1, Dir: history.FromDevice, Bytes: frame}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Append(history.Bench, history.RunEnd{Reason: "finished"}); err != nil {
		t.Fatal(err)
	}
	run := sample(t)
	run.Edition, run.View, run.Findings = e, log.View(), nil
	for i := range 426 {
		first := history.Seq(i*9 + 1)
		j := check.Passed(check.Measured{}, first, first+1, first+2, first+3, first+4, first+5, first+6, first+7, first+8)
		res := check.Pass
		if i%10 == 9 {
			res = check.Fail
			j = check.Failed(check.Violation{Want: "domain.services in every ticket", Got: "no such field in 9 of 9 tickets", Bytes: frame[:40]}, first, first+1, first+2)
		}
		run.Findings = append(run.Findings, finding(e, "I", fmt.Sprint(i+1), res, j))
	}
	return run
}

// Target 79: below 2 MB for 426 rows, however long the record is; failed rows keep their evidence.
func TestFormStaysSmall(t *testing.T) {
	page := htmlOf(t, large(t))
	if len(page) >= 2<<20 {
		t.Errorf("form.html has %d bytes", len(page))
	}
	if len(page) < 1<<20 {
		t.Errorf("form.html has only %d bytes: the record was long enough to fill it", len(page))
	}
	for _, row := range []int{10, 220, 420} { // failed rows
		ev := fmt.Sprintf(`id="e%d"`, (row-1)*9+1)
		_, rest, ok := strings.Cut(page, ev)
		rest, _, _ = strings.Cut(rest, `<div class="e"`)
		if !ok || !strings.Contains(rest, "<pre>") {
			t.Errorf("the evidence of failed row %d was left out", row)
		}
	}
	if !strings.Contains(page, `<i class="gone">`) {
		t.Error("what was left out is not said")
	}
	if text := tag.ReplaceAllString(page, ""); strings.Count(text, "БКМ фискалдық") != 2*426 {
		t.Errorf("%d titles", strings.Count(text, "БКМ фискалдық"))
	}
}

func BenchmarkForm426(b *testing.B) {
	r := large(b)
	for b.Loop() {
		for _, f := range []reports.Format{reports.HTML, reports.DOCX, reports.PDF} {
			var out bytes.Buffer
			if err := reports.Write(&out, f, r, regulation.Kazakh); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkFormats426(b *testing.B) {
	r := large(b)
	for _, f := range reports.Formats {
		b.Run(string(f), func(b *testing.B) {
			for b.Loop() {
				var out bytes.Buffer
				if err := reports.Write(&out, f, r, regulation.Kazakh); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
