package regulation

import (
	"slices"
	"testing"
)

func TestCondition(t *testing.T) {
	facts := map[string][]string{"sectors": {"trading", "taxi"}, "fiscal_registrar": {"true"}, "mobile_operators": {"2"}, "registered": {"2015-06-30"}, "channels": {}}
	lookup := func(f string) ([]string, bool) { v, ok := facts[f]; return v, ok }
	tests := []struct {
		condition string
		holds     bool
		missing   []string
	}{
		{"", true, nil},
		{"sectors=taxi", true, nil},
		{"sectors=parking", false, nil},
		{"sectors=parking|taxi", true, nil},
		{"sectors!=taxi", false, nil},
		{"sectors!=parking", true, nil},
		{"fiscal_registrar=false", false, nil},
		{"channels=wifi", false, nil},
		{"mobile_operators>=2", true, nil},
		{"mobile_operators>=3", false, nil},
		{"registered<2015-07-01", true, nil},
		{"registered<2015-06-30", false, nil},
		{"vat_payer=true", true, []string{"vat_payer"}},
		{"sectors=taxi & vat_payer=true", true, []string{"vat_payer"}},
		{"sectors=parking & vat_payer=true", false, nil}, // false whatever the other is
		{"vat_payer=true & sectors=parking", false, nil},
		{"a=1 & b=2 & a=3", true, []string{"a", "b"}},
	}
	for _, tt := range tests {
		c, err := ParseCondition(tt.condition)
		if err != nil {
			t.Fatal(err)
		}
		holds, missing := c.Holds(lookup)
		if !slices.Equal(missing, tt.missing) || len(missing) == 0 && holds != tt.holds {
			t.Errorf("%q: got %v, missing %v, want %v, %v", tt.condition, holds, missing, tt.holds, tt.missing)
		}
	}
}

func TestConditionErrors(t *testing.T) {
	for _, s := range []string{"taxi", "=taxi", "sectors=", "sectors=a|", "Sectors=a", "sectors=a &  b=c", "sectors=a&b=c", "sectors==a", "n>=x", "n>=1|2", "n>1", "d<2015-13-01", "d<2015-01-01|2016-01-01", "sectors=a b"} {
		if _, err := ParseCondition(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

func FuzzCondition(f *testing.F) {
	f.Add("sectors=taxi & registered<2015-07-01")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := ParseCondition(s); err == nil {
			c.Holds(func(string) ([]string, bool) { return []string{"1"}, true })
		}
	})
}
