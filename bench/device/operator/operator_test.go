package operator

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// person answers cards from a table and remembers what was asked. Each answer
// takes a minute.
type person struct {
	loop    *clock.Virtual
	answers map[string]Reply
	asked   []Card
	err     error
}

func (p *person) Ask(ctx context.Context, c Card) (Reply, error) {
	p.asked = append(p.asked, c)
	if _, err := p.loop.Wait(ctx, p.loop.Now().Add(time.Minute), nil); err != nil {
		return Reply{}, err
	}
	r := p.answers[c.ID]
	if r.Person == "" {
		r.Person = "Иманова А."
	}
	return r, p.err
}

func desk(t *testing.T, answers map[string]Reply, o Options) (*Driver, *person, *history.Log) {
	t.Helper()
	loop := clock.NewVirtual(epoch, nil)
	log := history.NewMemory(loop)
	p := &person{loop: loop, answers: answers}
	d, err := Open(loop, log, p, o)
	if err != nil {
		t.Fatal(err)
	}
	return d, p, log
}

func kindsOf(l *history.Log) []string {
	var out []string
	for e := range l.View().Events() {
		out = append(out, string(e.Source)+" "+e.Body.Kind())
	}
	return out
}

func op(id fiscal.OpID, k fiscal.OpKind) fiscal.Op {
	o := fiscal.Op{ID: id, Kind: k}
	if k == fiscal.OpReceipt {
		o.Receipt = &fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{{Kind: fiscal.Goods, Name: "Нан", Qty: 1000, Price: 25050}}, Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 30000}}}
	}
	return o
}

// An operation is an Intent, a card, an answer and a Result; without marks no
// moment of entry is told, with them the reaction is the uncertainty.
func TestOperation(t *testing.T) {
	ctx := t.Context()
	at := clock.Instant{Mono: 30 * time.Second, Wall: epoch.Add(30 * time.Second)}
	d, p, log := desk(t, map[string]Reply{
		"a/1/1": {Got: "done", Doc: 7, Sign: "42", Printed: []string{"Чек 7", "ИТОГО"}, Read: true},
		"a/1/2": {Got: "done", Keyed: at.Add(time.Minute), Stood: at.Add(time.Minute + 4*time.Second), Read: true},
		"a/1/3": {Got: "refused", Words: "СМЕНА > 24 Ч", Code: 78, Shown: []string{"СМЕНА > 24 Ч"}},
	}, Options{})
	out, err := d.Do(ctx, op("a/1/1", fiscal.OpReceipt))
	if want := (fiscal.Outcome{Got: fiscal.Done, Doc: 7, Sign: "42"}); err != nil || out != want {
		t.Fatalf("%+v, %v", out, err)
	}
	want := []string{"driver intent", "operator prompt", "operator answer", "driver result"}
	if got := kindsOf(log); !slices.Equal(got, want) {
		t.Fatalf("record %q, want %q", got, want)
	}
	v := log.View()
	prompt, _ := v.Get(2)
	answer, _ := v.Get(3)
	result, _ := v.Get(4)
	a := answer.Body.(history.Answer)
	if !slices.Equal(prompt.Causes, []history.Seq{1}) || !slices.Equal(answer.Causes, []history.Seq{2}) || a.Person != "Иманова А." || a.ID != "a/1/1" || !strings.Contains(a.Text, "printed: 2 lines") {
		t.Errorf("prompt %+v, answer %+v", prompt, answer)
	}
	r := result.Body.(history.Result)
	if r.Entered != (clock.Instant{}) || r.Done.Mono != time.Minute || r.Blur != 0 {
		t.Errorf("without marks: %+v", r)
	}
	if lines, origin, err := d.Printed(ctx); err != nil || origin != "operator" || !slices.Equal(lines, []string{"Чек 7", "ИТОГО"}) {
		t.Errorf("printed %q from %q, %v", lines, origin, err)
	}

	if _, err := d.Do(ctx, op("a/1/2", fiscal.OpReceipt)); err != nil {
		t.Fatal(err)
	}
	last, _ := log.View().Get(history.Seq(log.View().Len()))
	r = last.Body.(history.Result)
	if r.Done.Mono-r.Entered.Mono != 4*time.Second || r.Blur != reaction || !strings.Contains(r.Sources, "reaction") {
		t.Errorf("with marks: %+v", r)
	}
	if lines, _, err := d.Printed(ctx); err != nil || len(lines) != 0 {
		t.Errorf("nothing came out, and %q, %v is told", lines, err)
	}

	out, err = d.Do(ctx, op("a/1/3", fiscal.OpReceipt))
	if err != nil || out.Got != fiscal.Refused || out.Code != 78 || out.Text != "СМЕНА > 24 Ч" {
		t.Errorf("refused: %+v, %v", out, err)
	}
	if _, _, err := d.Printed(ctx); !errors.Is(err, device.ErrNotAble) {
		t.Errorf("paper that nobody read: %v", err)
	}
	n := len(p.asked)
	if lines, origin, err := d.Shown(ctx); err != nil || origin != "operator" || !slices.Equal(lines, []string{"СМЕНА > 24 Ч"}) || len(p.asked) != n {
		t.Errorf("shown %q, %v, %d cards", lines, err, len(p.asked)-n)
	}
}

// The state is asked for where it is open, and is recorded only when it was asked for.
func TestState(t *testing.T) {
	ctx := t.Context()
	two := 2
	for _, c := range []struct {
		name  string
		did   fiscal.OpKind
		reply Reply
		asks  bool
		open  bool
	}{
		{"sold", fiscal.OpReceipt, Reply{Got: "done"}, false, true},
		{"closed", fiscal.OpZReport, Reply{Got: "done"}, false, false},
		{"a sale that may have happened", fiscal.OpReceipt, Reply{Got: "unknown", Words: "the display went dark"}, true, false},
		{"a Z report that was refused", fiscal.OpZReport, Reply{Got: "refused", Words: "НЕТ БУМАГИ"}, true, false},
		{"a sale that was refused", fiscal.OpReceipt, Reply{Got: "refused", Words: "НЕТ БУМАГИ"}, false, true},
		{"an X report that may have been printed", fiscal.OpXReport, Reply{Got: "unknown", Words: "?"}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, p, log := desk(t, map[string]Reply{"state/1": {Shift: "open", Unsent: &two}, "state/2": {Shift: "closed"}, "a/1/1": c.reply}, Options{})
			s, err := d.State(ctx)
			if err != nil || !s.ShiftOpen || s.Unsent == nil || *s.Unsent != 2 {
				t.Fatalf("first state %+v, %v", s, err)
			}
			if again, err := d.State(ctx); err != nil || !again.ShiftOpen || again.Unsent != nil {
				t.Errorf("a state that follows: %+v, %v", again, err)
			}
			if _, err := d.Do(ctx, op("a/1/1", c.did)); err != nil {
				t.Fatal(err)
			}
			n := len(p.asked)
			s, err = d.State(ctx)
			if err != nil || s.ShiftOpen != c.open || (len(p.asked) > n) != c.asks {
				t.Errorf("state %+v, %v, asked %v, want open %v, asked %v", s, err, len(p.asked) > n, c.open, c.asks)
			}
			recorded := 0
			for e := range log.View().Events() {
				if e.Body.Kind() == "state" {
					recorded++
				}
			}
			want := 1
			if c.asks {
				want = 2
			}
			if recorded != want {
				t.Errorf("%d states stand in the record, %d were asked for", recorded, want)
			}
		})
	}
}

// A desk that cannot be reached is the bench's error, and the operation is unknown.
func TestNobodyThere(t *testing.T) {
	d, p, log := desk(t, nil, Options{})
	p.err = errors.New("the terminal is closed")
	out, err := d.Do(t.Context(), op("a/1/1", fiscal.OpReceipt))
	if err == nil || out.Got != fiscal.Unknown || !strings.Contains(err.Error(), "a/1/1") {
		t.Errorf("%+v, %v", out, err)
	}
	if got := kindsOf(log); got[len(got)-1] != "driver result" {
		t.Errorf("record %q", got)
	}
	p.err = nil // an answer that does not fit is no answer either
	if out, err := d.Do(t.Context(), op("a/1/2", fiscal.OpReceipt)); err == nil || out.Got != fiscal.Unknown {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestSettingsAndHands(t *testing.T) {
	ctx := t.Context()
	d, p, log := desk(t, map[string]Reply{
		"identity/1": {Display: no, Model: "M", Serial: "S"}, "setting/ofd-host/1": {Value: " ofd.test "}, "setting/ofd-port/1": {Got: "unsupported"},
		"power/1": {Got: "done"}, "paper/1": {Got: "unsupported", Words: "glued"}, "display/1": {Shown: []string{}},
	}, Options{})
	if _, ok := device.Able[device.Display](d); ok {
		t.Error("a display is claimed before anybody was asked")
	}
	if id, err := d.Identity(ctx); err != nil || id.Model != "M" || id.Serial != "S" {
		t.Errorf("%+v, %v", id, err)
	}
	if _, err := d.Identity(ctx); err != nil || len(p.asked) != 1 {
		t.Errorf("asked %d times, %v", len(p.asked), err)
	}
	if _, ok := device.Able[device.Display](d); ok {
		t.Error("a display is claimed although there is none")
	}
	if v, err := d.Setting(ctx, fiscal.SetOFDHost); err != nil || v != "ofd.test" {
		t.Errorf("%q, %v", v, err)
	}
	for range 2 { // the second time nobody is asked
		if _, err := d.Setting(ctx, fiscal.SetOFDPort); !errors.Is(err, device.ErrNotAble) {
			t.Errorf("%v", err)
		}
	}
	if len(p.asked) != 3 {
		t.Errorf("%d cards, want 3", len(p.asked))
	}
	if err := d.Power(ctx, false); err != nil {
		t.Error(err)
	}
	if err := d.Paper(ctx, false); !errors.Is(err, device.ErrNotAble) || !strings.Contains(err.Error(), "glued") {
		t.Errorf("%v", err)
	}
	if lines, _, err := d.Shown(ctx); err != nil || lines == nil || len(lines) != 0 {
		t.Errorf("%q, %v", lines, err)
	}
	var switched []string
	for e := range log.View().Events() {
		if s, ok := e.Body.(history.Switched); ok {
			switched = append(switched, s.What+" "+s.To)
		}
	}
	if !slices.Equal(switched, []string{"power off"}) {
		t.Errorf("switched %q", switched)
	}
}

// A person who keys a receipt in cannot take the paper away meanwhile.
func TestNoThirdHand(t *testing.T) {
	d, p, log := desk(t, map[string]Reply{"a/1/1": {Got: "done"}, "paper/1": {Got: "done"}}, Options{})
	var err error
	p.loop.AfterFunc(time.Second, func() { err = d.Paper(context.Background(), false) })
	if _, err := d.Do(t.Context(), op("a/1/1", fiscal.OpReceipt)); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, device.ErrNotAble) || !strings.Contains(err.Error(), "in the middle") {
		t.Errorf("%v", err)
	}
	for e := range log.View().Events() {
		if e.Body.Kind() == "switched" {
			t.Error("the paper counts as taken away")
		}
	}
	if err := d.Paper(t.Context(), false); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// reader proposes fixed lines.
type reader struct {
	lines []string
	read  []string
}

func (r *reader) Read(_ context.Context, f string) ([]string, error) {
	r.read = append(r.read, filepath.Base(f))
	return r.lines, nil
}

// What an optical reader finds counts only when a person has said yes, or has put it right.
func TestProposal(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	photo, notes := filepath.Join(dir, "чек.JPG"), filepath.Join(dir, "notes.txt")
	for _, f := range []string{photo, notes} {
		if err := os.WriteFile(f, []byte("bytes of "+f[len(dir):]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		confirm Reply
		want    []string // nil: not read
	}{
		{"confirmed", Reply{Confirmed: yes}, []string{"ИТ0ГО 250"}},
		{"put right", Reply{Confirmed: no, Printed: []string{"ИТОГО 250"}, Read: true}, []string{"ИТОГО 250"}},
		{"refused", Reply{Confirmed: no}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			rd := &reader{lines: []string{"ИТ0ГО 250"}}
			keep := filepath.Join(t.TempDir(), "kept")
			d, p, log := desk(t, map[string]Reply{"a/1/1": {Got: "done", Files: []string{photo, notes}}, "a/1/1/paper": c.confirm}, Options{Reader: rd, Attach: keep})
			if _, err := d.Do(ctx, op("a/1/1", fiscal.OpReceipt)); err != nil {
				t.Fatal(err)
			}
			lines, _, err := d.Printed(ctx)
			if c.want == nil && !errors.Is(err, device.ErrNotAble) || c.want != nil && (err != nil || !slices.Equal(lines, c.want)) {
				t.Errorf("%q, %v, want %q", lines, err, c.want)
			}
			if !slices.Equal(rd.read, []string{"чек.JPG"}) {
				t.Errorf("read %q", rd.read)
			}
			if text := p.asked[1].Text(); p.asked[1].Kind != AskConfirm || !strings.Contains(text, "ИТ0ГО 250") {
				t.Errorf("card %q", text)
			}
			e, _ := log.View().Get(3)
			files := e.Body.(history.Answer).Files
			// sha256 of "bytes of /notes.txt"
			if len(files) != 2 || !regexp.MustCompile(`^sha256:[0-9a-f]{64} чек\.JPG$`).MatchString(files[0]) {
				t.Fatalf("files %q", files)
			}
			kept, err := os.ReadFile(filepath.Join(keep, strings.TrimPrefix(strings.Fields(files[0])[0], "sha256:")+".jpg"))
			if err != nil || string(kept) != "bytes of /чек.JPG" {
				t.Errorf("kept %q, %v", kept, err)
			}
		})
	}
	t.Run("typed lines need no reader", func(t *testing.T) {
		rd := &reader{lines: []string{"x"}}
		d, _, _ := desk(t, map[string]Reply{"a/1/1": {Got: "done", Files: []string{photo}, Printed: []string{"y"}, Read: true}}, Options{Reader: rd})
		if _, err := d.Do(ctx, op("a/1/1", fiscal.OpReceipt)); err != nil || rd.read != nil {
			t.Errorf("%v, read %q", err, rd.read)
		}
	})
}

func TestFits(t *testing.T) {
	minus, at := -1, clock.Instant{Mono: time.Second, Wall: epoch}
	who := "A"
	for _, c := range []struct {
		name string
		kind Kind
		r    Reply
		err  string
	}{
		{"nobody", AskOp, Reply{Got: "done"}, "person"},
		{"done", AskOp, Reply{Person: who, Got: "done"}, ""},
		{"no word", AskOp, Reply{Person: who}, "want done, refused, unsupported, unknown"},
		{"other word", AskOp, Reply{Person: who, Got: "ok"}, `got "ok"`},
		{"refused without a reason", AskOp, Reply{Person: who, Got: "refused"}, "words"},
		{"refused, the display says why", AskOp, Reply{Person: who, Got: "refused", Shown: []string{"x"}}, ""},
		{"one mark", AskOp, Reply{Person: who, Got: "done", Keyed: at}, "both moments"},
		{"marks in the wrong order", AskOp, Reply{Person: who, Got: "done", Keyed: at.Add(time.Second), Stood: at}, "last key before"},
		{"display maybe", AskIdentity, Reply{Person: who, Display: "maybe"}, `display "maybe": want yes, no`},
		{"shift", AskState, Reply{Person: who, Shift: "closed"}, ""},
		{"half open", AskState, Reply{Person: who, Shift: "half"}, "want open, closed, too-long"},
		{"less than none", AskState, Reply{Person: who, Shift: "open", Unsent: &minus}, "0 or more"},
		{"display not read", AskDisplay, Reply{Person: who}, "empty list"},
		{"display empty", AskDisplay, Reply{Person: who, Shown: []string{}}, ""},
		{"no value", AskSetting, Reply{Person: who}, "got: unsupported"},
		{"value and word", AskSetting, Reply{Person: who, Value: "1", Got: "done"}, "got: unsupported"},
		{"not shown", AskSetting, Reply{Person: who, Got: "unsupported"}, ""},
		{"hands", AskPower, Reply{Person: who, Got: "refused"}, "want done, unsupported"},
		{"yes and lines", AskConfirm, Reply{Person: who, Confirmed: yes, Read: true}, "one of both"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Card{Kind: c.kind}.Fits(c.r)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("%v, want %q", err, c.err)
			}
		})
	}
}

// Every phrase is there in every language and takes the same things.
func TestPhrases(t *testing.T) {
	verb := regexp.MustCompile(`%[a-z%]`)
	for key, p := range phrases {
		for i, s := range p {
			if strings.TrimSpace(s) == "" {
				t.Errorf("%s: nothing in %s", key, Languages[i])
			}
			if !slices.Equal(verb.FindAllString(s, -1), verb.FindAllString(p[2], -1)) {
				t.Errorf("%s: %q takes other things than %q", key, s, p[2])
			}
		}
	}
	for _, n := range formLines {
		if phrases["form."+n] == [3]string{} {
			t.Errorf("form line %s has no name", n)
		}
	}
	own, seen := "әғқңөұүі", map[rune]bool{}
	for _, p := range phrases {
		for _, r := range strings.ToLower(p[0]) {
			seen[r] = true
		}
	}
	for _, r := range own {
		if !seen[r] {
			t.Errorf("no Kazakh phrase has %c", r)
		}
	}
}

// Cards of all operations say everything that has to be keyed in.
func TestCards(t *testing.T) {
	vat := fiscal.MilliPercent(16000)
	parent := &fiscal.Parent{Sign: "424242", At: epoch, KKM: "010100123456", Total: 25050, Offline: true}
	r := &fiscal.Receipt{Kind: fiscal.SaleReturn, Parent: parent, Discount: 500, Customer: "850101300123", Lines: []fiscal.Line{
		{Kind: fiscal.Goods, Name: "Шай үнді", Code: 101, Section: 2, Qty: 1234, Price: 45075, VAT: &vat},
		{Kind: fiscal.GoodsStorno, Name: "Сүт", Qty: 1000, Price: 100}, {Kind: fiscal.Discount, Name: "Жеңілдік", Sum: 150},
		{Kind: fiscal.DiscountStorno, Name: "Ж", Sum: 20}, {Kind: fiscal.Markup, Name: "Ү", Sum: 30}, {Kind: fiscal.MarkupStorno, Name: "Ү", Sum: 40}},
		Payments: []fiscal.Payment{{Kind: fiscal.Card, Sum: 10000}, {Kind: fiscal.Mobile, Sum: 5000}, {Kind: fiscal.Cash, Sum: 60000}}}
	text := Card{Kind: AskOp, Language: English, Op: &fiscal.Op{Kind: fiscal.OpReceipt, Receipt: r, As: fiscal.Role{Cashier: 2}}, Names: []string{"A", "Жүнісова Г."}}.Text()
	for _, want := range []string{"Take a sale back", "cashier 2 (Жүнісова Г.)", "424242", "05.01.2026 09:00:00", "made offline", "010100123456", "Шай үнді", "1.234", "450.75", "556.23",
		"section 2", "code 101", "VAT 16 %", "no VAT", "Storno: Сүт", "5.00", "850101300123", "100.00", "50.00", "600.00", r.Total().String(), r.Change().String()} {
		if !strings.Contains(text, want) {
			t.Errorf("the card does not say %q:\n%s", want, text)
		}
	}
	for _, l := range Languages {
		for _, k := range []fiscal.OpKind{fiscal.OpReceipt, fiscal.OpDeposit, fiscal.OpWithdraw, fiscal.OpXReport, fiscal.OpZReport, fiscal.OpReportCashiers, fiscal.OpReportSections,
			fiscal.OpCopy, fiscal.OpCancel, fiscal.OpTestPrint, fiscal.OpSelfTest, fiscal.OpSetClock, fiscal.OpSetSetting} {
			o := fiscal.Op{Kind: k, Cash: 50000, Clock: epoch, Setting: fiscal.SetCashierPassword, Value: "7777", As: fiscal.Role{Password: "987654"}, Receipt: r}
			text := Card{Kind: AskOp, Language: l, Op: &o}.Text()
			if strings.Contains(text, "%!") || strings.HasPrefix(text, "\n") || !strings.Contains(text, "987654") || strings.Count(text, "\n") < 2 {
				t.Errorf("%s, %s: %q", l, k, text)
			}
		}
		for _, k := range kinds {
			text := Card{Kind: k, Language: l, Op: &fiscal.Op{Kind: fiscal.OpReceipt}, Setting: fiscal.SetOFDHost, Proposal: []string{"x"}}.Text()
			if strings.Contains(text, "%!") || text == string(k) || strings.HasPrefix(text, "\n") {
				t.Errorf("%s, %s: %q", l, k, text)
			}
		}
	}
	if _, err := Open(clock.NewVirtual(epoch, nil), nil, nil, Options{Language: "de"}); err == nil || !strings.Contains(err.Error(), "kk, ru or en") {
		t.Errorf("%v", err)
	}
}

// A program in the place of tesseract is asked as tesseract is.
func TestTesseract(t *testing.T) {
	dir := t.TempDir()
	fake := "#!/bin/sh\nif [ \"$1\" = --list-langs ]; then printf 'List of available languages (3):\\neng\\nkaz\\nrus\\n'; exit 0; fi\n" +
		"printf 'args %s %s %s %s %s\\n\\n  ИТОГО 250\\f\\n' \"$2\" \"$3\" \"$4\" \"$5\" \"$6\"\n[ -f \"$1\" ] || { echo no picture >&2; exit 1; }\n"
	if err := os.WriteFile(filepath.Join(dir, "tesseract"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/bin:/usr/bin")
	r, why := FindTesseract(t.Context())
	if r == nil || !slices.Equal(r.Languages, []string{"kaz", "rus"}) {
		t.Fatalf("%+v, %s", r, why)
	}
	photo := filepath.Join(dir, "-l.png")
	if err := os.WriteFile(photo, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	lines, err := r.Read(t.Context(), photo)
	if want := []string{"args stdout -l kaz+rus --psm 6", "  ИТОГО 250"}; err != nil || !slices.Equal(lines, want) {
		t.Errorf("%q, %v", lines, err)
	}
	if _, err := r.Read(t.Context(), filepath.Join(dir, "absent.png")); err == nil || !strings.Contains(err.Error(), "no picture") {
		t.Errorf("%v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if r, why := FindTesseract(t.Context()); r != nil || !strings.Contains(why, "not installed") {
		t.Errorf("%+v, %q", r, why)
	}
}

// What a reply is written as reads back as the same reply.
func TestWrittenRoundTrip(t *testing.T) {
	n := 0
	at := clock.Instant{Mono: time.Minute, Wall: epoch.Add(time.Minute)}
	now := at.Add(time.Minute)
	for _, r := range []Reply{
		{Person: "A", Display: no, Model: "yes", Serial: "007", Firmware: "1.0"},
		{Person: "A", Shift: "closed", Unsent: &n},
		{Person: "A", Got: "done", Doc: 7, Sign: "042", Printed: []string{"", "  a: b", "- c", "# d", "'e", "null", "1e3", "ә"}, Read: true, Keyed: at, Stood: at.Add(time.Second)},
		{Person: "A", Got: "refused", Words: "no: paper", Code: 78, Shown: []string{}},
		{Person: "A", Got: "done", Printed: []string{}, Read: true},
		{Person: "A", Value: "true"}, {Person: "A", Confirmed: yes},
	} {
		raw, err := yamlOf(r)
		if err != nil {
			t.Fatal(err)
		}
		var w written
		if _, err := parseYAML("a.yaml", raw, &w); err != nil {
			t.Errorf("%s\n%v", raw, err)
			continue
		}
		got, err := w.reply(t.TempDir(), &now)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%+v\nis written as\n%s\nand read as %+v, %v", r, raw, got, err)
		}
	}
}
