package kkm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/kkmtest/kkmtest/cpcr"
)

// LoadProfile reads a profile. name stands in errors, which have the form
// file:line:column: what was found: what is wanted.
func LoadProfile(name string, raw []byte) (Profile, error) {
	var p Profile
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return p, yamlError(name, err)
	}
	c := checker{name: name, file: file}
	for _, l := range []string{"offline", "shift", "answer", "transaction", "connect", "retry", "reconnect", "ping"} {
		c.duration("limits." + l)
	}
	if len(c.errs) > 0 {
		return p, errors.Join(c.errs...)
	}
	if err := yaml.UnmarshalWithOptions(raw, &p, yaml.Strict()); err != nil {
		return p, yamlError(name, err)
	}
	c.profile(&p)
	return p, errors.Join(c.errs...)
}

// yamlError brings an error of the YAML library into our form.
func yamlError(name string, err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		pos := y.GetToken().Position
		return fmt.Errorf("%s:%d:%d: %s", name, pos.Line, pos.Column, y.GetMessage())
	}
	return fmt.Errorf("%s: %w", name, err)
}

type checker struct {
	name string
	file *ast.File
	errs []error
}

// at finds the place of a value; of its section when the value is absent.
func (c *checker) at(path string) string {
	for p := path; p != ""; {
		if y, err := yaml.PathString("$." + p); err == nil {
			if n, err := y.FilterFile(c.file); err == nil && n != nil && n.GetToken() != nil {
				pos := n.GetToken().Position
				return fmt.Sprintf("%s:%d:%d", c.name, pos.Line, pos.Column)
			}
		}
		i := strings.LastIndexAny(p, ".[")
		if i < 0 {
			break
		}
		p = p[:i]
	}
	return c.name + ":1:1"
}

// duration looks at the text, because the library's own error has no place.
func (c *checker) duration(path string) {
	y, err := yaml.PathString("$." + path)
	if err != nil {
		return
	}
	n, err := y.FilterFile(c.file)
	if err != nil || n == nil || n.GetToken() == nil {
		return // absent: the range check says so
	}
	_, err = time.ParseDuration(n.GetToken().Value)
	c.want(err == nil, path, n.GetToken().Value, "a duration such as 72h, 5s or 500ms")
}

func (c *checker) want(ok bool, path string, got any, want string) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf("%s: %s %q: want %s", c.at(path), path, fmt.Sprint(got), want))
	}
}

func digits(s string, n int) bool {
	return len(s) >= n && strings.Trim(s, "0123456789") == ""
}

func (c *checker) text(path, s string) { c.want(strings.TrimSpace(s) != "", path, s, "a text") }

func (c *checker) span(path string, d, low, high time.Duration) {
	c.want(d >= low && d <= high, path, d, fmt.Sprintf("a duration from %v to %v", low, high))
}

func (c *checker) profile(p *Profile) {
	c.text("model", p.Model)
	c.text("firmware", p.Firmware)
	if p.Section == "" {
		p.Section = "I"
	}
	if p.Order == 0 {
		p.Order = Order431
	}
	c.want(p.Section == "I" || p.Section == "II" || p.Section == "III", "section", p.Section, "I, II or III")
	c.want(p.Order == Order431 || p.Order == Order626, "order", p.Order, "431 or 626")
	c.text("serial", p.Serial)
	c.want(digits(p.Registration, 12), "registration", p.Registration, "12 digits or more")
	c.want(len(p.Channels) > 0, "channels", p.Channels, "one channel at least, such as ethernet")
	c.want(len(p.WiFi) == 0 || slices.Contains(p.Channels, "wifi"), "wifi", len(p.WiFi), "no networks without a channel wifi")
	for i, w := range p.WiFi {
		c.want(w.Name != "" && !strings.ContainsAny(w.Name, " -"), fmt.Sprintf("wifi[%d].name", i), w.Name, "a name without blanks and hyphens")
		c.want(strings.TrimSpace(w.Password) != "", fmt.Sprintf("wifi[%d].password", i), w.Password, "a text")
	}
	for i, o := range p.Mobile {
		c.want(strings.TrimSpace(o) != "" && o != anyOperator, fmt.Sprintf("mobile[%d]", i), o, "the name of a mobile operator")
	}
	c.want(len(p.Languages) > 0, "languages", p.Languages, "kk, ru or both")
	for i, l := range p.Languages {
		c.want(l == "kk" || l == "ru", fmt.Sprintf("languages[%d]", i), l, "kk or ru")
	}
	c.text("taxpayer.name", p.Taxpayer.Name)
	c.want(digits(p.Taxpayer.BIN, 12) && len(p.Taxpayer.BIN) == 12, "taxpayer.bin", p.Taxpayer.BIN, "12 digits")
	c.text("taxpayer.address", p.Taxpayer.Address)
	c.text("taxpayer.address_kk", p.Taxpayer.AddressKK)
	c.want(digits(p.Taxpayer.Activity, 4), "taxpayer.activity", p.Taxpayer.Activity, "an OKED code of 4 digits or more")
	c.want(p.Position.Latitude >= 0 && p.Position.Latitude <= 900000, "position.latitude", p.Position.Latitude, "0..900000 (degree x 10000)")
	c.want(p.Position.Longitude >= 0 && p.Position.Longitude <= 1800000, "position.longitude", p.Position.Longitude, "0..1800000 (degree x 10000)")
	c.text("position.source", p.Position.Source)
	c.ofd(&p.OFD)
	seen := map[int]bool{}
	for i, s := range p.Staff {
		path := fmt.Sprintf("staff[%d]", i)
		c.want(s.Number >= 1 && s.Number <= Operators && !seen[s.Number], path+".number", s.Number, "a number from 1 to 30 that nobody else has")
		c.text(path+".name", s.Name)
		seen[s.Number] = true
	}
	c.want(len(p.Staff) > 0, "staff", "", "one person at least")
	c.want(p.Passwords.Minimum >= 1 && p.Passwords.Minimum <= 8, "passwords.minimum", p.Passwords.Minimum, "1..8 positions")
	c.goods(&p.Goods)
	c.limits(&p.Limits, p.Section)
	if p.Inspector != (Inspector{}) {
		c.want(p.Section == "III" && p.Order == Order626, "inspector", p.Inspector.Login, "no inspector outside section III of order 626")
		c.text("inspector.login", p.Inspector.Login)
		c.want(len(p.Inspector.Password) >= 8, "inspector.password", "", "8 characters or more")
	}
	c.want(p.Printer.Width >= 32 && p.Printer.Width <= 80, "printer.width", p.Printer.Width, "32..80 characters")
	c.want(p.Printer.Speed >= 1 && p.Printer.Speed <= 1000, "printer.speed", p.Printer.Speed, "1..1000 lines a second")
}

func (c *checker) ofd(o *OFD) {
	c.text("ofd.name", o.Name)
	c.text("ofd.name_kk", o.NameKK)
	c.text("ofd.site", o.Site)
	c.text("ofd.host", o.Host)
	c.want(o.Port >= 1 && o.Port <= 65535, "ofd.port", o.Port, "1..65535")
	c.want(o.ID > 0, "ofd.id", o.ID, "the number that the OFD gave")
	c.want(o.Token > 0, "ofd.token", o.Token, "the first token, 1..4294967295")
	v, err := cpcr.ParseVersion(o.CPCR)
	known := make([]string, 0, len(cpcr.Versions))
	for _, k := range cpcr.Versions {
		known = append(known, k.String())
	}
	c.want(err == nil && v.Known(), "ofd.cpcr", o.CPCR, "one of "+strings.Join(known, ", "))
	o.Version = v
}

var sectors = []string{"trading", "services", "gasoil", "hotels", "taxi", "parking"}

func (c *checker) goods(g *Goods) {
	c.want(digits(g.Unit, 1), "goods.unit", g.Unit, "a unit code such as 796")
	c.want(g.Taxation >= 100 && g.Taxation <= 102, "goods.taxation", g.Taxation, "100, 101 or 102")
	c.want(slices.Contains(sectors, g.Sector), "goods.sector", g.Sector, "one of "+strings.Join(sectors, ", "))
	if g.Sector == "services" || g.Sector == "hotels" {
		c.text("goods.account", g.Account)
	}
	for i, m := range g.Marked {
		c.want(digits(m, 8) && len(m) <= 14, fmt.Sprintf("goods.marked[%d]", i), m, "a GTIN of 8 to 14 digits")
	}
	if g.Sector == "taxi" {
		c.text("goods.car", g.Car)
	}
}

func (c *checker) limits(l *Limits, section string) {
	const most = 1000 * time.Hour
	if section == "II" {
		c.want(l.Offline == 0, "limits.offline", l.Offline, "no line for it: a register of section II does not work without its OFD")
	} else {
		c.span("limits.offline", l.Offline, time.Minute, most)
	}
	c.span("limits.shift", l.Shift, time.Minute, most)
	c.span("limits.answer", l.Answer, time.Second, time.Minute)
	c.span("limits.transaction", l.Transaction, l.Answer, 2*time.Minute)
	c.span("limits.connect", l.Connect, 10*time.Millisecond, l.Answer)
	c.span("limits.retry", l.Retry, time.Millisecond, l.Answer)
	c.span("limits.reconnect", l.Reconnect, time.Second, time.Hour)
	if l.Ping != 0 {
		c.span("limits.ping", l.Ping, time.Minute, most)
	}
}
