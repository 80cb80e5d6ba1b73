package check

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// declaring is the first event of a run whose profile declares these fields.
func declaring(declared map[string][]string, lines map[string]int) history.RunBegin {
	return history.RunBegin{Format: 1, Section: "I", Protocol: "2.0.4", Profile: history.Facts{Model: "Example-1F KZ", Serial: "KZ0001234", Declared: declared, Lines: lines}}
}

// told makes a record of the bodies.
func told(t *testing.T, bodies ...history.Body) *Record {
	t.Helper()
	l := history.NewMemory(clock.NewVirtual(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), nil))
	for _, b := range bodies {
		if _, err := l.Append(history.Bench, b); err != nil {
			t.Fatal(err)
		}
	}
	return NewRecord(l.View())
}

// asking is a ticket message as the OFD received it.
func asking(t *testing.T, v cpcr.Version, change func(*canon.TicketRequest)) history.Frame {
	t.Helper()
	k := &canon.TicketRequest{Domain: &canon.TicketRequest_Domain{Type: canon.DomainTypeEnum_DOMAIN_TRADING.Enum()}}
	change(k)
	r := &canon.Request{Command: canon.CommandTypeEnum_COMMAND_TICKET.Enum(), Ticket: k}
	return history.Frame{Conn: 1, Dir: history.FromDevice, Bytes: mustEncode(t, cpcr.Header{Version: v, ID: 100500, Token: 1, ReqNum: 1}, r)}
}

func in(d canon.DomainTypeEnum) func(*canon.TicketRequest) {
	return func(k *canon.TicketRequest) { k.Domain.Type = d.Enum() }
}

func row(number, condition string) regulation.Row {
	return regulation.Row{Section: "I", Number: number, Kind: regulation.PlainRow, Obligation: regulation.Conditional, Condition: condition}
}

func TestUndeclaredIsNotFalse(t *testing.T) {
	tests := []struct {
		name, condition string
		declared        map[string][]string
		want            Result
		missing         []string
	}{
		{"declared and true", "fiscal_registrar=false", map[string][]string{"fiscal_registrar": {"true"}}, NotApplicable, nil},
		{"declared and false: it binds and nobody looked", "fiscal_registrar=false", map[string][]string{"fiscal_registrar": {"false"}}, NotChecked, nil},
		{"not declared", "fiscal_registrar=false", map[string][]string{}, Unknown, []string{"fiscal_registrar"}},
		{"one of two", "modernised=true & registered<2015-07-01", map[string][]string{"modernised": {"true"}}, Unknown, []string{"registered"}},
		{"a false one decides", "modernised=true & registered<2015-07-01", map[string][]string{"modernised": {"false"}}, NotApplicable, nil},
		{"both", "modernised=true & registered<2015-07-01", map[string][]string{}, Unknown, []string{"modernised", "registered"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := edition(row("10", tt.condition))
			fs := JudgeAll(told(t, declaring(tt.declared, nil)), e, "I")
			if fs[0].Result != tt.want {
				t.Errorf("got %s, want %s", fs[0].Result, tt.want)
			}
			var keys []string
			for _, m := range Undeclared(fs) {
				keys = append(keys, m.Key)
				if !slices.Equal(m.Rows, []string{"I 10"}) {
					t.Errorf("%s is asked for by %q", m.Key, m.Rows)
				}
			}
			if !slices.Equal(keys, tt.missing) {
				t.Errorf("asked for %q, want %q", keys, tt.missing)
			}
		})
	}
}

// A record of a version that kept no list of declared fields cannot tell false
// from undeclared, so false is asked for.
func TestOldRecordsAreNotTrustedWithAFalse(t *testing.T) {
	e := edition(row("10", "fiscal_registrar=false"))
	for registrar, want := range map[bool]Result{true: NotApplicable, false: Unknown} {
		b := declaring(nil, nil)
		b.Profile.Fiscal = registrar
		if fs := JudgeAll(told(t, b), e, "I"); fs[0].Result != want {
			t.Errorf("registrar %v: %s, want %s", registrar, fs[0].Result, want)
		}
	}
}

func TestContradictedDeclaration(t *testing.T) {
	lines := map[string]int{"sectors": 13, "vat_payer": 19, "model": 1, "serial": 3}
	taxed := func(k *canon.TicketRequest) {
		k.Taxes = []*canon.TicketRequest_Tax{{Sum: &canon.Money{Bills: proto.Uint64(4), Coins: proto.Uint32(50)}}}
	}
	plain := func(*canon.TicketRequest) {}
	tests := []struct {
		name, condition string
		declared        map[string][]string
		frame           history.Frame
		want            Result
		place, seen     string
	}{
		{"a taxi", "sectors=taxi", map[string][]string{"sectors": {"trading"}}, asking(t, 204, in(canon.DomainTypeEnum_DOMAIN_TAXI)), Unknown, "profile.yaml:13 (sectors)", "taxi"},
		{"as declared", "sectors=taxi", map[string][]string{"sectors": {"trading", "parking"}}, asking(t, 204, in(canon.DomainTypeEnum_DOMAIN_PARKING)), NotApplicable, "", ""},
		{"trade is what a register without data sends", "sectors=taxi", map[string][]string{"sectors": {"gasoil"}}, asking(t, 204, plain), NotApplicable, "", ""},
		{"a pawnshop may call itself a service", "sectors=taxi", map[string][]string{"sectors": {"pawnshop"}}, asking(t, 204, in(canon.DomainTypeEnum_DOMAIN_SERVICES)), NotApplicable, "", ""},
		{"a pawnshop is no taxi", "sectors=taxi", map[string][]string{"sectors": {"pawnshop"}}, asking(t, 204, in(canon.DomainTypeEnum_DOMAIN_TAXI)), Unknown, "profile.yaml:13 (sectors)", "taxi"},
		{"undeclared is no contradiction", "sectors=taxi", map[string][]string{}, asking(t, 204, in(canon.DomainTypeEnum_DOMAIN_TAXI)), Unknown, "", ""},
		{"VAT of somebody who pays none", "vat_payer=true", map[string][]string{"vat_payer": {"false"}}, asking(t, 204, taxed), Unknown, "profile.yaml:19 (vat_payer)", "VAT 4.50"},
		{"VAT of somebody who pays it", "vat_payer=true", map[string][]string{"vat_payer": {"true"}}, asking(t, 204, taxed), NotChecked, "", ""},
		{"no VAT of somebody who pays none", "vat_payer=true", map[string][]string{"vat_payer": {"false"}}, asking(t, 204, plain), NotApplicable, "", ""},
		{"another version of the protocol hangs on no row here", "sectors=taxi", map[string][]string{"sectors": {"trading"}}, asking(t, 203, plain), NotApplicable, "profile.yaml (protocol)", "2.0.3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := told(t, declaring(tt.declared, lines), tt.frame)
			f := JudgeAll(r, edition(row("19.41", tt.condition)), "I")[0]
			if f.Result != tt.want {
				t.Errorf("got %s, want %s: %+v", f.Result, tt.want, f.Parts)
			}
			if tt.place == "" {
				if len(r.Contradictions) > 0 {
					t.Errorf("contradictions %+v", r.Contradictions)
				}
				return
			}
			if len(r.Contradictions) != 1 || r.Contradictions[0].String() != tt.place || r.Contradictions[0].Seen != tt.seen || !slices.Equal(r.Contradictions[0].Events, []history.Seq{2}) {
				t.Fatalf("contradictions %+v, want %s, seen %s, event 2", r.Contradictions, tt.place, tt.seen)
			}
			if tt.want == Unknown {
				j := f.Parts[0]
				if !slices.Contains(j.Events(), 2) || !strings.Contains(j.Reason(), tt.place) || !strings.Contains(j.Reason(), tt.seen) {
					t.Errorf("the finding says %q, events %v", j.Reason(), j.Events())
				}
				if x := Explain(r.View, "KZ 431 I 19.41", j, regulation.English); !strings.HasSuffix(x, "\n\tprofile "+tt.place) {
					t.Errorf("the explanation does not end with the line of the profile:\n%s", x)
				}
			}
		})
	}
}

// A register that is not the declared one: the rows that compare with the
// declaration are open, and what it did wrong stays wrong.
func TestAnotherDeviceThanDeclared(t *testing.T) {
	serial := regulation.Row{Section: "I", Number: "19.4", Kind: regulation.PlainRow, Obligation: regulation.Mandatory, Check: "ticket.fields", Params: regulation.Params{"field": "kkm.serial"}}
	tests := []struct {
		name string
		says history.Identity
		key  string
		want string
	}{
		{"the same", history.Identity{Model: "Example-1F KZ", Serial: "KZ0001234"}, "", ""},
		{"spelled otherwise", history.Identity{Model: "EXAMPLE 1F", Serial: "1234"}, "", ""},
		{"silent about itself", history.Identity{}, "", ""},
		{"another number", history.Identity{Model: "Example-1F KZ", Serial: "KZ0001235"}, "serial", "profile.yaml:3 (serial) declares KZ0001234; the device says KZ0001235"},
		{"another model", history.Identity{Model: "Other-2", Serial: "KZ0001234"}, "model", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := told(t, declaring(map[string][]string{}, map[string]int{"serial": 3}), tt.says)
			switch {
			case tt.key == "" && len(r.Contradictions) > 0:
				t.Errorf("contradictions %+v", r.Contradictions)
			case tt.key != "" && (len(r.Contradictions) != 1 || r.Contradictions[0].Key != tt.key):
				t.Fatalf("contradictions %+v, want one of %s", r.Contradictions, tt.key)
			}
			f := JudgeAll(r, edition(serial), "I")[0]
			if f.Result != Unknown || !strings.Contains(f.Parts[0].Reason(), tt.want) {
				t.Errorf("%s: %s", f.Result, f.Parts[0].Reason())
			}
		})
	}
}

// A row that compares with a declaration names its line when it fails.
func TestFailureNamesTheLineOfTheProfile(t *testing.T) {
	s := newSim(t)
	s.campaign(leave{})
	other := simFacts
	other.Serial, other.Lines = "KZ9999999", map[string]int{"serial": 4}
	var events []history.Event
	for e := range s.log.View().Events() {
		if x, ok := e.Body.(history.RunBegin); ok {
			x.Profile = other
			e.Body = x
		}
		events = append(events, e)
	}
	e := edition(regulation.Row{Section: "I", Number: "19.4", Kind: regulation.PlainRow, Obligation: regulation.Mandatory, Check: "ticket.fields", Params: regulation.Params{"field": "kkm.serial"}})
	f := JudgeAll(NewRecord(history.NewView(events)), e, "I")[0]
	if f.Result != Fail || len(f.Parts[0].Declared()) != 1 || f.Parts[0].Declared()[0].String() != "profile.yaml:4 (serial)" {
		t.Errorf("%s, %v", f.Result, f.Parts[0].Declared())
	}
}

func TestDocumentRows(t *testing.T) {
	doc := regulation.Row{Section: "I", Number: "31", Kind: regulation.PlainRow, Obligation: regulation.Mandatory, Demand: "a manual", Methods: []string{"document"}}
	more := doc
	more.Methods = []string{"device", "document"}
	ref := history.Reference{Edition: "test", Section: "I", Row: "31", Document: "manual", Page: "12-14", Clause: "4.3.2", Digest: strings.Repeat("ab", 32)}
	with := func(change func(*history.Reference)) history.Body { x := ref; change(&x); return x }
	tests := []struct {
		name   string
		row    regulation.Row
		refs   []history.Body
		want   Result
		says   string
		events []history.Seq
	}{
		{"no reference", doc, nil, NotChecked, "a manual", nil},
		{"a reference and a file", doc, []history.Body{ref}, Pass, "manual, 12-14, 4.3.2. SHA-256 of the file, abababababab…", []history.Seq{2}},
		{"a reference and no file", doc, []history.Body{with(func(x *history.Reference) { x.Digest = "" })}, NotChecked, "the bench had no file of it; demanded: a manual", []history.Seq{2}},
		{"one of two has a file", doc, []history.Body{with(func(x *history.Reference) { x.Digest, x.Document = "", "list" }), ref}, Pass, "list, 12-14, 4.3.2; manual, 12-14, 4.3.2", []history.Seq{3}},
		{"of another row", doc, []history.Body{with(func(x *history.Reference) { x.Row = "32" })}, NotChecked, "a manual", nil},
		{"of another section", doc, []history.Body{with(func(x *history.Reference) { x.Section = "II" })}, NotChecked, "a manual", nil},
		{"of another edition", doc, []history.Body{with(func(x *history.Reference) { x.Edition = "kz-626-2025" })}, NotChecked, "a manual", nil},
		{"a row that needs the device too", more, []history.Body{ref}, NotChecked, "the row also needs what nobody has looked at: device", []history.Seq{2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := edition(tt.row)
			e.ID = "test"
			f := JudgeAll(told(t, append([]history.Body{declaring(map[string][]string{}, nil)}, tt.refs...)...), e, "I")[0]
			j := f.Parts[0]
			if f.Result != tt.want || !strings.Contains(j.Reason(), tt.says) || !slices.Equal(j.Events(), tt.events) {
				t.Errorf("%s, %q, events %v", f.Result, j.Reason(), j.Events())
			}
			if tt.want == Pass && (len(j.Readings()) != 1 || j.Readings()[0].ID != "document-shown") {
				t.Errorf("readings %v", j.Readings())
			}
			for _, lang := range Langs {
				if p, ok := j.Said(lang); !ok || p.Why == "" || strings.Contains(p.Why, "{") {
					t.Errorf("in %s: %q", lang, p.Why)
				}
			}
		})
	}
}
