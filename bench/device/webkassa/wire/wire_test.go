package wire

import (
	"encoding/json"
	"testing"
	"time"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		in    string
		tiyn  int64
		milli int64
		out   string // of the amount
	}{
		{"0", 0, 0, "0"}, {"1", 100, 1000, "1"}, {"250.5", 25050, 250500, "250.5"}, {"250.50", 25050, 250500, "250.5"}, {"-0.01", -1, -10, "-0.01"},
		{"1234969.0", 123496900, 1234969000, "1234969"}, {"null", 0, 0, "0"}, {"92233720368547758.07", 9223372036854775807, 0, "92233720368547758.07"},
	} {
		var m Money
		if err := json.Unmarshal([]byte(c.in), &m); err != nil || int64(m) != c.tiyn {
			t.Errorf("%s: %d tiyn, %v, want %d", c.in, m, err, c.tiyn)
		}
		if raw, err := json.Marshal(m); err != nil || string(raw) != c.out {
			t.Errorf("%s is written as %s, %v, want %s", c.in, raw, err, c.out)
		}
		if c.milli != 0 {
			var q Quantity
			if err := json.Unmarshal([]byte(c.in), &q); err != nil || int64(q) != c.milli {
				t.Errorf("%s: %d thousandths, %v, want %d", c.in, q, err, c.milli)
			}
		}
	}
	for _, bad := range []string{"0.001", "1e3", `"1"`, "--1", "1.-2", "92233720368547758.08", "[1]", ".5", "true"} {
		var m Money
		if err := json.Unmarshal([]byte(bad), &m); err == nil {
			t.Errorf("%s is taken for %d tiyn", bad, m)
		}
	}
	var q Quantity
	if err := json.Unmarshal([]byte("1.2345"), &q); err == nil {
		t.Error("four decimals of a quantity are taken")
	}
}

func FuzzMoney(f *testing.F) {
	for _, s := range []string{"1", "-0.5", "12.30", "1e9", "null", "922337203685477.58"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var m, again Money
		if json.Unmarshal([]byte(s), &m) != nil {
			return
		}
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &again); err != nil || again != m {
			t.Errorf("%q: %d is written as %s and read as %d, %v", s, m, raw, again, err)
		}
	})
}

func TestTimes(t *testing.T) {
	want := time.Date(2026, 1, 5, 9, 0, 7, 0, time.UTC)
	for _, s := range []string{"05.01.2026 09:00:07", "2026-01-05 09:00:07", "2026-01-05T09:00:07"} {
		if got, ok := ParseTime(s); !ok || !got.Equal(want) {
			t.Errorf("%s: %v, %v", s, got, ok)
		}
	}
	for _, bad := range []string{"", "05.01.2026", "2026-01-05T09:00:07Z", "01/05/2026 09:00:07"} {
		if got, ok := ParseTime(bad); ok {
			t.Errorf("%q is taken for %v", bad, got)
		}
	}
	if Time(want) != "05.01.2026 09:00:07" || Time(time.Time{}) != "" || BasisTime(want) != "2026-01-05 09:00:07" {
		t.Error(Time(want), BasisTime(want))
	}
}

// Both shapes of a state that are met in public examples are read, and keys in any case.
func TestStateShapes(t *testing.T) {
	for name, raw := range map[string]string{
		"new": `{"UniqueNumber":"SWK00000001","IdentityNumber":4108,"RegistrationNumber":"010100123456","OfdProtocolVersion":203,"CurrentState":{"ShiftNumber":7,"ShiftClosed":true,
			"ShiftOpenedAt":"2026-01-05T09:00:00","DocumentsCount":5,"ReportState":{"ReportNumber":3,"SumInCashbox":2500,"CashboxOfflineMode":true,"Taxes":[{"Turnover":1234928.4266666668}]}}}`,
		"old": `{"Name":"A","IdentityNumber":"4108","RegistrationNumber":"010100123456","CurrentState":{"ShiftNumber":7,"ShiftClosed":true,"XReport":{"ReportNumber":3,"SumInCashbox":2500.0,"CashboxOfflineMode":true}}}`,
		"low": `{"registrationNumber":"010100123456","currentState":{"shiftNumber":7,"shiftClosed":true,"reportState":{"reportNumber":3,"sumInCashbox":2500,"cashboxOfflineMode":true}}}`,
	} {
		var s BoxState
		if err := json.Unmarshal([]byte(raw), &s); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := s.CurrentState.Report()
		if s.CurrentState.ShiftNumber != 7 || !s.CurrentState.ShiftClosed || s.RegistrationNumber != "010100123456" || r == nil || r.ReportNumber != 3 || r.SumInCashbox != 250000 || !r.CashboxOfflineMode {
			t.Errorf("%s: %+v %+v", name, s, r)
		}
	}
}

func TestCodes(t *testing.T) {
	if got := ShiftTooLong.String(); got != "error 11 (shift longer than allowed)" {
		t.Error(got)
	}
	if got := Code(4711).String(); got != "error 4711" {
		t.Error(got)
	}
}
