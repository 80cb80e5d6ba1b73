package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// Every page in every language: no word is missing, nothing of a register
// becomes markup, nothing is loaded from elsewhere, and the rules against it are sent.
func TestPages(t *testing.T) {
	w := newWorld(t, "")
	w.json("PUT", "/api/rules/кеш", `{"commands":["REPORT"],"do":{"silent":true}}`)
	m := sale(day, 500)
	m.Ticket.OfflineTicketNumber = proto.Uint32(4711)
	if r := w.ask(m); r.GetResult().GetResultCode() != 0 {
		t.Fatal(cpcr.Text(r))
	}
	seq := fmt.Sprint(w.api.exchanges(0, false, 1)[0].Seq)
	pages := map[string][]string{
		"/":                        {"100500", registration, "KKM0000777", "trading"},
		"/devices/100500":          {registration, "1000000001", "4711", "г. Астана, пр. 5", "5.00"},
		"/devices/100500/shifts/1": {"1000000001", "5.00"},
		"/documents/2":             {"COMMAND_TICKET", "a2 81 cc 00", "ticket.payments", "offline_ticket_number: 4711", `ticket_number: &#34;1000000001&#34;`},
		"/traffic":                 {"TICKET", "accepted", "1000000001", `data-after="`},
		"/traffic/" + seq:          {"COMMAND_TICKET", "a2 81 cc 00", "ticket.payments", "1000000001"},
		"/rules":                   {"кеш", "neither booked nor answered"},
		"/check":                   {`name="i"`},
		"/check?i=1000000001&f=" + registration + "&s=5.00&t=20260302T090000": {"1000000001", "Нан", "2.000", "5.00", "ТОО «Алма»"},
		"/?i=4711&f=" + registration:                                          {"1000000001"},
	}
	tags := regexp.MustCompile(`<(script|b)\b[^>]*>`)
	outside := regexp.MustCompile(`(src|href|action)="(https?:)?//`)
	for path, want := range pages {
		for _, lang := range languages {
			sep := "?"
			if strings.Contains(path, "?") {
				sep = "&"
			}
			status, header, raw := w.call("GET", path+sep+"lang="+lang, "")
			if status != http.StatusOK || header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("%s in %s: %d %s", path, lang, status, header.Get("Content-Type"))
			}
			for _, s := range append(want, `<html lang="`+lang+`">`, words["note"][lang]) {
				if !strings.Contains(raw, s) {
					t.Errorf("%s in %s: no %q in\n%s", path, lang, s, raw)
				}
			}
			for _, tag := range tags.FindAllString(raw, -1) {
				if tag != `<script src="/static/live.js">` {
					t.Errorf("%s: a text of the register became markup: %s", path, tag)
				}
			}
			if x := outside.FindString(raw); x != "" {
				t.Errorf("%s: something from elsewhere: %s", path, x)
			}
			if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: policy %q", path, csp)
			}
			if m := regexp.MustCompile(`>(nav|error|status|device|standing|shift|document|kind|register|acts|traffic|exchange|rules|check)\.[a-zA-Z_.]+<`).FindString(raw); m != "" {
				t.Errorf("%s in %s: a word is missing: %s", path, lang, m)
			}
		}
	}
	for path, want := range map[string]int{"/nowhere": 404, "/devices/7": 404, "/devices/x": 400, "/documents/77": 404, "/traffic/1": 404, "/traffic?device=x": 400, "/check?i=1&f=2": 404, "/check?i=1": 400} {
		status, header, raw := w.call("GET", path, "")
		if status != want || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || !strings.Contains(raw, "<h1>") {
			t.Errorf("%s: %d %s", path, status, raw)
		}
	}
	for path, kind := range map[string]string{"/static/style.css": "text/css", "/static/live.js": "text/javascript"} {
		if status, header, raw := w.call("GET", path, ""); status != 200 || !strings.HasPrefix(header.Get("Content-Type"), kind) || raw == "" {
			t.Errorf("%s: %d %v", path, status, header)
		}
	}
}

func TestWords(t *testing.T) {
	for key, w := range words {
		for _, l := range languages {
			if w[l] == "" {
				t.Errorf("%s has no word in %s", key, l)
			}
		}
		// kk is no copy of ru, but for words that are the same in both.
		if w["kk"] == w["ru"] && !slices.Contains([]string{"ID", "Касса", "Код", "чек", "мс", "Команда", "Сценарий"}, w["ru"]) {
			t.Errorf("%s: %q is Russian", key, w["kk"])
		}
	}
	for _, tt := range []struct{ url, accept, want string }{
		{"/", "", "ru"}, {"/?lang=kk", "en", "kk"}, {"/?lang=xx", "en", "en"}, {"/", "kk-KZ,kk;q=0.9,ru;q=0.8", "kk"}, {"/", "de, en-GB;q=0.7", "en"}, {"/", "*", "ru"},
	} {
		q, err := http.NewRequest("GET", tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Accept-Language", tt.accept)
		if got := language(q); got != tt.want {
			t.Errorf("%s %q: %s, want %s", tt.url, tt.accept, got, tt.want)
		}
	}
}

// The link on a receipt, in the forms that are seen, and what it finds.
func TestCheckOfATicket(t *testing.T) {
	w := newWorld(t, "")
	m := sale(day, 182000)
	m.Ticket.OfflineTicketNumber = proto.Uint32(4711)
	r := w.ask(m)
	link := string(r.GetTicket().GetQrCode())
	u, err := url.Parse(link)
	if err != nil || u.Query().Get("i") != "1000000001" {
		t.Fatalf("the answer's own link %q: %v", link, err)
	}
	tests := []struct {
		name, query, outcome string
		differs              []any
		odd                  bool
	}{
		{"the answer's own link", u.RawQuery, found, []any{}, false},
		{"autonomous sign", "i=4711&f=" + registration + "&s=1820.00&t=20260302T090000", found, []any{}, false},
		{"one decimal", "i=1000000001&f=" + registration + "&s=1820.0&t=20260302T090000", found, []any{}, true},
		{"a leading ampersand", "&i=1000000001&f=" + registration + "&s=1820.00", found, []any{}, false},
		{"order", "t=20260302T090000&s=1820.00&f=" + registration + "&i=1000000001", found, []any{}, false},
		{"without sum and time", "i=1000000001&f=" + registration, found, []any{}, false},
		{"another sum", "i=1000000001&f=" + registration + "&s=1820.01&t=20260302T090000", differs, []any{"s"}, false},
		{"another second", "i=1000000001&f=" + registration + "&s=1820.00&t=20260302T090001", differs, []any{"t"}, false},
		{"both", "i=1000000001&f=" + registration + "&s=1.00&t=20260302T090001", differs, []any{"s", "t"}, false},
		{"another sign", "i=1000000002&f=" + registration + "&s=1820.00", notFound, []any{}, false},
		{"another register", "i=1000000001&f=010100123457&s=1820.00", notFound, []any{}, false},
	}
	for _, tt := range tests {
		c := w.json("GET", "/api/check?"+tt.query, "")
		odd, _ := c["odd_sum"].(bool)
		if c["outcome"] != tt.outcome || !slices.Equal(c["differs"].([]any), tt.differs) || odd != tt.odd {
			t.Errorf("%s: %v", tt.name, c)
		}
		if told := c["taxpayer"] != nil || len(c["lines"].([]any)) > 0; told != (tt.outcome == found) {
			t.Errorf("%s: tells of the ticket: %v", tt.name, c)
		}
	}
	c := w.json("GET", "/api/check?"+u.RawQuery, "")
	if c["sum_tiyn"] != 182000.0 || c["kind"] != "SELL" || c["autonomous_sign"] != 4711.0 || c["at"] != "2026-03-02T09:00:00" {
		t.Errorf("%v", c)
	}
	if l := c["lines"].([]any)[0].(map[string]any); l["name"] != "Нан <b>" || l["quantity_thousandths"] != 2000.0 || l["sum_tiyn"] != 182000.0 {
		t.Errorf("%v", l)
	}
	for lang, want := range map[string]string{"kk": "Чек табылды", "ru": "Чек найден"} {
		if _, _, raw := w.call("GET", "/check?"+u.RawQuery+"&lang="+lang, ""); !strings.Contains(raw, want) || !strings.Contains(raw, "1820.00") {
			t.Errorf("%s: no %q", lang, want)
		}
	}
}

// Forms do what the API does, and say what was wrong.
func TestForms(t *testing.T) {
	w := newWorld(t, "")
	post := func(path string, form url.Values) (int, string, string) {
		status, h, raw := w.call("POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		return status, h.Get("Location"), raw
	}
	for _, tt := range []struct {
		name, path string
		form       url.Values
		status     int
		want       string // place, or words of the page
	}{
		{"register", "/devices?lang=kk", url.Values{"id": {"200"}, "token": {"4000000001"}, "registration_number": {"020200123456"}, "bin": {"123456789012"}, "sector": {"taxi"}}, 303, "/devices/200?lang=kk"},
		{"register twice", "/devices", url.Values{"id": {"200"}}, 409, "registered already"},
		{"no number", "/devices", url.Values{"id": {"x"}}, 400, "want a whole number"},
		{"a bad BIN", "/devices", url.Values{"id": {"201"}, "bin": {"1"}}, 400, "want 12 digits"},
		{"block", "/devices/200/acts", url.Values{"act": {"block"}, "text": {"Тоқтатылды"}}, 303, "/devices/200?lang=ru"},
		{"tell", "/devices/200/acts", url.Values{"act": {"tell"}, "type": {"OFD"}, "text": {"x"}}, 303, "/devices/200?lang=ru"},
		{"deregister", "/devices/200/acts", url.Values{"act": {"deregister"}}, 303, "/devices/200?lang=ru"},
		{"token", "/devices/200/acts", url.Values{"act": {"token"}}, 303, "/devices/200?lang=ru"},
		{"no act", "/devices/200/acts", url.Values{"act": {"dance"}}, 400, "no act"},
		{"no device", "/devices/7/acts", url.Values{"act": {"unblock"}}, 404, "not registered"},
		{"rules", "/rules", url.Values{"script": {"rules:\n  - {name: a, do: {silent: true}}\n  - {name: b, do: {cut: 1}}\n"}}, 303, "/rules?lang=ru"},
		{"rules again", "/rules", url.Values{"script": {"rules:\n  - {name: c, do: {cut: 1}}\n  - {name: b, do: {cut: 1}}\n"}}, 409, "script:3:"},
		{"bad rules", "/rules", url.Values{"script": {"rules:\n  - {name: c, do: {cat: 1}}\n"}}, 400, "script:2:20: rules[0].do.cat: no such key"},
		{"settings", "/rules", url.Values{"script": {"choices: {strict: true}\n"}}, 400, "only rules can be added"},
		{"clear", "/rules/clear", url.Values{"name": {"a"}}, 303, "/rules?lang=ru"},
		{"clear again", "/rules/clear", url.Values{"name": {"a"}}, 404, "no rule"},
	} {
		status, place, raw := post(tt.path, tt.form)
		if status != tt.status || (status == 303 && place != tt.want) || (status != 303 && !strings.Contains(raw, tt.want)) {
			t.Errorf("%s: %d %s %s, want %d %s", tt.name, status, place, raw, tt.status, tt.want)
		}
	}
	d := w.json("GET", "/api/devices/200", "")
	if st := d["standing"].(map[string]any); st["blocked"] != true || st["deregistered"] != true || d["token"] == 4000000001.0 || d["sector"] != "taxi" {
		t.Errorf("%v", d)
	}
	if r := w.json("GET", "/api/rules", "")["rules"].([]any); len(r) != 1 || r[0].(map[string]any)["id"] != "b" {
		t.Errorf("%v: rules that could not all be added were added in part", r)
	}
}

// Passwords of cashiers are on no page and in no answer.
func TestPasswordsAreNowhere(t *testing.T) {
	w := newWorld(t, "")
	w.ask(&canon.Request{Command: canon.CommandTypeEnum_COMMAND_AUTH.Enum(), Service: service(), Auth: &canon.AuthRequest{Login: proto.String("asan"), Password: proto.String("s3cret-55")}})
	x := w.api.exchanges(0, false, 1)[0]
	for _, path := range []string{"/traffic/" + fmt.Sprint(x.Seq), "/api/exchanges"} {
		_, _, raw := w.call("GET", path, "")
		hexed := regexp.MustCompile(`73 33 63 72 65 74`)
		if strings.Contains(raw, "s3cret") || hexed.MatchString(raw) {
			t.Errorf("%s tells the password", path)
		}
		if !strings.Contains(raw, "AUTH") {
			t.Errorf("%s does not tell of the login", path)
		}
	}
}
