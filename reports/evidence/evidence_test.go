package evidence

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/reports/words"
)

func TestVisible(t *testing.T) {
	for _, tt := range []struct{ name, give, line, text string }{
		{"plain", "Фискалды чек № 7, 300 ₸", "Фискалды чек № 7, 300 ₸", "Фискалды чек № 7, 300 ₸"},
		{"escape", "\x1b[2J", `\x1b[2J`, `\x1b[2J`},
		{"title of a terminal", "\x1b]0;x\a", `\x1b]0;x\x07`, `\x1b]0;x\x07`},
		{"one byte escape", "\u009b2J", `\x9b2J`, `\x9b2J`},
		{"line end and tab", "a\nb\tc", `a\nb\tc`, "a\nb\tc"},
		{"carriage return", "a\rb", `a\rb`, `a\rb`},
		{"not UTF-8", "a\xffb", `a\xffb`, `a\xffb`},
		{"direction", "a\u202eb\u2066c", `a\u{202e}b\u{2066}c`, `a\u{202e}b\u{2066}c`},
		{"nothing wide", "a\u200bb\ufeff", `a\u{200b}b\u{feff}`, `a\u{200b}b\u{feff}`},
		{"soft hyphen", "a\u00adb", `a\xadb`, `a\xadb`},
		{"private use", "\ue000", `\u{e000}`, `\u{e000}`},
		{"not for XML", "\uffff", `\u{ffff}`, `\u{ffff}`},
		{"the sign for a wrong byte", "a\ufffdb", "a\ufffdb", "a\ufffdb"},
		{"delete and zero", "\x7f\x00", `\x7f\x00`, `\x7f\x00`},
		{"emoji", "😀", "😀", "😀"},
	} {
		if got := Visible(tt.give); got != tt.line {
			t.Errorf("%s: Visible gives %q, want %q", tt.name, got, tt.line)
		}
		if got := VisibleText(tt.give); got != tt.text {
			t.Errorf("%s: VisibleText gives %q, want %q", tt.name, got, tt.text)
		}
	}
}

func FuzzVisible(f *testing.F) {
	for _, s := range []string{"", "\x1b[0m", "ә\xff\u202e", "\u2028\ue001\U000e0001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{Visible(s), VisibleText(s)} {
			if !utf8.ValidString(got) {
				t.Errorf("%q is not UTF-8", got)
			}
			for _, r := range got {
				if !shown(r, true) {
					t.Errorf("%U came through in %q", r, got)
				}
			}
		}
		if once := Visible(s); Visible(once) != once {
			t.Errorf("a visible text changes when it is made visible: %q", once)
		}
		if strings.ContainsAny(Visible(s), "\n\t") {
			t.Error("one line became several")
		}
	})
}

func vector(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "fixtures", "vectors", "cpcr", name))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestOf(t *testing.T) {
	at := clock.Instant{Mono: 1500 * time.Millisecond, Wall: time.Date(2026, 1, 5, 9, 0, 1, 500_000_000, time.UTC)}
	offline, unsent := true, 3
	vat := fiscal.MilliPercent(16000)
	bodies := []struct {
		body history.Body
		head string   // must be in the line
		text []string // must be in the blocks
	}{
		{history.RunBegin{TimeMode: "simulated", Seed: 7, Section: "I", Editions: []string{"kz-431-2014"}, Device: "emulated:", Protocol: "2.0.4"}, "section I of kz-431-2014, device emulated:, CPCR 2.0.4, simulated time, seed 7", nil},
		{history.StepBegin{Scenario: "offline/cutoff", Step: 2, Name: "sell"}, "offline/cutoff step 2: sell", nil},
		{history.StepEnd{Scenario: "offline/cutoff", Step: 2, Outcome: "precondition", Text: "no paper"}, "step 2: precondition; no paper", nil},
		{history.Intent{Op: fiscal.Op{ID: "a/1", Kind: fiscal.OpReceipt, Receipt: &fiscal.Receipt{Kind: fiscal.Sale,
			Lines:    []fiscal.Line{{Kind: fiscal.Goods, Name: "нан", Qty: 1500, Price: 20000, VAT: &vat}, {Kind: fiscal.Discount, Name: "жеңілдік", Sum: 500}},
			Payments: []fiscal.Payment{{Kind: fiscal.Card, Sum: 29500}}}, As: fiscal.Role{Cashier: 2}}},
			`a/1: receipt sale, total 295.00: goods "нан" 200.00 × 1.500 = 300.00 VAT 16 %; discount "жеңілдік" = 5.00; card 295.00, as cashier 2`, nil},
		{history.Intent{Op: fiscal.Op{ID: "a/2", Kind: fiscal.OpDeposit, Cash: 100000, As: fiscal.Role{Password: "0000"}}}, "deposit 1000.00, with a password of its own", nil},
		{history.Intent{Op: fiscal.Op{ID: "a/3", Kind: fiscal.OpSetClock, Clock: at.Wall, As: fiscal.Role{Admin: true}}}, "set-clock 2026-01-05 09:00:01.5, as administrator", nil},
		{history.Intent{Op: fiscal.Op{ID: "a/4", Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: "7777"}}, `set-setting ofd-port = "7777"`, nil},
		{history.Result{Op: "a/1", Outcome: fiscal.Outcome{Got: fiscal.Refused, Code: 0x73, Text: "blocked\x1b"}, Entered: at, Done: at.Add(time.Second), Blur: time.Millisecond}, `a/1: refused with code 115 in 1s ± 1ms, "blocked\x1b"`, nil},
		{history.Result{Op: "a/1", Outcome: fiscal.Outcome{}}, "no answer that could be read", nil},
		{history.HostBytes{Dir: history.ToDevice, Data: []byte("\x02\x05KKM"), Note: "state"}, "to-device; state", []string{"02 05 4b 4b 4d", "..KKM"}},
		{history.State{ShiftOpen: true, Shift: 4, Offline: &offline, Unsent: &unsent, Blocked: true, Clock: at.Wall}, "shift open 4, offline, 3 unsent, blocked, clock 2026-01-05 09:00:01.5", nil},
		{history.State{}, "shift closed", nil},
		{history.Setting{Name: fiscal.SetOFDHost, Value: "10.0.0.1"}, `ofd-host = "10.0.0.1"`, nil},
		{history.Printed{Op: "a/1", Lines: []string{"Фискалды чек", "\x1b@жалпы 300"}, Origin: "host"}, "2 lines, read from host; a/1", []string{"Фискалды чек\n", `\x1b@жалпы 300`}},
		{history.Shown{Origin: "tap"}, "0 lines, read from tap", []string{"(nothing)"}},
		{history.Conn{ID: 3, State: "reset", Peer: "10.0.0.2:5", Reason: "cut"}, "connection 3 reset; 10.0.0.2:5; cut", nil},
		{history.Frame{Conn: 1, Dir: history.FromDevice, Bytes: vector(t, "07-req-sale-cash.hex")}, "from-device, connection 1,", []string{"ticket {", "operation:", "a2 81"}},
		{history.Frame{Conn: 1, Dir: history.ToDevice, Bytes: vector(t, "08-resp-sale-cash.hex"), Lost: true}, "the answer was lost on purpose", []string{"result", "a2 81"}},
		{history.Frame{Conn: 1, Dir: history.FromDevice, Bytes: []byte("GET"), Error: "ERR_HEADER_SHORT"}, "ERR_HEADER_SHORT", []string{"47 45 54"}},
		{history.Frame{Conn: 1, Dir: history.FromDevice}, "0 bytes", []string{"(no bytes)"}},
		{history.Booked{Device: 5, Command: "TICKET", What: "refused", Code: 3, Sign: "77"}, "TICKET of device 5: refused, code 3, fiscal sign 77", nil},
		{history.Observation{Field: "ticket.total", Value: "x", Rule: "cpcr.md 5"}, `ticket.total = "x" against cpcr.md 5`, nil},
		{history.Scripted{ID: "s", Action: "silence"}, "s; silence", nil},
		{history.OFDSet{ID: "s", Action: "silence"}, "s; silence", nil},
		{history.OFDCleared{ID: "s", Fired: 4}, "s: acted 4 times", nil},
		{history.FaultSet{ID: "f", Fault: "cut eth"}, "f; cut eth", nil},
		{history.FaultCleared{ID: "f", Struck: 9}, "f: struck 9 packets", nil},
		{history.Struck{ID: "f", Packet: 12, Note: "drop"}, "f: packet 12 of capture.pcapng; drop", nil},
		{history.ClockSet{What: "device", To: at.Wall}, "device to 2026-01-05 09:00:01.5", nil},
		{history.ClockSet{What: "bench", From: at.Wall, To: at.Wall}, "bench from 2026-01-05 09:00:01.5 to", nil},
		{history.Passed{For: 72 * time.Hour, Why: "limit"}, "72h0m0s; limit", nil},
		{history.Switched{What: "paper", To: "out"}, "paper: out", nil},
		{history.Prompt{ID: "p", Text: "look"}, "p; look", nil},
		{history.Answer{ID: "p", Text: "yes", Person: "Ә. Ғ.", Files: []string{"ab"}}, `p; "yes"; Ә. Ғ.; ab`, nil},
		{history.Submitted{Digest: "ab12", Rows: 3}, "3 references, SHA-256 ab12", nil},
		{history.Reference{Edition: "kz-431-2014", Section: "I", Row: "31", Document: "manual", Page: "4", Clause: "2.1", Digest: "cd34"}, "row I 31 of kz-431-2014: manual, page 4, clause 2.1; SHA-256 cd34", nil},
		{history.Reference{Edition: "e", Section: "I", Row: "31", Document: "m", Page: "4", Clause: "2"}, "row I 31 of e: m, page 4, clause 2; no file", nil},
		{history.Identity{Type: "KKM", Model: "M", Firmware: "1"}, "type KKM, model M, firmware 1", nil},
		{history.BenchFault{Where: "net", Text: "gap"}, "net; gap", nil},
		{history.RunEnd{Reason: "finished"}, "finished", nil},
	}
	kinds := map[string]bool{}
	for _, tt := range bodies {
		kinds[tt.body.Kind()] = true
		e := Of(history.Event{Seq: 9, At: at, Source: history.OFD, Link: "eth", Causes: []history.Seq{4}, Body: tt.body})
		if !strings.Contains(e.Head, tt.head) {
			t.Errorf("%s: got %q, want %q", tt.body.Kind(), e.Head, tt.head)
		}
		all := ""
		for _, b := range e.Blocks {
			all += b.Text
		}
		for _, want := range tt.text {
			if !strings.Contains(all, want) {
				t.Errorf("%s: blocks lack %q:\n%s", tt.body.Kind(), want, all)
			}
		}
		if strings.ContainsAny(e.Head+all, "\x1b\a") {
			t.Errorf("%s: a control code came through", tt.body.Kind())
		}
		if e.Wall != "2026-01-05 09:00:01.5" || e.Mono != "1.5s" || e.Seq != 9 || e.Link != "eth" || !reflect.DeepEqual(e.Causes, []history.Seq{4}) {
			t.Errorf("%s: frame of the event: %+v", tt.body.Kind(), e)
		}
	}
	// Every kind that has a name in the table is told here, and the other way round.
	for _, k := range words.Keys("kind.") {
		if !kinds[strings.TrimPrefix(k, "kind.")] {
			t.Errorf("%s has a name and no test", k)
		}
		delete(kinds, strings.TrimPrefix(k, "kind."))
	}
	for k := range kinds {
		t.Errorf("%s has no name in the table of words", k)
	}
}

type later struct{ Thing string }

func (later) Kind() string { return "later" }

func TestUnknownKindIsShownRaw(t *testing.T) {
	if e := Of(history.Event{Body: later{"seen"}}); !strings.Contains(e.Head, "seen") || e.Kind != "later" {
		t.Errorf("got %+v", e)
	}
}

func TestLongPiecesAreCut(t *testing.T) {
	dump := Of(history.Event{Body: history.HostBytes{Data: make([]byte, 100_000)}}).Blocks[0].Text
	if len(dump) > 20_000 || !strings.Contains(dump, "more of 100000 bytes") {
		t.Errorf("%d characters of dump", len(dump))
	}
	paper := Of(history.Event{Body: history.Printed{Lines: make([]string, 5000)}}).Blocks[0].Text
	if !strings.Contains(paper, "… 4840 more lines") {
		t.Errorf("paper: %.200q", paper)
	}
	if h := Of(history.Event{Body: history.BenchFault{Text: strings.Repeat("ә", 5000)}}).Head; !strings.Contains(h, "4400 more characters") {
		t.Errorf("head of %d bytes", len(h))
	}
}

// Amounts and times of a message are written as people read them; no field is lost.
func TestMessageTree(t *testing.T) {
	e := Of(history.Event{Body: history.Frame{Dir: history.FromDevice, Bytes: vector(t, "13-req-sale-modifiers.hex")}})
	if len(e.Blocks) != 2 || e.Blocks[0].Name != Message || e.Blocks[1].Name != Bytes {
		t.Fatalf("blocks %+v", e.Blocks)
	}
	text := e.Blocks[0].Text
	for _, want := range []string{"COMMAND_TICKET", "items {", "date_time: 20", "sum: 2500.00"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add(vector(f, "07-req-sale-cash.hex"), true)
	f.Add(vector(f, "08-resp-sale-cash.hex"), false)
	f.Add([]byte{0xa2, 0x81}, true)
	f.Fuzz(func(t *testing.T, raw []byte, from bool) {
		dir := history.ToDevice
		if from {
			dir = history.FromDevice
		}
		e := Of(history.Event{Body: history.Frame{Dir: dir, Bytes: raw}})
		if e.Head == "" || len(e.Blocks) == 0 {
			t.Error("a frame that cannot be seen")
		}
		for _, b := range e.Blocks {
			if !utf8.ValidString(b.Text) || strings.ContainsRune(b.Text, 0x1b) || len(b.Text) > 1<<20 {
				t.Errorf("block %s of %d bytes", b.Name, len(b.Text))
			}
		}
	})
}
