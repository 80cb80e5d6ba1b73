package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

// What the manufacturer declares (profile.yaml, submission.yaml) stands in the
// record, and this file holds it against what the record shows. A declaration
// decides which rows bind; one that the record contradicts decides nothing.

// Declaration is a key of profile.yaml and its line, 0 when the record does not tell.
type Declaration struct {
	Key  string
	Line int
}

// String is the place: profile.yaml:7 (sectors).
func (d Declaration) String() string {
	if d.Line == 0 {
		return "profile.yaml (" + d.Key + ")"
	}
	return fmt.Sprintf("profile.yaml:%d (%s)", d.Line, d.Key)
}

// A Contradiction is a declaration that the record shows to be wrong.
type Contradiction struct {
	Declaration
	Declared string // as the profile has it
	Seen     string // what the record shows instead
	Events   []history.Seq
}

// Declared are the lines of the profile that the judgement rests on: those
// whose values it was compared with, or that decided whether the row binds.
func (j Judgement) Declared() []Declaration { return j.declared }

func (j Judgement) declaredBy(d ...Declaration) Judgement {
	for _, x := range d {
		if !slices.Contains(j.declared, x) {
			j.declared = append(slices.Clone(j.declared), x)
		}
	}
	return j
}

func (r *Record) declaration(key string) Declaration {
	return Declaration{key, r.Begin.Profile.Lines[key]}
}

// Fact gives what the profile declares for a field of a condition, and false
// when it declares nothing. In a record that did not keep the two apart an
// empty list, an empty word and a false count as undeclared.
func (r *Record) Fact(field string) ([]string, bool) {
	if r.Begun == 0 {
		return nil, false
	}
	f := r.Begin.Profile
	if f.Declared != nil {
		v, ok := f.Declared[field]
		return v, ok
	}
	one := func(s string) ([]string, bool) { return []string{s}, s != "" }
	many := func(s []string) ([]string, bool) { return s, len(s) > 0 }
	switch field {
	case "section":
		return one(r.Begin.Section)
	case "sectors":
		return many(f.Sectors)
	case "channels":
		return many(f.Channels)
	case "languages":
		return many(f.Languages)
	case "fiscal_registrar":
		return []string{strconv.FormatBool(f.Fiscal)}, f.Fiscal
	case "protocol":
		return one(r.Begin.Protocol)
	}
	return nil, false
}

// principals are the values of a row's principal parameter that are compared
// with a declaration, and the key of the profile that makes it.
var principals = map[string][]string{
	"taxpayer.name": {"taxpayer.name"}, "taxpayer.bin": {"taxpayer.bin"}, "address": {"taxpayer.address"}, "activity": {"taxpayer.activity"},
	"kkm.id": {"ofd.id"}, "kkm.registration": {"registration_number"}, "kkm.serial": {"serial"},
	"ofd.name": {"ofd.name"}, "ofd.site": {"ofd.site"}, "ofd": {"ofd.name", "ofd.site"},
}

// compared are the keys of the profile with which the check of a row compares.
func compared(row regulation.Row) []string {
	for _, p := range []string{"field", "line"} {
		if keys := principals[row.Params[p]]; keys != nil && row.Check != "" {
			return keys
		}
	}
	return nil
}

// conditioned are the keys of the profile that decide whether a row binds.
func conditioned(row regulation.Row) []string {
	if row.Obligation != regulation.Conditional {
		return nil
	}
	c, err := regulation.ParseCondition(row.Condition)
	if err != nil {
		return nil
	}
	return c.Fields()
}

// contradicted gives a judgement for each declaration that the row needs and
// that the record shows to be wrong. It is undecided: the register is not to
// blame for what was written about it, and nothing may rest on that either.
func (r *Record) contradicted(row regulation.Row) []Judgement {
	var out []Judgement
	say := func(key string, fields []string) {
		for _, c := range r.Contradictions {
			if slices.Contains(fields, c.Key) {
				j := unsure(key, args{"at": c.Declaration.String(), "declared": c.Declared, "seen": c.Seen})
				out = append(out, j.Citing(c.Events...).Citing(cite(r.Begun)...).declaredBy(c.Declaration))
			}
		}
	}
	say("row.contradicted", conditioned(row))
	say("row.otherdevice", compared(row))
	return out
}

// contradict finds the declarations that the record shows to be wrong.
func (r *Record) contradict() {
	if r.Begun == 0 {
		return
	}
	r.sectorsSeen()
	r.versionsSeen()
	r.taxesSeen()
	for _, x := range []struct{ key, declared, says string }{
		{"model", r.Begin.Profile.Model, r.Identity.Model}, {"serial", r.Begin.Profile.Serial, r.Identity.Serial},
	} {
		if x.declared != "" && !sameName(x.declared, x.says) {
			r.contradiction(x.key, x.declared, x.says, r.IdentityAt)
		}
	}
}

// contradiction notes one, together with what was noted of the same key before.
func (r *Record) contradiction(key, declared, seen string, at history.Seq) {
	for i := range r.Contradictions {
		c := &r.Contradictions[i]
		if c.Key != key {
			continue
		}
		if !slices.Contains(strings.Split(c.Seen, ", "), seen) {
			c.Seen, c.Events = c.Seen+", "+seen, append(c.Events, at)
		}
		return
	}
	r.Contradictions = append(r.Contradictions, Contradiction{r.declaration(key), declared, seen, []history.Seq{at}})
}

// domains are the industries that a ticket can name. Trade is left out: it is
// what a register without any data on its industry sends (cpcr.md 12).
var domains = map[canon.DomainTypeEnum]string{
	canon.DomainTypeEnum_DOMAIN_SERVICES: "services", canon.DomainTypeEnum_DOMAIN_GASOIL: "gasoil", canon.DomainTypeEnum_DOMAIN_HOTELS: "hotels",
	canon.DomainTypeEnum_DOMAIN_TAXI: "taxi", canon.DomainTypeEnum_DOMAIN_PARKING: "parking",
}

// without are the sectors that have no industry of their own in a ticket: such a
// register may call itself a service.
var without = []string{"pawnshop", "scrap", "glassware", "exchange", "banking"}

func (r *Record) sectorsSeen() {
	declared, ok := r.Fact("sectors")
	if !ok {
		return
	}
	for _, x := range r.Exchanges {
		d := x.Req.GetTicket().GetDomain()
		if d == nil || d.Type == nil {
			continue
		}
		w, ok := domains[d.GetType()]
		vague := w == "services" && slices.ContainsFunc(declared, func(s string) bool { return slices.Contains(without, s) })
		if ok && !vague && !slices.Contains(declared, w) {
			r.contradiction("sectors", strings.Join(declared, ", "), w, x.Seq)
		}
	}
}

func (r *Record) versionsSeen() {
	for _, x := range r.Exchanges {
		if v := x.Header.Version.String(); x.Class == "" && r.Begin.Protocol != "" && x.Header.Version != 0 && v != r.Begin.Protocol {
			r.contradiction("protocol", r.Begin.Protocol, v, x.Seq)
		}
	}
}

func (r *Record) taxesSeen() {
	if v, ok := r.Fact("vat_payer"); !ok || !slices.Equal(v, []string{"false"}) {
		return
	}
	for _, x := range r.Exchanges {
		t := x.Req.GetTicket()
		taxes := slices.Clone(t.GetTaxes())
		for _, i := range t.GetItems() {
			taxes = append(taxes, i.GetCommodity().GetTaxes()...)
		}
		for _, tax := range taxes {
			if tax.GetSum().GetBills() != 0 || tax.GetSum().GetCoins() != 0 {
				r.contradiction("vat_payer", "false", "VAT "+tiynText(tax.GetSum()), x.Seq)
				return
			}
		}
	}
}

// sameName says whether two names may mean one thing: signs, case and leading
// zeros do not count, and one may be a part of the other (a register tells its
// number without the letters of the housing). Nothing said contradicts nothing.
func sameName(a, b string) bool {
	a, b = bare(a), bare(b)
	return a == "" || b == "" || strings.Contains(a, b) || strings.Contains(b, a)
}

func bare(s string) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, s)
	return strings.TrimLeft(s, "0")
}

// Missing is a property that the profile does not declare and rows wait for.
type Missing struct {
	Key  string
	Rows []string // section and number
}

// Undeclared lists the properties that findings ask for, in the order of the form.
func Undeclared(fs []Finding) []Missing {
	var out []Missing
	add := func(key string, f Finding) {
		i := slices.IndexFunc(out, func(m Missing) bool { return m.Key == key })
		if i < 0 {
			i = len(out)
			out = append(out, Missing{Key: key})
		}
		if row := f.Section + " " + f.Row; !slices.Contains(out[i].Rows, row) {
			out[i].Rows = append(out[i].Rows, row)
		}
	}
	for _, f := range fs {
		for _, j := range f.Parts {
			switch key, a := j.Message(); key {
			case "row.undeclared":
				for p := range strings.SplitSeq(a["property"], ", ") {
					add(p, f)
				}
			case "fact.undeclared":
				_, principal, _ := strings.Cut(a["field"], ".")
				for _, p := range principals[principal] {
					add(p, f)
				}
			}
		}
	}
	return out
}
