package reports_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/reports"
	"github.com/kkmtest/kkmtest/reports/submission"
)

const (
	ms  = time.Millisecond
	sec = time.Second
)

func three(kk, ru, en string) map[regulation.Lang]string {
	return map[regulation.Lang]string{regulation.Kazakh: kk, regulation.Russian: ru, regulation.English: en}
}

func row(kind regulation.Kind, printed, number, parent string, title map[regulation.Lang]string) regulation.Row {
	return regulation.Row{
		Kind: kind, Printed: printed, Number: number, Parent: parent, Title: title,
		Obligation: regulation.Mandatory, Digest: strings.Repeat("ab", 31) + fmt.Sprintf("%02x", len(number)),
	}
}

// edition has one line of every kind, and a second section.
func edition() regulation.Edition {
	latency := row(regulation.PlainRow, "23.", "23", "", three("БКМ чек мәліметін 7 секундтан аспайтын уақытта жібереді", "ККМ передаёт чек не дольше чем за 7 секунд", "The KKM exchanges a receipt in at most 7 seconds"))
	latency.Check = "latency.online"
	group := row(regulation.Group, "27.", "27", "", three("Автономды режим", "Автономный режим", "Offline mode"))
	cutoff := row(regulation.PlainRow, "27.6", "27.6", "27", three("Ең ескі чектен кейін 72 сағат өткенде бұғатталады", "Блокировка по истечении 72 часов", "Blocks when 72 hours have passed"))
	cutoff.Check = "offline.cutoff"
	optional := row(regulation.PlainRow, "27.7", "27.7", "27", three("Ауысым жабылғанда белгі қойылады", "Отметка при закрытии смены", "A mark at shift close"))
	optional.Obligation, optional.Check = regulation.Optional, "offline.shiftclose"
	optional.Notes = three("міндетті емес", "не обязательно", "not obligatory")
	paper := row(regulation.PlainRow, "32.", "32", "", three("Құжаттама", "Документация", "Documents"))
	paper.Demand, paper.Demands = "the manual", three("нұсқаулық", "руководство", "the manual")
	bare := row(regulation.PlainRow, "33.", "33", "", three("Фискалдық белгі", "Фискальный признак", "Fiscal mark"))
	unclear := row(regulation.PlainRow, "34.", "34", "", three("Күмәнді жол", "Неясная строка", "An unclear row"))
	unclear.Check = "access.password"
	broken := row(regulation.PlainRow, "35.", "35", "", three("Стенд құлаған жол", "Строка, где отказал стенд", "A row where the bench failed"))
	broken.Check = "config.shiftclosed"
	other := row(regulation.PlainRow, "38.", "38", "", three("Веб-касса", "Веб-касса", "Web register"))
	return regulation.Edition{
		ID: "kz-431-2014", Act: "KZ 431", Status: "repealed", Until: "2018-03-24", Digest: strings.Repeat("cd", 32),
		Title: three("431-бұйрық", "Приказ № 431", "Order 431"),
		Form:  three("Техникалық талаптар және БКМ сәйкестік нысаны", "Технические требования и форма соответствия ККМ", "Technical requirements and form of conformance of KKM"),
		Sections: []regulation.Section{
			{ID: "I", Title: three("I бөлім", "Раздел I", "Section I"), Rows: []regulation.Row{
				row(regulation.Heading, "", "I.h0", "", three("Жалпы талаптар", "Общие требования", "General requirements")),
				row(regulation.SectionTitle, "", "I", "", three("I бөлім. Мәліметті тіркейтін және беретін БКМ", "Раздел I. ККМ с фиксацией и передачей", "Section I. KKM that records and transmits")),
				latency, group, cutoff, optional,
				row(regulation.Heading, "", "I.h1", "", three("Құжаттар", "Документы", "Papers")),
				paper, bare, unclear, broken,
			}},
			{ID: "II", Title: three("II бөлім", "Раздел II", "Section II"), Rows: []regulation.Row{
				row(regulation.SectionTitle, "", "II", "", three("II бөлім", "Раздел II", "Section II")),
				row(regulation.Heading, "61.", "61", "", three("Нөмірі бар тақырып", "Заголовок с номером", "A heading with a number")),
				other,
			}},
		},
	}
}

func frameBytes(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "fixtures", "vectors", "cpcr", name))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// hostile is what a device may print or answer to get at a reader of the report.
const hostile = "\x1b[2J\x1b]0;pwned\a<script>alert(1)</script>\u202e]]>&amp;\xff"

// record is a history with one event of each sort that rows cite.
func record(t testing.TB, end string) history.View {
	t.Helper()
	clk := clock.NewVirtual(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), nil)
	log := history.NewMemory(clk)
	add := func(src history.Source, b history.Body, causes ...history.Seq) history.Seq {
		n, err := log.Append(src, b, causes...)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	add(history.Bench, facts()) // 1
	add(history.Driver, history.Identity{Type: "KKM", Model: "Example-1F KZ", Serial: "KZ0001234", Firmware: "1.4.7 <b>"})
	op := fiscal.Op{ID: "latency/sale/1", Kind: fiscal.OpReceipt, Receipt: &fiscal.Receipt{Kind: fiscal.Sale,
		Lines:    []fiscal.Line{{Kind: fiscal.Goods, Name: "нан <i>", Qty: 1500, Price: 20000}},
		Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 50000}}}}
	in := add(history.Driver, history.Intent{Op: op}) // 3
	add(history.Driver, history.HostBytes{Dir: history.ToDevice, Data: []byte{2, 5, 0x10, 0x1e, 0, 0, 0, 0x0b}, Note: "sale"}, in)
	req := add(history.OFD, history.Frame{Conn: 1, Dir: history.FromDevice, Bytes: frameBytes(t, "07-req-sale-cash.hex")})
	add(history.OFD, history.Booked{Device: 100500, Command: "TICKET", What: "accepted", Sign: "123456789"}, req)
	add(history.OFD, history.Frame{Conn: 1, Dir: history.ToDevice, Bytes: frameBytes(t, "08-resp-sale-cash.hex")}, req) // 7
	add(history.Driver, history.Result{Op: op.ID, Outcome: fiscal.Outcome{Got: fiscal.Done, Text: hostile, Doc: 7}, Entered: clk.Now(), Done: clk.Now().Add(1200 * ms), Blur: 2 * ms}, in)
	add(history.Driver, history.Printed{Op: op.ID, Lines: []string{"Фискальный чек", hostile, "ЖИЫНЫ 300,00 ₸"}, Origin: "host"}, in)        // 9
	add(history.Network, history.Struck{ID: "cut-1", Packet: 90311, Note: "drop"})                                                           // 10
	add(history.OFD, history.Frame{Conn: 2, Dir: history.FromDevice, Bytes: []byte("GET / HTTP/1.1\r\n\r\n<script>"), Error: "ERR_APPCODE"}) // 11
	add(history.Bench, history.BenchFault{Where: "netfault", Text: "the capture has a gap"})                                                 // 12
	if end != "" {
		add(history.Bench, history.RunEnd{Reason: end})
	}
	return log.View()
}

func facts() history.RunBegin {
	return history.RunBegin{
		Format: 1, TimeMode: "real", Seed: 42, Section: "I", Editions: []string{"kz-431-2014"}, Protocol: "2.0.4",
		Device:  "serial:///dev/ttyUSB0?protocol=shtrih-m",
		Profile: history.Facts{Model: "Example-1F KZ", Serial: "KZ0001234", Registration: "010100012345"},
	}
}

func finding(e regulation.Edition, section, number string, result check.Result, parts ...check.Judgement) check.Finding {
	s, _ := e.Section(section)
	r, ok := s.Row(number)
	if !ok {
		panic("no row " + number)
	}
	return check.Finding{Edition: e.ID, Section: section, Row: number, RowDigest: r.Digest, Check: r.Check, Result: result, Parts: parts}
}

// sample is a finished run with every result in it.
func sample(t testing.TB) reports.Run {
	e := edition()
	span := func(lo, hi, limit time.Duration) check.Measured {
		return check.Measured{Name: "receipt time", Span: check.Span{Lo: lo, Hi: hi}, Limit: limit, Bounds: "host line"}
	}
	return reports.Run{
		Facts: facts(), Edition: e, Section: "I", View: record(t, "finished"),
		Findings: []check.Finding{
			// Out of order on purpose: documents follow the form.
			finding(e, "I", "27.6", check.Fail,
				check.Failed(check.Violation{Want: "a refusal after 72h", Got: "a sale at 72h01m00s " + hostile, Bytes: []byte{4, 0, 0x8d, 0}, Hint: "counted from the oldest unsent receipt (history 5)"}, 9, 3).
					Measuring(span(72*time.Hour+time.Minute-400*ms, 72*time.Hour+time.Minute+400*ms, 72*time.Hour)).
					With(check.Reading{ID: "oldest-receipt", Text: "last is read as oldest"}),
				check.Passed(check.Measured{}, 8)),
			finding(e, "I", "23", check.Pass, check.Passed(span(6*sec, 6100*ms, 7*sec), 3, 7), check.Passed(span(6900*ms, 6901*ms, 7*sec), 8)),
			finding(e, "I", "27", check.Fail),
			finding(e, "I", "27.7", check.NotApplicable, check.DoesNotApply("the device has no such function")),
			finding(e, "I", "32", check.NotChecked),
			finding(e, "I", "34", check.Unknown, check.Undecided("no answer came; the link was down", check.Reading{ID: "oldest-receipt", Text: "last is read as oldest"}).Citing(11, 10)),
			finding(e, "I", "35", check.Error, check.BenchFault(fmt.Errorf("the capture has a gap"), 12)),
		},
		Digests:    reports.Digests{Record: strings.Repeat("12", 32), Capture: strings.Repeat("34", 32)},
		Bench:      reports.Bench{Version: "v0.1.0", Commit: "0123abc", Build: strings.Repeat("56", 32), Host: "bench-1", Clock: "NTP, offset 3 ms"},
		Lab:        reports.Lab{Operator: "Ә. Ғабитқызы"},
		Submission: papers(t),
	}
}

func papers(t testing.TB) *submission.Submission {
	t.Helper()
	s, err := submission.Parse("submission.yaml", []byte(`
model: Example-1F KZ
documents:
  - id: manual
    title: {kk: Пайдалану нұсқаулығы, ru: Руководство по эксплуатации, en: User manual}
rows:
  - {row: 23, document: manual, page: 12-14, clause: 4.3.2}
  - {row: 27.6, document: manual, page: 15, clause: "4.4"}
`))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
