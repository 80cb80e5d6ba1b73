package kkm

import (
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/fixtures"
)

func rawProfile(t testing.TB) string {
	t.Helper()
	raw, err := fixtures.FS.ReadFile("emulator/section-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func loadProfile(t testing.TB) Profile { return builtIn(t, "section-1") }

// builtIn reads one of the profiles that come with the program.
func builtIn(t testing.TB, name string) Profile {
	t.Helper()
	raw, err := fixtures.FS.ReadFile("emulator/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := LoadProfile(name+".yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func profileOption(t testing.TB, name string) option {
	return func(w *world, _ *oo) { w.p = builtIn(t, name) }
}

func TestTheProfileOfSectionI(t *testing.T) {
	p := loadProfile(t)
	if p.Limits.Offline != 72*time.Hour || p.Limits.Shift != 24*time.Hour || p.Limits.Answer != 5*time.Second {
		t.Errorf("limits %+v, want those of KZ 431 rows 27.6, 13 and 27", p.Limits)
	}
	if p.OFD.Version != cpcr.V204 {
		t.Errorf("version %v, want 2.0.4", p.OFD.Version)
	}
	if p.Passwords.Minimum != 4 {
		t.Errorf("%d positions, want 4 (row 1)", p.Passwords.Minimum)
	}
}

func TestABadProfileNamesPlaceValueAndCure(t *testing.T) {
	good := rawProfile(t)
	tests := []struct {
		name, old, new string
		want           []string
	}{
		{"unknown key", "model:", "modell:", []string{"p.yaml:2:", "modell"}},
		{"no duration", "offline: 72h", "offline: long", []string{"p.yaml:40:12:", `limits.offline "long"`, "such as 72h"}},
		{"short registration", `"010100123456"`, `"0101001"`, []string{"p.yaml:5:15", `registration "0101001"`, "12 digits"}},
		{"short BIN", `"180140001234"`, `"18014000123"`, []string{"p.yaml:10:", "taxpayer.bin", "want 12 digits"}},
		{"unknown version", "cpcr: 2.0.4", "cpcr: 2.0.9", []string{"p.yaml:26:9:", "2.0.9", "want one of 1.2.4, 2.0.2, 2.0.3, 2.0.4"}},
		{"unknown sector", "sector: trading", "sector: trade", []string{"p.yaml:38:11:", "trading, services"}},
		{"operator twice", "number: 2,", "number: 1,", []string{"p.yaml:29:14:", "nobody else has"}},
		{"no such operator", "number: 2,", "number: 31,", []string{"p.yaml:29:14:", "from 1 to 30"}},
		{"answer beyond transaction", "transaction: 6s", "transaction: 4s", []string{"limits.transaction", "from 5s"}},
		{"absent limit", "  reconnect: 60s\n", "", []string{"limits.reconnect", `"0s"`}},
		{"not YAML", "channels: [ethernet, gsm]", "channels: [ethernet, gsm", []string{"p.yaml:"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Replace(good, tt.old, tt.new, 1)
			if bad == good {
				t.Fatalf("%q is not in the profile", tt.old)
			}
			_, err := LoadProfile("p.yaml", []byte(bad))
			if err == nil {
				t.Fatal("taken, want an error")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q\nwant it to contain %q", err, w)
				}
			}
		})
	}
}

func FuzzLoadProfile(f *testing.F) {
	f.Add([]byte(rawProfile(f)))
	f.Add([]byte("model: [1"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, err := LoadProfile("p.yaml", raw); err == nil && !p.OFD.Version.Known() {
			t.Errorf("taken with version %v", p.OFD.Version)
		}
	})
}
