package script

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

func every(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/every.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func load(t testing.TB) *Script {
	t.Helper()
	s, err := Load("every.yaml", every(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The file with every key says what it says.
func TestRules(t *testing.T) {
	u16 := func(n uint16) *uint16 { return &n }
	u32 := func(n uint32) *uint32 { return &n }
	str := func(s string) *string { return &s }
	skew, no := -90*time.Minute, false
	want := []ofd.Rule{
		{Device: 100500, Commands: []canon.CommandTypeEnum{1, 6}, After: 10 * time.Second, For: 5 * time.Minute, First: 3, Times: 2, PerMille: 250,
			Action: ofd.Action{Hold: time.Second, Delay: 6 * time.Second, Pieces: 7, Gap: 20 * time.Millisecond, Notice: "Назар аударыңыз", NoQR: true, ReportOff: -150}},
		{Connect: true, Action: ofd.Action{Hold: 3 * time.Second}},
		{Connect: true, After: time.Minute, For: 30 * time.Second, Action: ofd.Action{Refuse: true}},
		{Alone: true, After: 2 * time.Hour, Action: ofd.Action{Acts: &ofd.Acts{
			Block: str("Тоқтатылды"), Standing: &ofd.Standing{Deregistered: true},
			Tell:     []ofd.Ad{{Type: canon.TicketAdTypeEnum_TICKET_AD_OFD, Text: "Ақпарат"}, {Type: canon.TicketAdTypeEnum_TICKET_AD_INFO}},
			NewToken: u32(4000000001), Skew: &skew, Busy: str("Үзіліс"), Versions: []cpcr.Version{cpcr.V204}, AnswerOld: &no,
		}}},
		{Alone: true, After: 3 * time.Hour, Action: ofd.Action{Acts: &ofd.Acts{Unblock: true}}},
		{Commands: []canon.CommandTypeEnum{0}, Action: ofd.Action{Result: &ofd.Result{Code: 255, Text: "Қате"}}},
		{Action: ofd.Action{Silent: true, Mute: true}},
		{Action: ofd.Action{LoseAnswer: true, End: ofd.Reset}},
		{Action: ofd.Action{AppCode: u16(0x1234), Version: u16(203), Size: u32(7), ID: u32(9), Token: u32(4000000001), ReqNum: u16(9), Payload: []byte{8, 1, 255}, Cut: 20, Twice: true}},
		{Action: ofd.Action{OldToken: true}},
	}
	s := load(t)
	if len(s.Rules) != len(want) {
		t.Fatalf("%d rules", len(s.Rules))
	}
	for i, w := range want {
		if got := s.Rules[i].Rule; !reflect.DeepEqual(got, w) {
			t.Errorf("%s:\n%+v\nwant\n%+v", s.Rules[i].Name, got, w)
		}
	}
	if s.Rules[3].At != "every.yaml:78:5" || s.Rules[3].Name != "at the end" {
		t.Errorf("%q stands at %s", s.Rules[3].Name, s.Rules[3].At)
	}
}

// Everything that a rule, an action and an act can be is in that file: what the
// server learns to do, a script must be able to ask for.
func TestEverythingCanBeScripted(t *testing.T) {
	s := load(t)
	used := map[string]bool{}
	note := func(v reflect.Value) {
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				used[v.Type().Name()+"."+v.Type().Field(i).Name] = true
			}
		}
	}
	for _, r := range s.Rules {
		note(reflect.ValueOf(r.Rule))
		note(reflect.ValueOf(r.Rule.Action))
		if a := r.Rule.Action.Acts; a != nil {
			note(reflect.ValueOf(*a))
		}
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[ofd.Rule](), reflect.TypeFor[ofd.Action](), reflect.TypeFor[ofd.Acts]()} {
		for i := range typ.NumField() {
			if n := typ.Name() + "." + typ.Field(i).Name; !used[n] {
				t.Errorf("no script can set %s", n)
			}
		}
	}
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[Standing]() || typ == reflect.TypeFor[Time]() {
			return
		}
		for i, n := range names(typ) {
			if !bytes.Contains(every(t), []byte(n+":")) {
				t.Errorf("every.yaml has no key %s of %s", n, typ.Name())
			}
			walk(typ.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[file]())
}

// Every choice of a server can be written; what is none is named here.
func TestEveryChoiceCanBeWritten(t *testing.T) {
	notChoices := []string{"Journal", "Seed", "Store", "Past", "Tokens", "Signs", "Misuse", "Gate", "Failed", "CheckPage", "Cashiers", "Goods", "Payments"}
	o := ofd.Options{}
	load(t).Apply(&o)
	v := reflect.ValueOf(o)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if slices.Contains(notChoices[:10], name) {
			continue
		}
		if v.Field(i).IsZero() {
			t.Errorf("Options.%s is not in every.yaml, or does not arrive", name)
		}
	}
	if o.ShiftLimit != 25*time.Hour || o.Rotate != ofd.RotateTickets || o.SignDigits != 12 || o.QRBase != "http://check.example/t" || !slices.Equal(o.Versions, []cpcr.Version{202, 203, 204}) {
		t.Errorf("%+v", o)
	}
	// A script without choices leaves them alone.
	s, err := Load("x", []byte("rules: []\n"))
	if err != nil {
		t.Fatal(err)
	}
	before := o
	s.Apply(&o)
	if !reflect.DeepEqual(before, o) {
		t.Errorf("%+v", o)
	}
}

func TestCashiersGoodsPayments(t *testing.T) {
	o := ofd.Options{}
	load(t).Apply(&o)
	if c := o.Cashiers[0]; c.Login != "asan" || c.Password != "1234" || c.Code != 7 || c.Name != "Асан Ә." || !slices.Equal(c.Roles, []canon.UserRoleEnum{1, 3}) {
		t.Errorf("%+v", c)
	}
	if !slices.Equal(o.Payments, []ofd.PaymentState{0, 6, 5}) {
		t.Errorf("payments %v", o.Payments)
	}
	got := cpcr.Text(&canon.NomenclatureResponse{Version: &o.Goods.Version, CreatedTime: o.Goods.Created, Elements: o.Goods.Elements})
	for _, want := range []string{
		"version: 3", "created_time: 2026-01-05T09:00:00", "type: GROUP", `title_kk: "Нан өнімдері"`, "parent_group_id: 1", "type: ITEM", `barcode: "4870000000017"`,
		`ntin: "0200000000017"`, `article: "A-1"`, "sell_price: 150.00", "purchase_price: 99.50", "tax_percent: 12500", "tax_type: VAT", "taxation_type: RTS",
		"is_markedeac: true", "is_social: true", `measure_unit_code: "796"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

// Bad input: the place, what stands there, and what would be right.
func TestBadScripts(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "s.yaml: want one document"},
		{"a comment", "# nothing\n", "s.yaml: want one document"},
		{"two documents", "rules: []\n---\nrules: []\n", "want one document"},
		{"no mapping", "- 1\n", "s.yaml:1:1: a list: want the keys choices, cashiers, goods, payments, rules"},
		{"syntax", "rules:\n  - {name: x\n", "s.yaml:2:"},
		{"tab", "rules:\n\t- x\n", "s.yaml:2:1: "},
		{"not UTF-8", "rules: \"\xff\"\n", "not UTF-8"},
		{"unknown key", "rules:\n  - name: a\n    do: {dely: 3s}\n", "s.yaml:3:10: rules[0].do.dely: no such key: want one of hold, delay"},
		{"key twice", "rules: []\nrules: []\n", "s.yaml:2:1: "},
		{"no name", "rules:\n  - do: {silent: true}\n", "s.yaml:2:5: rules[0]: no name"},
		{"name twice", "rules:\n  - {name: a, do: {silent: true}}\n  - {name: a, do: {silent: true}}\n", `s.yaml:3:12: rules[1].name: "a" is also the name of the rule at s.yaml:2:`},
		{"nothing to do", "rules:\n  - name: a\n", `s.yaml:2:5: rules[0]: rule "a" does nothing: want an action`},
		{"command", "rules:\n  - {name: a, commands: [TICKT], do: {silent: true}}\n", `s.yaml:2:26: rules[0].commands[0]: "TICKT": want one of SYSTEM, TICKET, CLOSE_SHIFT`},
		{"command no list", "rules:\n  - {name: a, commands: TICKET, do: {silent: true}}\n", "rules[0].commands: a text: want a list"},
		{"duration", "rules:\n  - {name: a, do: {delay: 3}}\n", `s.yaml:2:27: rules[0].do.delay: "3": want a time such as 5s`},
		{"negative", "rules:\n  - {name: a, do: {delay: -3s}}\n", "none below 0"},
		{"number too large", "rules:\n  - {name: a, do: {reqnum: 65536}}\n", "s.yaml:2:28: rules[0].do.reqnum: the number 65536: want a whole number from 0 to 65535"},
		{"the largest number", "rules:\n  - {name: a, do: {reqnum: 65535}}\n", ""},
		{"negative number", "rules:\n  - {name: a, do: {cut: -1}}\n", "rules[0].do.cut: the number -1: want a whole number from 0 to"},
		{"number with a point", "rules:\n  - {name: a, first: 1.5, do: {cut: 1}}\n", "the number 1.5: want a whole number"},
		{"octal", "rules:\n  - {name: a, first: 010, do: {cut: 1}}\n", "want a whole number"},
		{"flag", "rules:\n  - {name: a, do: {silent: yes}}\n", `rules[0].do.silent: "yes": want true or false`},
		{"hex", "rules:\n  - {name: a, do: {payload: 0g}}\n", `"0g": want pairs of hex digits`},
		{"money", "rules:\n  - {name: a, do: {report_off: 1.5}}\n", `"1.5": want an amount such as 150.00`},
		{"end", "rules:\n  - {name: a, do: {end: explode}}\n", `"explode": want close or reset`},
		{"text type", "rules:\n  - {name: a, at: 1s, do: {tell: [{type: ADS, text: x}]}}\n", "want one of OFD, ORG, POS, KKM, INFO"},
		{"standing", "rules:\n  - {name: a, at: 1s, do: {standing: gone}}\n", "want one of registered, deregistered, disconnected"},
		{"share", "rules:\n  - {name: a, per_mille: 1001, do: {cut: 1}}\n", "0 to 1000"},
		{"connect with a command", "rules:\n  - {name: a, connect: true, commands: [TICKET], do: {end: close}}\n", "no command yet"},
		{"at and after", "rules:\n  - {name: a, at: 1s, after: 2s, do: {unblock: true}}\n", "s.yaml:2:30: rules[0].after: stands beside at"},
		{"at with more than acts", "rules:\n  - {name: a, at: 1s, do: {cut: 2}}\n", "want acts of the operator"},
		{"refuse a request", "rules:\n  - {name: a, do: {refuse: true}}\n", "connections that open"},
		{"version", "choices: {versions: [\"2.0.1\"]}\n", `choices.versions[0]: "2.0.1": want one of 1.2.4, 2.0.2, 2.0.3, 2.0.4`},
		{"no version", "choices: {versions: []}\n", "choices.versions: an empty list"},
		{"rotate", "choices: {rotate: maybe}\n", "want one of all, tickets, never"},
		{"digits", "choices: {sign_digits: 9}\n", "s.yaml:1:24: choices.sign_digits: 9: want 10 to 12"},
		{"connections", "choices: {max_connections: 0}\n", "choices.max_connections: 0: want 1 or more"},
		{"small request", "choices: {max_request: 17}\n", "at least the 18 bytes"},
		{"shift limit", "choices: {shift_limit: -1s}\n", "none below 0"},
		{"text for a number", "rules:\n  - {name: a, device: \"5\", do: {cut: 1}}\n", `"5": want a whole number`},
		{"number for a text", "cashiers: [{login: 5, password: \"1\"}]\n", "cashiers[0].login: the number 5: want a text in quotes"},
		{"no login", "cashiers: [{password: \"1\"}]\n", "cashiers[0]: no login"},
		{"role", "cashiers: [{login: a, roles: [BOSS]}]\n", "want one of PAYMASTER"},
		{"payment", "payments: [GONE]\n", "want one of NEW, SCANNED"},
		{"goods without a version", "goods: {created: \"2026-01-05T09:00:00\", items: []}\n", "goods.version: 0 or nothing"},
		{"goods without a date", "goods: {version: 1, items: []}\n", "no created"},
		{"date", "goods: {version: 1, created: \"2026-02-30T09:00:00\", items: []}\n", "want a time such as 2026"},
		{"goods twice", "goods: {version: 1, created: \"2026-01-05T09:00:00\", items: [{id: 1, title: a}, {id: 1, title: b}]}\n", "goods.items[1]: id 1: want a number of its own"},
		{"parent", "goods: {version: 1, created: \"2026-01-05T09:00:00\", items: [{id: 1, title: a, parent: 2}]}\n", "2 is no group"},
		{"price", "goods: {version: 1, created: \"2026-01-05T09:00:00\", items: [{id: 1, title: a, price: -1.00}]}\n", "is below 0"},
		{"rate", "goods: {version: 1, created: \"2026-01-05T09:00:00\", items: [{id: 1, title: a, vat: 101}]}\n", "at most 100"},
		{"anchor", "rules: &a []\n", "something else: want a list"},
		{"null", "rules:\n", "s.yaml:1:1: rules: nothing: want a list"},
	}
	for _, tt := range tests {
		_, err := Load("s.yaml", []byte(tt.text))
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "s.yaml:") {
			t.Errorf("%s: %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

// All mistakes come at once.
func TestAllMistakesAtOnce(t *testing.T) {
	_, err := Load("s", []byte("choices: {sign_digits: 9, rotat: x}\nrules:\n  - {name: a, do: {delay: x, cut: y}}\n  - {do: {silent: true}}\n"))
	if err == nil {
		t.Fatal("no error")
	}
	if n := len(strings.Split(err.Error(), "\n")); n != 3 { // those of the form; those of the content come when the form is right
		t.Errorf("%d lines:\n%v", n, err)
	}
}

// Over HTTP the same words come as JSON, through the same reader.
func TestJSONIsTheSame(t *testing.T) {
	r, err := ReadRule("late and long", []byte(`{"device":100500,"commands":["TICKET","MONEY_PLACEMENT"],"after":"10s","for":"5m","first":3,"times":2,"per_mille":250,
	"do":{"hold":"1s","delay":"6s","pieces":7,"gap":"20ms","notice":"Назар аударыңыз","no_qr":true,"report_off":"-1.50"}}`))
	if want := load(t).Rules[0].Rule; err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("%+v, %v\nwant %+v", r, err, want)
	}
	a, err := ReadAct([]byte(`{"device":5,"block":"","tell":[{"type":"KKM","text":"x"}],"skew":"-5s"}`))
	if err != nil || a.Device != 5 || a.Acts.Block == nil || len(a.Acts.Tell) != 1 || *a.Acts.Skew != -5*time.Second {
		t.Errorf("%+v, %v", a, err)
	}
	for _, tt := range []struct{ body, want string }{
		{`{"do":{"dely":"3s"}}`, "body: do.dely: no such key: want one of hold"},
		{`{"name":"b","do":{"silent":true}}`, `name: "b": want "a", as in the address`},
		{`{"do":{"silent":true},"do":{"cut":1}}`, "body: do: the key stands twice"},
		{`{}`, "does nothing"},
		{`[]`, "a list: want the keys"},
		{`null`, "nothing: want the keys"},
		{`{"do":{"silent":1}}`, "the number 1: want true or false"},
		{`{"first":1e3,"do":{"silent":true}}`, "the number 1e3: want a whole number"},
		{`{"do":`, "want JSON"},
		{``, "want JSON"},
		{`{} {}`, "want JSON"},
	} {
		if _, err := ReadRule("a", []byte(tt.body)); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "body: ") {
			t.Errorf("%s: %v, want %s", tt.body, err, tt.want)
		}
	}
	for _, body := range []string{`{}`, `{"device":5}`, `{"delay":"5s"}`, `{"unblock":false}`} {
		if _, err := ReadAct([]byte(body)); err == nil {
			t.Errorf("%s: no error", body)
		}
	}
}

func TestChoiceOfTheCommandLine(t *testing.T) {
	var o ofd.Options
	for _, s := range []string{"strict=true", "idle=5s", "versions=2.0.3,2.0.4", "sign_digits=11", "qr_base=http://127.0.0.1:1/check", "rotate=never"} {
		set, err := ReadChoice(s)
		if err != nil {
			t.Fatal(err)
		}
		set(&o)
	}
	if !o.Strict || o.Idle != 5*time.Second || !slices.Equal(o.Versions, []cpcr.Version{203, 204}) || o.SignDigits != 11 || o.QRBase != "http://127.0.0.1:1/check" || o.Rotate != ofd.RotateNever {
		t.Errorf("%+v", o)
	}
	for s, want := range map[string]string{"strict": "want key=value", "strct=true": "no such key: want one of versions", "strict=1": "want true or false", "sign_digits=13": "want 10 to 12", "versions=": "at least one", "strict=true\nidle: 5s": ""} {
		_, err := ReadChoice(s)
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %s", s, err, want)
		}
	}
}

// FuzzScript: whatever stands in the file, it is read or refused with its name;
// what was read is what the server takes.
func FuzzScript(f *testing.F) {
	for _, part := range strings.Split(string(every(f)), "  - name: ")[1:] { // small ones are minimised faster
		f.Add("rules:\n  - name: " + part)
	}
	f.Add("rules: [{name: a, do: {delay: 3s}}]")
	f.Add("rules:\n  - &x {name: a, do: *x}\n")
	f.Add("[[[[[[")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Load("s.yaml", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "s.yaml:") {
				t.Fatal(err)
			}
			return
		}
		for _, r := range s.Rules {
			if err := r.Rule.Check(r.Name); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzBody: the same for bodies of JSON.
func FuzzBody(f *testing.F) {
	f.Add(`{"commands":["TICKET"],"do":{"delay":"3s","payload":"00"}}`)
	f.Add(`{"id":5,"registration_number":"010100012345","taxpayer":{"bin":"123456789012"}}`)
	f.Add(`{"block":"x"}`)
	f.Fuzz(func(t *testing.T, body string) {
		if r, err := ReadRule("a", []byte(body)); err == nil {
			if r.Check("a") != nil || !json.Valid([]byte(body)) {
				t.Fatal(body)
			}
		}
		if d, err := ReadDevice([]byte(body)); err == nil && d.ID == 0 {
			t.Fatal(body)
		}
		if a, err := ReadAct([]byte(body)); err == nil && a.Acts.String() == "" {
			t.Fatal(body)
		}
	})
}
