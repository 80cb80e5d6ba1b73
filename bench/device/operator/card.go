package operator

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Kind is what a card is about.
type Kind string

// The kinds of cards.
const (
	AskIdentity Kind = "identity" // what stands on the housing
	AskState    Kind = "state"    // is a shift open, is anything unsent
	AskOp       Kind = "op"       // do something at the keys
	AskDisplay  Kind = "display"  // read the display
	AskSetting  Kind = "setting"  // look a setting up
	AskPower    Kind = "power"    // switch
	AskPaper    Kind = "paper"    // take away, put back
	AskConfirm  Kind = "confirm"  // is this what the paper says
)

// Card is one thing that a person is asked to do or to read.
type Card struct {
	ID       string // of the operation, or kind/number
	Kind     Kind
	Language Language

	Op       *fiscal.Op // AskOp
	Display  bool       // AskOp: the register has a display
	Names    []string   // AskOp: of the cashiers 1, 2, ...
	Setting  fiscal.Setting
	On       bool     // AskPower, AskPaper
	Proposal []string // AskConfirm

	posted string // text of a card that comes out of a mailbox
}

// yes and no, as they are written in answers.
const (
	yes = "yes"
	no  = "no"
)

// Reply is a person's answer. Which fields a card takes, [Card.Fits] says.
type Reply struct {
	Person string // who answers; never empty

	Got   string   // done, refused, unsupported, unknown
	Words string   // what the register said, or why it could not be done
	Code  int      // number of an error, if the register shows one
	Doc   uint64   // number of the document, if it is printed
	Sign  string   // fiscal or autonomous sign, as printed
	Shown []string // display; nil: not read, empty: nothing there
	Files []string // photos, scans, texts: paths

	Printed []string // lines of paper, as printed
	Read    bool     // the paper was read, even when there was none

	Model, Serial, Firmware string
	Display                 string // yes, no
	Shift                   string // open, closed, too-long
	Unsent                  *int   // nil: the register does not tell
	Value                   string // of a setting
	Confirmed               string // yes, no

	Keyed clock.Instant // the last key of the entry was pressed; zero: not marked
	Stood clock.Instant // the paper had come to rest
}

func (r Reply) answer() fiscal.Answer {
	if r.Got == "unknown" {
		return fiscal.Unknown
	}
	return fiscal.Answer(r.Got)
}

// Fields are the names of what an answer to this card may hold, besides person
// and files. The first one must be there.
func (c Card) Fields() []string {
	switch c.Kind {
	case AskIdentity:
		return []string{"display", "model", "serial", "firmware"}
	case AskState:
		return []string{"shift", "unsent"}
	case AskOp:
		return []string{"got", "words", "code", "doc", "sign", "shown", "printed"}
	case AskDisplay:
		return []string{"shown"}
	case AskSetting:
		return []string{"value", "got"}
	case AskPower, AskPaper:
		return []string{"got", "words"}
	case AskConfirm:
		return []string{"confirmed", "printed"}
	}
	return nil
}

// Fits says what is wrong with an answer to this card, in words for the person.
func (c Card) Fits(r Reply) error {
	var errs []error
	want := func(ok bool, format string, a ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, a...))
		}
	}
	want(strings.TrimSpace(r.Person) != "", "person: want the name of who answers")
	oneOf := func(name, v string, words ...string) {
		for _, w := range words {
			if v == w {
				return
			}
		}
		errs = append(errs, fmt.Errorf("%s %q: want %s", name, v, strings.Join(words, ", ")))
	}
	switch c.Kind {
	case AskIdentity:
		oneOf("display", r.Display, yes, no)
	case AskState:
		oneOf("shift", r.Shift, "open", "closed", "too-long")
		want(r.Unsent == nil || *r.Unsent >= 0, "unsent: want 0 or more, or nothing when the register does not tell")
	case AskOp:
		oneOf("got", r.Got, "done", "refused", "unsupported", "unknown")
		want(r.Got == "done" || strings.TrimSpace(r.Words) != "" || len(r.Shown) > 0,
			"words: want what the register said, or why it could not be done, when the operation was not done")
		want(r.Keyed.Wall.IsZero() == r.Stood.Wall.IsZero() && r.Keyed.Mono <= r.Stood.Mono,
			"the marks: want both moments, the last key before the end of the paper")
	case AskDisplay:
		want(r.Shown != nil, "shown: want the lines of the display, an empty list when nothing is there")
	case AskSetting:
		if r.Got != "unsupported" {
			want(r.Got == "" && strings.TrimSpace(r.Value) != "", "value: want what the register shows, or got: unsupported when it does not show it")
		}
	case AskPower, AskPaper:
		oneOf("got", r.Got, "done", "unsupported")
	case AskConfirm:
		oneOf("confirmed", r.Confirmed, yes, no)
		want(r.Confirmed == no || !r.Read, "confirmed and printed: want one of both; give the right lines with confirmed: no")
	}
	return errors.Join(errs...)
}

// Text is the answer as it stands in the record: the fields that the card takes.
func (r Reply) Text(c Card) string {
	var out []string
	add := func(name, v string) {
		if v != "" {
			out = append(out, name+": "+v)
		}
	}
	for _, f := range c.Fields() {
		switch f {
		case "got":
			add(f, r.Got)
		case "words":
			add(f, r.Words)
		case "code":
			if r.Code != 0 {
				add(f, fmt.Sprint(r.Code))
			}
		case "doc":
			if r.Doc != 0 {
				add(f, fmt.Sprint(r.Doc))
			}
		case "sign":
			add(f, r.Sign)
		case "display":
			add(f, r.Display)
		case "model":
			add(f, r.Model)
		case "serial":
			add(f, r.Serial)
		case "firmware":
			add(f, r.Firmware)
		case "shift":
			add(f, r.Shift)
		case "unsent":
			if r.Unsent != nil {
				add(f, fmt.Sprint(*r.Unsent))
			}
		case "value":
			add(f, r.Value)
		case "confirmed":
			add(f, r.Confirmed)
		case "shown":
			if r.Shown != nil {
				add(f, fmt.Sprintf("%d lines", len(r.Shown)))
			}
		case "printed":
			if r.Read {
				add(f, fmt.Sprintf("%d lines", len(r.Printed)))
			}
		}
	}
	return strings.Join(out, "; ")
}

// Text is the card as a person reads it.
func (c Card) Text() string {
	if c.posted != "" {
		return c.posted
	}
	say := c.Language.words()
	var b strings.Builder
	title, steps, expect := c.content(say)
	fmt.Fprintf(&b, "%s\n", title)
	for i, s := range steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, s)
	}
	for _, s := range expect {
		fmt.Fprintf(&b, "→ %s\n", s)
	}
	return strings.TrimRight(b.String(), "\n")
}

// content makes title, steps and what must come out.
func (c Card) content(say words) (title string, steps, expect []string) {
	switch c.Kind {
	case AskIdentity:
		return say["identity"], []string{say["identity.read"], say["identity.display"]}, nil
	case AskState:
		return say["state"], []string{say["state.shift"], say["state.unsent"]}, nil
	case AskDisplay:
		return say["display"], []string{say["display.type"]}, nil
	case AskSetting:
		return fmt.Sprintf(say["setting"], say["setting."+string(c.Setting)]), []string{say["setting.read"]}, nil
	case AskPower:
		if c.On {
			return say["power.on"], []string{say["power.wait"]}, nil
		}
		return say["power.off"], nil, nil
	case AskPaper:
		if c.On {
			return say["paper.in"], nil, nil
		}
		return say["paper.out"], nil, nil
	case AskConfirm:
		return say["confirm"], append([]string{say["confirm.compare"]}, c.Proposal...), nil
	case AskOp:
		return c.operation(say)
	}
	return string(c.Kind), nil, nil
}

func (c Card) who(say words) string {
	as := c.Op.As
	who := say["who.admin"]
	if !as.Admin && as.Cashier == 0 && adminWork(c.Op.Kind) {
		as.Admin = true
	}
	if !as.Admin {
		n := max(as.Cashier, 1)
		who = fmt.Sprintf(say["who.cashier"], n)
		if n <= len(c.Names) {
			who += " (" + c.Names[n-1] + ")"
		}
	}
	if as.Password != "" {
		who += "; " + fmt.Sprintf(say["who.password"], as.Password)
	}
	return who
}

func adminWork(k fiscal.OpKind) bool {
	switch k {
	case fiscal.OpXReport, fiscal.OpZReport, fiscal.OpReportCashiers, fiscal.OpReportSections, fiscal.OpSetClock, fiscal.OpSetSetting:
		return true
	}
	return false
}

// operation makes the card of an operation.
func (c Card) operation(say words) (title string, steps, expect []string) {
	op := c.Op
	steps = append(steps, c.who(say))
	out := say["expect."+string(op.Kind)]
	if out == "" {
		out = say["expect.document"]
	}
	switch op.Kind {
	case fiscal.OpReceipt:
		if op.Receipt == nil {
			return say["receipt.sale"], steps, nil
		}
		title = say["receipt."+string(op.Receipt.Kind)]
		s, e := receiptSteps(*op.Receipt, say)
		return title, append(append(steps, s...), say["answer"]), append(e, out)
	case fiscal.OpDeposit, fiscal.OpWithdraw:
		steps = append(steps, fmt.Sprintf(say["amount"], op.Cash))
	case fiscal.OpSetClock:
		steps = append(steps, fmt.Sprintf(say["clock"], op.Clock.Format("02.01.2006 15:04:05")))
	case fiscal.OpSetSetting:
		steps = append(steps, fmt.Sprintf(say["set"], say["setting."+string(op.Setting)], op.Value))
		if op.Setting == fiscal.SetCashierPassword {
			steps = append(steps, fmt.Sprintf(say["set.of"], max(op.As.Cashier, 1)))
		}
	}
	return say["op."+string(op.Kind)], append(steps, say["answer"]), []string{out}
}

func receiptSteps(r fiscal.Receipt, say words) (steps, expect []string) {
	if p := r.Parent; p != nil {
		of := fmt.Sprintf(say["parent"], p.Sign, p.At.Format("02.01.2006 15:04:05"), p.Total, p.KKM)
		if p.Offline {
			of += "; " + say["parent.offline"]
		}
		steps = append(steps, of)
	}
	for _, l := range r.Lines {
		s := ""
		switch l.Kind {
		case fiscal.Goods, fiscal.GoodsStorno:
			s = fmt.Sprintf(say["line."+string(l.Kind)], l.Name, l.Qty, l.Price, l.Total())
			if l.Section > 0 {
				s += "; " + fmt.Sprintf(say["line.section"], l.Section)
			}
			if l.Code > 0 {
				s += "; " + fmt.Sprintf(say["line.code"], l.Code)
			}
		default:
			s = fmt.Sprintf(say["line."+string(l.Kind)], l.Name, l.Total())
		}
		if l.VAT != nil {
			s += "; " + fmt.Sprintf(say["line.vat"], *l.VAT)
		} else {
			s += "; " + say["line.novat"]
		}
		steps = append(steps, s)
	}
	if r.Discount > 0 {
		steps = append(steps, fmt.Sprintf(say["discount"], r.Discount))
	}
	if r.Markup > 0 {
		steps = append(steps, fmt.Sprintf(say["markup"], r.Markup))
	}
	if r.Customer != "" {
		steps = append(steps, fmt.Sprintf(say["customer"], r.Customer))
	}
	for _, p := range r.Payments {
		steps = append(steps, fmt.Sprintf(say["pay."+string(p.Kind)], p.Sum))
	}
	expect = append(expect, fmt.Sprintf(say["total"], r.Total()))
	if c := r.Change(); c > 0 {
		expect = append(expect, fmt.Sprintf(say["change"], c))
	}
	return steps, expect
}
