package check

import (
	"maps"
	"slices"
	"testing"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

// rows are the demands of section I, as parameters.
func rows() map[string]regulation.Params {
	out := map[string]regulation.Params{
		"offline.cutoff":            {"limit": "72h"},
		"offline.enter":             {"answer": "5s"},
		"offline.sign/unique":       {"aspect": "unique"},
		"offline.sign/printed":      {"aspect": "printed"},
		"offline.sign/sent":         {"aspect": "sent"},
		"offline.mark":              {"words": "Автономды|Автономный"},
		"offline.handover/duration": {"aspect": "duration"},
		"offline.handover/order":    {"aspect": "order"},
		"offline.shiftclose":        {},
		"shift.limit":               {"limit": "24h"},
		"latency.online":            {"limit": "7s"},
		"ticket.return":             {},
		"fiscal.sign/received":      {"aspect": "received"},
		"fiscal.sign/printed":       {"aspect": "printed"},
		"fiscal.sign/mark":          {"aspect": "mark", "words": "Фискалды чек|Фискальный чек"},
		"cash.placement":            {},
		"block.server":              {},
		"notice.shown":              {},
		"cycle.single":              {},
		"link.tcp":                  {},
		"access.password":           {"positions": "4"},
		"access.password/sale":      {"mode": "sale"},
		"access.password/settings":  {"mode": "settings"},
		"access.password/close":     {"mode": "close"},
		"clock.lowerbound":          {},
		"config.shiftclosed":        {},
	}
	for _, f := range ticketFields {
		out["ticket.fields/"+f.name] = regulation.Params{"field": f.name}
	}
	for _, f := range zFields {
		out["zreport.fields/"+f.name] = regulation.Params{"field": f.name}
	}
	for _, l := range receiptLines {
		out["receipt.lines/"+l.name] = regulation.Params{"line": l.name}
	}
	out["receipt.lines/sign"]["words"] = "Фискалды чек"
	return out
}

func ask(t testing.TB, r *Record, demand string) []Judgement {
	t.Helper()
	p, ok := rows()[demand]
	if !ok {
		t.Fatalf("no demand %s", demand)
	}
	key := demand
	for i := range demand {
		if demand[i] == '/' {
			key = demand[:i]
			break
		}
	}
	c, ok := Lookup(key)
	if !ok {
		t.Fatalf("no check %s", key)
	}
	return c.Run(r, p)
}

// A conforming register passes everything that the campaign gives evidence for.
func TestConformingRegisterPasses(t *testing.T) {
	r := run(t, nil)
	undecided := map[string]bool{"ticket.fields/sector.services": true, "ticket.fields/sector.gasoil": true, "ticket.fields/sector.taxi": true, "ticket.fields/sector.parking": true, "zreport.fields/receipts.list": true}
	for _, d := range slices.Sorted(maps.Keys(rows())) {
		js := ask(t, r, d)
		want := Pass
		if undecided[d] {
			want = Unknown
		}
		if got := worst(js); got != want {
			t.Errorf("%s = %s, want %s", d, got, want)
			for _, j := range js {
				t.Logf("%s", Explain(r.View, d, j, regulation.English))
			}
		}
	}
}
