package check

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fiscal"
)

func authorityChecks() []Check {
	return []Check{
		{Key: "auth.token", Doc: "The register names itself by its number and the token that the OFD gave last, and stops when the OFD refuses either.",
			Scenarios: []string{"settings/token"}, Judge: judgeToken},
		{Key: "config.entry", Doc: "A setting can be entered, and what was entered is used.",
			Params: []Param{
				{Name: "item", Type: tWord, Required: true, OneOf: []string{"address", "token", "registration", "kkm-id"}, Doc: "which setting"},
				{Name: "length", Type: tInt, Min: "1", Doc: "least number of characters that must be taken whole"},
			},
			Scenarios: []string{"settings/token", "settings/address", "settings/numbers"}, Judge: judgeEntry},
		{Key: "modes.main", Doc: "Each of the main modes can be entered, and what belongs to it is done there.",
			Params:    []Param{{Name: "mode_list", Type: tWords, Required: true, Doc: "registration, x_z, programming, configuration, additional, trial_receipt"}},
			Scenarios: []string{"receipt/sign", "settings/shift"}, Judge: judgeModes},
	}
}

// codes with which the OFD refuses who a register says it is (cpcr.md 6).
const (
	codeUnknownID = 1
	codeBadToken  = 2
)

// judgeToken follows the tokens of a record (cpcr.md 4.1). After an answer that
// may have been lost on the way either token is right.
func judgeToken(r *Record, _ regulation.Params) []Judgement {
	v := verdict{r: r}
	t := tokens{r: r}
	next := 0
	var waiting []*Exchange // whose answers the register may not have yet
	for _, x := range r.Exchanges {
		now := x.At
		hear := func(until history.Seq) { // what was answered before is what the register can know
			waiting = slices.DeleteFunc(waiting, func(w *Exchange) bool {
				if a := w.Answer(); a != nil && (a.Seq > until || r.Elapsed(a.At, now) < transit) {
					return false
				}
				t.heard(w)
				return true
			})
		}
		for ; next < len(r.Ops) && r.Ops[next].windowE < x.Seq; next++ {
			if o := r.Ops[next]; o.Kind == fiscal.OpSetSetting && o.Setting == fiscal.SetToken {
				now = o.At
				hear(o.Seq)
				t.typed(o)
				now = x.At
			}
		}
		hear(x.Seq)
		fresh := t // with answers that may have arrived, or not yet
		for _, w := range waiting {
			if a := w.Answer(); a != nil && a.Seq < x.Seq {
				fresh.right = append(slices.Clone(fresh.right), a.Header.Token)
			}
		}
		waiting = append(waiting, x)
		if x.Req == nil { // its header need not mean anything
			continue
		}
		a := args{"token": strconv.FormatUint(uint64(x.Header.Token), 10), "id": strconv.FormatUint(uint64(x.Header.ID), 10), "want": fresh.text(),
			"declared": r.enteredBefore(fiscal.SetKKMID, x.Seq, strconv.FormatUint(uint64(r.Begin.Profile.OFDID), 10))}
		switch {
		case r.Begin.Profile.OFDID != 0 && a["id"] != a["declared"]:
			v.fail(x.During, fail("auth.id", a, x.Seq).bytes(head(x.Bytes)).declaredBy(r.declaration("ofd.id")))
		case len(t.right) > 0 && !slices.Contains(fresh.right, x.Header.Token):
			v.fail(x.During, fail("auth.token", a, append([]history.Seq{x.Seq}, t.by...)[0], t.by...).bytes(head(x.Bytes)))
		case len(fresh.right) == 1 && t.changed:
			v.prove("changed", nil, x.Seq, t.by[0])
		}
	}
	r.stopsOnRefusal(&v)
	return v.end(need{"changed", "auth.need.changed", nil}, need{"stopped", "auth.need.stopped", nil}, need{"again", "auth.need.again", nil})
}

// tokens is what a register may know of the token.
type tokens struct {
	r       *Record
	right   []uint32 // any of these is right; empty: nothing is known yet
	by      []history.Seq
	changed bool // the last answer gave another token than the request had
}

func (t *tokens) text() string {
	var out []string
	for _, n := range t.right {
		out = append(out, strconv.FormatUint(uint64(n), 10))
	}
	return strings.Join(out, " / ")
}

func (t *tokens) typed(o *Operation) {
	if o.Refused() || o.Got() == fiscal.Unsupported {
		return
	}
	n, err := strconv.ParseUint(o.Value, 10, 32)
	if err != nil {
		return
	}
	if o.Done() {
		t.right, t.by, t.changed = nil, nil, false
	}
	t.right, t.by = append(t.right, uint32(n)), append(t.by, o.Seq)
}

func (t *tokens) heard(x *Exchange) {
	a := x.Answer()
	if a == nil {
		if len(t.right) == 0 {
			t.right, t.by = []uint32{x.Header.Token}, []history.Seq{x.Seq}
		}
		return
	}
	got := a.Header.Token
	c, ok := x.Code()
	sure := ok && !x.Lost && !x.Faulty && !t.r.late(x) && !t.r.closedBefore(x)
	switch {
	case sure && c == 0:
		t.right, t.by, t.changed = []uint32{got}, []history.Seq{a.Seq}, got != x.Header.Token
	case slices.Contains(t.right, got):
	default:
		t.right, t.by, t.changed = append(t.right, got), append(t.by, a.Seq), false
		if !slices.Contains(t.right, x.Header.Token) {
			t.right = append(t.right, x.Header.Token)
		}
	}
}

// closedBefore says whether the register ended the connection before the answer came.
func (r *Record) closedBefore(x *Exchange) bool {
	c := r.closing[x.Conn]
	return c != nil && c.Seq > x.Seq && x.Answer() != nil && c.Seq < x.Answer().Seq
}

// enteredBefore is the value of a setting at event n: what was entered last, else
// what was declared. While it is entered anew either value may be the right one.
func (r *Record) enteredBefore(s fiscal.Setting, n history.Seq, declared string) string {
	for _, o := range r.typed {
		if o.Seq < n && o.Setting == s && o.Done() {
			declared = o.Value
		}
	}
	return declared
}

func (r *Record) registrationAt(n history.Seq) string {
	return r.enteredBefore(fiscal.SetRegistration, n, r.Begin.Profile.Registration)
}

// stopsOnRefusal: after the OFD has refused number or token no receipt comes
// into being until one of its answers, or the right token, has lifted that.
func (r *Record) stopsOnRefusal(v *verdict) {
	var by, lifted *Answer
	var token *Operation
	i := 0
	for _, o := range r.Ops {
		for ; i < len(r.Exchanges) && r.Exchanges[i].Seq < o.Seq; i++ {
			x := r.Exchanges[i]
			a := x.Answer()
			if a != nil && a.Seq > o.Seq {
				break
			}
			switch c, ok := x.Code(); {
			case !ok || x.Lost || x.Faulty:
			case c == codeBadToken || c == codeUnknownID:
				if by == nil {
					by = a
				}
				token = nil
			case c == 0:
				if by != nil {
					lifted = a
				}
				by = nil
			}
		}
		if o.Kind == fiscal.OpSetSetting && o.Setting == fiscal.SetToken && o.Done() && by != nil {
			token = o
		}
		if !o.IsReceipt() || o.As.Password != "" {
			continue
		}
		a := refusal(o, args{"op": seqText(o.Seq)})
		refusedNow := false
		for _, x := range o.During {
			c, ok := x.Code()
			refusedNow = refusedNow || ok && (c == codeBadToken || c == codeUnknownID) && !x.Faulty && !x.Lost
		}
		switch {
		case by != nil && token == nil && o.Done():
			v.fail(o, fail("auth.sold", with(a, "answer", seqText(by.Seq)), o.End, o.Seq, by.Seq))
		case by != nil && token == nil && o.Refused():
			v.prove("stopped", o, o.End, by.Seq)
		case refusedNow && o.Done():
			v.fail(o, fail("auth.sold", with(a, "answer", seqText(o.During[0].Seq)), o.End, o.Seq))
		case (lifted != nil || token != nil) && o.Done() && plainSale(o):
			v.prove("again", o, o.End, o.Seq)
		}
	}
}

// judgeEntry judges by what is used: where the register connects to, what its
// messages and papers carry from then on.
func judgeEntry(r *Record, p regulation.Params) []Judgement {
	least := 0
	if p.Word("length") != "" {
		n, err := p.Int("length")
		if err != nil {
			return badParam(err)
		}
		least = n
	}
	switch p.Word("item") {
	case "address":
		return r.addressEntry()
	case "token":
		return r.usedEntry(fiscal.SetToken, "@what.token", least, func(x *Exchange) string { return strconv.FormatUint(uint64(x.Header.Token), 10) })
	case "kkm-id":
		return r.usedEntry(fiscal.SetKKMID, "@what.kkm-id", least, func(x *Exchange) string { return strconv.FormatUint(uint64(x.Header.ID), 10) })
	}
	return r.usedEntry(fiscal.SetRegistration, "@what.registration", least, func(x *Exchange) string { return x.Req.GetService().GetRegInfo_().GetKkm().GetFnsKkmId() })
}

// usedEntry judges a setting that every message carries: the next one after it was entered does.
func (r *Record) usedEntry(s fiscal.Setting, word string, least int, read func(*Exchange) string) []Judgement {
	v := verdict{r: r}
	var last *Operation
	i := 0
	a := args{"what": word}
	look := func(until history.Seq) {
		for ; i < len(r.Exchanges) && r.Exchanges[i].Seq < until; i++ {
			x := r.Exchanges[i]
			if last == nil || x.Seq < last.End || x.Req == nil {
				continue
			}
			got := read(x)
			if got == "" && s == fiscal.SetRegistration {
				continue // a message that carries no registration data
			}
			b := with(a, "want", last.Value, "got", orNone(got))
			if got != last.Value {
				v.fail(last, fail("entry.unused", b, x.Seq, last.Seq, last.End).bytes(head(x.Bytes)))
			} else if utf8.RuneCountInString(got) >= least {
				v.prove("used", last, x.Seq, last.Seq)
			}
			last = nil
		}
	}
	w := newWorld(r)
	tried := false
	for _, o := range r.Ops {
		w.before(o)
		look(o.Seq)
		if o.Kind != fiscal.OpSetSetting || o.Setting != s || o.As.Password != "" {
			w.after(o)
			continue
		}
		b := refusal(o, with(a, "value", o.Value))
		switch open, known := w.open(o); {
		case o.Got() == fiscal.Unsupported:
			if !tried {
				v.open(unsure("config.unable", b).Citing(o.End))
			}
		case o.Done():
			last, tried = o, true
		case o.Refused() && known && !open && w.excuse(o, "") == "" && utf8.RuneCountInString(o.Value) >= least:
			v.fail(o, fail("config.locked", b, o.End, o.Seq))
		}
		w.after(o)
	}
	look(^history.Seq(0))
	if tried {
		v.opens = nil // it was entered in another way
	}
	return v.end(need{"used", "entry.need", a})
}

// addressEntry judges address and port of the OFD: with another port nothing
// arrives, with the right one everything does.
func (r *Record) addressEntry() []Judgement {
	v := verdict{r: r}
	a := args{"what": "@what.address"}
	w := newWorld(r)
	var away *Operation // another address was entered, and the right one not yet again
	right := map[fiscal.Setting]string{}
	next := 0
	for _, o := range r.Ops {
		w.before(o)
		for ; next < len(r.Settings) && r.Settings[next].Seq < o.Seq; next++ {
			if s := r.Settings[next]; right[s.Name] == "" {
				right[s.Name] = s.Value
			}
		}
		b := refusal(o, with(a, "value", o.Value))
		set := o.Kind == fiscal.OpSetSetting && (o.Setting == fiscal.SetOFDHost || o.Setting == fiscal.SetOFDPort) && o.As.Password == ""
		switch {
		case set && o.Got() == fiscal.Unsupported:
			v.open(unsure("config.unable", b).Citing(o.End))
		case set && o.Done() && right[o.Setting] != "" && o.Value != right[o.Setting]:
			away = o
		case set && o.Done() && away != nil && away.Setting == o.Setting:
			v.prove("set "+string(o.Setting), o, o.End, o.Seq)
			away = nil
		case away != nil && plainSale(o):
			if x := r.arrived(o); x != nil {
				v.fail(o, fail("entry.ignored", with(b, "value", away.Value), x.Seq, away.Seq, away.End, o.Seq))
			} else if !o.Faulty && !o.Staged {
				v.prove("away", o, away.End, o.Seq, o.End)
			}
		case away == nil && v.proven("away") && plainSale(o):
			if m, x := r.Mode(o); m == Online && v.provenAny("set ") {
				v.prove("used", o, x.Seq, o.Seq)
			}
		}
		w.after(o)
	}
	return v.end(need{"away", "entry.need.away", a}, need{"used", "entry.need", a})
}

// arrived is a request that came over a connection that was opened during an operation.
func (r *Record) arrived(o *Operation) *Exchange {
	for _, x := range o.During {
		if c := r.opening[x.Conn]; c != nil && c.Seq > o.Seq {
			return x
		}
	}
	return nil
}

func (v *verdict) provenAny(prefix string) bool {
	for k := range v.proof {
		if strings.HasPrefix(k, prefix) && len(v.proof[k]) > 0 {
			return true
		}
	}
	return false
}

// judgeModes: KZ 431 row 9. A mode is there when something that belongs to it was
// done; it is not when everything that belongs to it was refused and nothing else explains that.
func judgeModes(r *Record, p regulation.Params) []Judgement {
	v := verdict{r: r}
	var needs []need
	for _, mode := range p.Words("mode_list") {
		a := args{"mode": "@modes." + mode}
		parts := modeParts[mode]
		if parts == nil {
			return badParam(errMode(mode))
		}
		for _, part := range parts {
			r.judgeMode(&v, mode, part, a)
			needs = append(needs, need{mode + " " + part.name, "modes.need", with(a, "what", "@modes."+part.name)})
		}
	}
	return v.end(needs...)
}

// modePart is something that belongs to a mode; any of the operations shows it.
type modePart struct {
	name string
	is   func(o *Operation) bool
}

func kindPart(name string, kinds ...fiscal.OpKind) modePart {
	return modePart{name, func(o *Operation) bool { return slices.Contains(kinds, o.Kind) }}
}

var modeParts = map[string][]modePart{
	"registration": {kindPart("receipt", fiscal.OpReceipt)},
	"x_z":          {kindPart("x", fiscal.OpXReport), kindPart("z", fiscal.OpZReport)},
	"programming":  {kindPart("setting", fiscal.OpSetSetting)},
	"configuration": {
		kindPart("setting", fiscal.OpSetSetting)},
	"additional":    {kindPart("clock", fiscal.OpSetClock), kindPart("test", fiscal.OpTestPrint, fiscal.OpSelfTest)},
	"trial_receipt": {kindPart("trial", fiscal.OpTestPrint)},
}

func (r *Record) judgeMode(v *verdict, mode string, part modePart, a args) {
	w := newWorld(r)
	var refused []history.Seq
	did, unable := false, history.Seq(0)
	for _, o := range r.Ops {
		w.before(o)
		if part.is(o) && o.As.Password == "" {
			open, known := w.open(o)
			needsClosed := o.Kind == fiscal.OpSetClock || o.Kind == fiscal.OpSetSetting
			switch {
			case o.Done():
				did = true
				v.prove(mode+" "+part.name, o, o.End, o.Seq)
			case o.Got() == fiscal.Unsupported:
				unable = o.End
			case o.Refused() && w.excuse(o, "") == "" && !w.alone(o) && known && open != needsClosed && o.Step.Held():
				refused = append(refused, o.End, o.Seq)
			}
		}
		w.after(o)
	}
	b := with(a, "what", "@modes."+part.name)
	switch {
	case did:
	case len(refused) > 2: // one refusal may have a reason that nobody sees
		v.fails = append(v.fails, fail("modes.refused", b, refused[0], refused[1:min(len(refused), quote)]...))
	case unable != 0:
		v.open(unsure("config.unable", with(b, "what", "@modes."+part.name)).Citing(unable))
	}
}
