package profile

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The example of design/cli.md.
const example1 = `model: Example-1F KZ
maker: Example LLP
serial: KZ0001234                  # factory number, as on the housing
registration_number: "010100012345"
taxpayer: {name: TOO Example, bin: "123456789012", address: Astana}
section: I                         # I, II or III
sectors: [trading]                 # trading services gasoil
fiscal_registrar: true             # no keyboard and display of its own
channels: [ethernet, gsm]
languages: [kk, ru]
protocol: "2.0.4"                  # CPCR version
ofd: {id: 100500, token: 42424242, name: "OFD", site: "ofd.example"}
host: {protocol: shtrih-m, passwords: {cashier: 1, admin: 30, service: 0}}
`

func TestLoad(t *testing.T) {
	p, err := Load("profile.yaml", []byte(example1))
	if err != nil {
		t.Fatal(err)
	}
	if p.Model != "Example-1F KZ" || p.Serial != "KZ0001234" || p.Registration != "010100012345" || p.Taxpayer.BIN != "123456789012" ||
		p.OFD.ID != 100500 || p.OFD.Token != 42424242 || p.Host.Protocol != "shtrih-m" || p.Host.Passwords != (Passwords{1, 30, 0}) || !p.Registrar {
		t.Errorf("got %+v", p)
	}
	if p.Line("sectors") != 7 || p.Line("taxpayer.bin") != 5 || p.Line("host.passwords.admin") != 13 || p.Line("vat_payer") != 0 {
		t.Errorf("lines %v", p.lines)
	}
}

func TestLookup(t *testing.T) {
	p, err := Load("profile.yaml", []byte(example1))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		field    string
		want     []string
		declared bool
	}{
		{"sectors", []string{"trading"}, true},
		{"fiscal_registrar", []string{"true"}, true},
		{"section", []string{"I"}, true},
		{"vat_payer", nil, false},        // not declared: nobody may take it for false
		{"mobile_operators", nil, false}, // not declared: nobody may take it for 0
		{"model", nil, false},            // declared, but no condition may read it
	}
	for _, tt := range tests {
		got, ok := p.Lookup(tt.field)
		if ok != tt.declared || !slices.Equal(got, tt.want) {
			t.Errorf("Lookup(%q) = %v, %v, want %v, %v", tt.field, got, ok, tt.want, tt.declared)
		}
	}
	for _, f := range Fields() {
		if !strings.Contains(p.Ask(f), "profile.yaml does not declare "+f) || example[f] == "" {
			t.Errorf("Ask(%q) = %q", f, p.Ask(f))
		}
		full, err := Load("p.yaml", []byte(everything))
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := full.Lookup(f); !ok || len(v) == 0 {
			t.Errorf("Lookup(%q) gives nothing although the profile declares everything", f)
		}
	}
}

// What the record takes over is what Lookup says, and nothing about what is not declared.
func TestConditionsAreWhatIsDeclared(t *testing.T) {
	for name, raw := range map[string]string{"some": example1, "all": everything} {
		p, err := Load("p.yaml", []byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		c := p.Conditions()
		for _, f := range Fields() {
			want, declared := p.Lookup(f)
			got, ok := c[f]
			if ok != declared || !slices.Equal(got, want) {
				t.Errorf("%s: %s is %q, %v, want %q, %v", name, f, got, ok, want, declared)
			}
		}
		if name == "some" && len(c) != 6 {
			t.Errorf("%d fields are declared, want 6: %v", len(c), c)
		}
		l := p.Lines()
		l["sectors"] = 99
		if p.Line("sectors") != 7 || p.Lines()["taxpayer.bin"] != 5 {
			t.Errorf("lines %v", p.Lines())
		}
	}
}

const everything = example1 + `vat_payer: false
mobile_operators: 0
registered: "2014-06-01"
modernised: true
equipment: atm
card_service: true
risk_site: false
automated_books: true
`

func TestErrors(t *testing.T) {
	tests := []struct {
		name, old, new string
		want           string
	}{
		{"typo in a key", "sectors:", "sectrs:", `profile.yaml:7:1: key "sectrs" is not known: want one of automated_books,`},
		{"typo in an inner key", "bin:", "bni:", `profile.yaml:5:31: key "taxpayer.bni" is not known: want one of activity, address, bin, name`},
		{"unknown protocol", "protocol: shtrih-m", "protocol: shtrih", `profile.yaml:13:18: host.protocol "shtrih": want one of shtrih-m, atol, datecs`},
		{"unknown sector", "[trading]", "[trade]", `profile.yaml:7:11: sectors "trade": want one of trading, services`},
		{"sector twice", "[trading]", "[taxi, taxi]", `profile.yaml:7:17: sectors has "taxi" twice`},
		{"empty list", "[trading]", "[]", `profile.yaml:7:10: sectors is an empty list: want at least one entry, or no line`},
		{"word for a list", "[trading]", "trading", `profile.yaml:7:10: sectors is a text: want a list`},
		{"registration number without quotes", `"010100012345"`, "010100012345", `profile.yaml:4:22: registration_number is the number 010100012345: want a text in quotes`},
		{"registration number too short", `"010100012345"`, `"01010001234"`, `profile.yaml:4:22: registration_number "01010001234": want 12 to 20 digits`},
		{"BIN with a letter", `"123456789012"`, `"12345678901O"`, `profile.yaml:5:36: taxpayer.bin "12345678901O": want 12 digits`},
		{"section", "section: I ", "section: IV ", `profile.yaml:6:10: section "IV": want one of I, II, III`},
		{"section as a number", "section: I ", "section: 1 ", `profile.yaml:6:10: section is the number 1: want a text in quotes`},
		{"flag", "fiscal_registrar: true", "fiscal_registrar: maybe", `profile.yaml:8:19: fiscal_registrar is a text: want true or false`},
		{"id above 32 bits", "id: 100500", "id: 4294967296", `profile.yaml:12:11: ofd.id 4294967296: want a whole number from 1 to 4294967295`},
		{"id zero", "id: 100500", "id: 0", `ofd.id 0: want a whole number from 1`},
		{"octal token", "token: 42424242", "token: 042", `ofd.token 042: want a whole number from 0 to 4294967295, without leading zeros`},
		{"negative", "cashier: 1", "cashier: -1", `host.passwords.cashier -1: want a whole number from 0`},
		{"point", "cashier: 1", "cashier: 1.5", `host.passwords.cashier is the number 1.5: want a whole number`},
		{"no value", "model: Example-1F KZ", "model:", `profile.yaml:1:`},
		{"missing", "serial: KZ0001234 ", "#", `profile.yaml: no serial: want a line for it`},
		{"inner missing", `, bin: "123456789012"`, "", `profile.yaml: no taxpayer.bin`},
		{"text for keys", "host: {protocol: shtrih-m, passwords: {cashier: 1, admin: 30, service: 0}}", "host: shtrih-m", `profile.yaml:13:7: host is a text: want keys passwords, protocol`},
		{"key twice", "maker: Example LLP", "maker: Example LLP\nmaker: B", `profile.yaml:3:1: `},
		{"not YAML", "maker: Example LLP", "maker: [Example", `profile.yaml:`},
		{"anchor", "maker: Example LLP", "maker: &a Example", `profile.yaml:2:8: maker is an anchor: want a text`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Count(example1, tt.old) != 1 {
				t.Fatalf("%q stands %d times in the example", tt.old, strings.Count(example1, tt.old))
			}
			_, err := Load("profile.yaml", []byte(strings.Replace(example1, tt.old, tt.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestDateAndCountBounds(t *testing.T) {
	for _, tt := range []struct {
		line string
		ok   bool
	}{
		{`registered: "2015-06-30"`, true}, {`registered: 2015-06-30`, true}, {`registered: "2015-06-31"`, false}, {`registered: "June 2015"`, false},
		{"mobile_operators: 20", true}, {"mobile_operators: 21", false}, {"equipment: atm", true}, {"equipment: kiosk", false},
	} {
		if _, err := Load("p.yaml", []byte(example1+tt.line+"\n")); (err == nil) != tt.ok {
			t.Errorf("%s: got %v, want ok %v", tt.line, err, tt.ok)
		}
	}
}

func TestWrongFiles(t *testing.T) {
	for name, raw := range map[string]string{"empty": "", "comment": "# nothing\n", "list": "- a\n", "two documents": example1 + "---\n" + example1,
		"binary": "\xff\xfe", "large": strings.Repeat("#", maxSize+1)} {
		if _, err := Load("p.yaml", []byte(raw)); err == nil || !strings.HasPrefix(err.Error(), "p.yaml:") {
			t.Errorf("%s: got %v, want an error that names the file", name, err)
		}
	}
}

// The profile of the emulated register says what the emulator is built with.
func TestSectionOneIsTheEmulatedRegister(t *testing.T) {
	raw, err := os.ReadFile("../../fixtures/profiles/section-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Load("section-1.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	raw, err = os.ReadFile("../../fixtures/emulator/section-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var emu struct {
		Model, Serial, Registration string
		Languages, Channels         []string
		Taxpayer                    struct{ Name, BIN, Address, Activity string }
		OFD                         struct {
			Name, Site, CPCR string
			ID, Token        uint32
		}
		Staff []struct{ Name string }
	}
	if err := yaml.Unmarshal(raw, &emu); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ what, got, want string }{
		{"model", p.Model, emu.Model}, {"serial", p.Serial, emu.Serial}, {"registration", p.Registration, emu.Registration},
		{"taxpayer name", p.Taxpayer.Name, emu.Taxpayer.Name}, {"bin", p.Taxpayer.BIN, emu.Taxpayer.BIN},
		{"address", p.Taxpayer.Address, emu.Taxpayer.Address}, {"activity", p.Taxpayer.Activity, emu.Taxpayer.Activity},
		{"ofd name", p.OFD.Name, emu.OFD.Name}, {"ofd site", p.OFD.Site, emu.OFD.Site}, {"protocol", p.Protocol, emu.OFD.CPCR},
		{"languages", strings.Join(p.Languages, " "), strings.Join(emu.Languages, " ")}, {"channels", strings.Join(p.Channels, " "), strings.Join(emu.Channels, " ")},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: the profile says %q, the emulator is %q", tt.what, tt.got, tt.want)
		}
	}
	if p.OFD.ID != emu.OFD.ID || p.OFD.Token != emu.OFD.Token {
		t.Errorf("ofd: the profile says %d %d, the emulator %d %d", p.OFD.ID, p.OFD.Token, emu.OFD.ID, emu.OFD.Token)
	}
	for _, c := range p.Cashiers {
		if !slices.ContainsFunc(emu.Staff, func(s struct{ Name string }) bool { return s.Name == c }) {
			t.Errorf("cashier %q is not among the emulator's staff", c)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(example1))
	f.Add([]byte(everything))
	f.Add([]byte("a: &x [*x]\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Load("p.yaml", raw)
		if err == nil && (p.Model == "" || len(p.Registration) < 12 || !slices.Contains(Sections, p.Section)) {
			t.Errorf("accepted %q as %+v", raw, p)
		}
	})
}
