package evidence

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Evidence is one event as a reader sees it. Every text is safe to show.
type Evidence struct {
	Seq    history.Seq
	Wall   string // civil time of the bench
	Mono   string // since the start of the run
	Source string
	Link   string
	Kind   string // as in history.jsonl; "kind."+Kind is its name in package words
	Causes []history.Seq
	Head   string // one line
	Blocks []Block
}

// Block is a longer piece of an event.
type Block struct {
	Name string // bytes, message, printed, shown: "block."+Name in package words
	Text string // lines
}

// The names of blocks.
const (
	Bytes   = "bytes"
	Message = "message"
	Printed = "printed"
	Shown   = "shown"
)

// A longer block is cut, and says by how much.
const (
	maxLines = 160
	maxBytes = 1 << 11
	maxHead  = 600
)

// Of makes an event readable.
func Of(e history.Event) Evidence {
	ev := Evidence{
		Seq: e.Seq, Wall: stamp(e.At.Wall), Mono: e.At.Mono.String(),
		Source: Visible(string(e.Source)), Link: Visible(e.Link), Kind: e.Body.Kind(), Causes: e.Causes,
	}
	ev.Head, ev.Blocks = describe(e.Body)
	ev.Head = Visible(cut(strings.TrimSpace(ev.Head)))
	for i := range ev.Blocks {
		ev.Blocks[i].Text = VisibleText(ev.Blocks[i].Text)
	}
	return ev
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05.999999999") }

func cut(s string) string {
	if r := []rune(s); len(r) > maxHead {
		return string(r[:maxHead]) + fmt.Sprintf(" … (%d more characters)", len(r)-maxHead)
	}
	return s
}

// describe tells an event in one line, and what is longer in blocks.
func describe(b history.Body) (string, []Block) {
	switch b := b.(type) {
	case history.RunBegin:
		return fmt.Sprintf("section %s of %s, device %s, CPCR %s, %s time, seed %d",
			b.Section, strings.Join(b.Editions, ", "), b.Device, b.Protocol, b.TimeMode, b.Seed), nil
	case history.StepBegin:
		return fmt.Sprintf("%s step %d: %s", b.Scenario, b.Step, b.Name), nil
	case history.StepEnd:
		return join(fmt.Sprintf("%s step %d: %s", b.Scenario, b.Step, b.Outcome), b.Text), nil
	case history.Intent:
		return operation(b.Op), nil
	case history.Result:
		return result(b), nil
	case history.HostBytes:
		return join(string(b.Dir), b.Note), []Block{hexBlock(b.Data)}
	case history.State:
		return state(b), nil
	case history.Setting:
		return fmt.Sprintf("%s = %q", b.Name, b.Value), nil
	case history.Printed:
		return join(fmt.Sprintf("%d lines, read from %s", len(b.Lines), b.Origin), string(b.Op)), []Block{lines(Printed, b.Lines)}
	case history.Shown:
		return join(fmt.Sprintf("%d lines, read from %s", len(b.Lines), b.Origin), string(b.Op)), []Block{lines(Shown, b.Lines)}
	case history.Conn:
		return join(fmt.Sprintf("connection %d %s", b.ID, b.State), b.Peer, b.Reason), nil
	case history.Frame:
		return frame(b)
	case history.Booked:
		s := fmt.Sprintf("%s of device %d: %s, code %d", b.Command, b.Device, b.What, b.Code)
		if b.Sign != "" {
			s += ", fiscal sign " + b.Sign
		}
		return s, nil
	case history.Observation:
		return fmt.Sprintf("%s = %q against %s", b.Field, b.Value, b.Rule), nil
	case history.Scripted:
		return join(b.ID, b.Action), nil
	case history.OFDSet:
		return join(b.ID, b.Action), nil
	case history.OFDCleared:
		return fmt.Sprintf("%s: acted %d times", b.ID, b.Fired), nil
	case history.FaultSet:
		return join(b.ID, b.Fault), nil
	case history.FaultCleared:
		return fmt.Sprintf("%s: struck %d packets", b.ID, b.Struck), nil
	case history.Struck:
		return join(fmt.Sprintf("%s: packet %d of capture.pcapng", b.ID, b.Packet), b.Note), nil
	case history.ClockSet:
		if b.From.IsZero() {
			return fmt.Sprintf("%s to %s", b.What, stamp(b.To)), nil
		}
		return fmt.Sprintf("%s from %s to %s", b.What, stamp(b.From), stamp(b.To)), nil
	case history.Passed:
		return join(b.For.String(), b.Why), nil
	case history.Switched:
		return b.What + ": " + b.To, nil
	case history.Prompt:
		return join(b.ID, b.Text), nil
	case history.Answer:
		return join(b.ID, fmt.Sprintf("%q", b.Text), b.Person, strings.Join(b.Files, " ")), nil
	case history.Submitted:
		return fmt.Sprintf("%d references, SHA-256 %s", b.Rows, b.Digest), nil
	case history.Reference:
		held := "no file"
		if b.Digest != "" {
			held = "SHA-256 " + b.Digest
		}
		return fmt.Sprintf("row %s %s of %s: %s, page %s, clause %s; %s", b.Section, b.Row, b.Edition, b.Document, b.Page, b.Clause, held), nil
	case history.Identity:
		return named("type", b.Type, "model", b.Model, "serial", b.Serial, "firmware", b.Firmware), nil
	case history.BenchFault:
		return join(b.Where, b.Text), nil
	case history.RunEnd:
		return b.Reason, nil
	}
	return fmt.Sprintf("%+v", b), nil // a kind that came after this version: shown raw, never hidden
}

// join puts the parts that are not empty together.
func join(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "; ")
}

// named writes "name value" pairs, leaving empty values out.
func named(pairs ...string) string {
	var out []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out = append(out, pairs[i]+" "+pairs[i+1])
		}
	}
	return strings.Join(out, ", ")
}

func operation(op fiscal.Op) string {
	s := fmt.Sprintf("%s: %s", op.ID, op.Kind)
	switch {
	case op.Receipt != nil:
		s += " " + receipt(*op.Receipt)
	case op.Kind == fiscal.OpDeposit || op.Kind == fiscal.OpWithdraw:
		s += " " + op.Cash.String()
	case op.Kind == fiscal.OpSetClock:
		s += " " + stamp(op.Clock)
	case op.Setting != "":
		s += fmt.Sprintf(" %s = %q", op.Setting, op.Value)
	}
	switch {
	case op.As.Password != "":
		s += ", with a password of its own"
	case op.As.Admin:
		s += ", as administrator"
	case op.As.Cashier != 0:
		s += fmt.Sprintf(", as cashier %d", op.As.Cashier)
	}
	return s
}

func receipt(r fiscal.Receipt) string {
	var parts []string
	for _, l := range r.Lines {
		p := fmt.Sprintf("%s %q", l.Kind, l.Name)
		if l.Qty != 0 {
			p += fmt.Sprintf(" %s × %s", l.Price, l.Qty)
		}
		p += " = " + l.Total().String()
		if l.VAT != nil {
			p += " VAT " + l.VAT.String() + " %"
		}
		parts = append(parts, p)
	}
	for _, p := range r.Payments {
		parts = append(parts, fmt.Sprintf("%s %s", p.Kind, p.Sum))
	}
	return fmt.Sprintf("%s, total %s: %s", r.Kind, r.Total(), strings.Join(parts, "; "))
}

func result(b history.Result) string {
	o := b.Outcome
	got := string(o.Got)
	if o.Got == fiscal.Unknown {
		got = "no answer that could be read"
	}
	if o.Got == fiscal.Refused {
		got += fmt.Sprintf(" with code %d", o.Code)
	}
	s := fmt.Sprintf("%s: %s in %s", b.Op, got, b.Done.Mono-b.Entered.Mono)
	if b.Blur > 0 {
		s += " ± " + b.Blur.String()
	}
	if o.Text != "" {
		s += fmt.Sprintf(", %q", o.Text)
	}
	if o.Doc != 0 {
		s += fmt.Sprintf(", document %d", o.Doc)
	}
	if o.Shift != 0 {
		s += fmt.Sprintf(", shift %d", o.Shift)
	}
	if o.Sign != "" {
		s += ", fiscal sign " + o.Sign
	}
	if o.Change != 0 {
		s += ", change " + o.Change.String()
	}
	return s
}

func state(b history.State) string {
	shift := "shift closed"
	if b.ShiftOpen {
		shift = "shift open"
	}
	if b.Shift != 0 {
		shift += " " + strconv.FormatUint(b.Shift, 10)
	}
	parts := []string{shift}
	if b.ShiftLong {
		parts = append(parts, "the shift is too long")
	}
	if b.Offline != nil {
		parts = append(parts, map[bool]string{true: "offline", false: "online"}[*b.Offline])
	}
	if b.Unsent != nil {
		parts = append(parts, fmt.Sprintf("%d unsent", *b.Unsent))
	}
	if b.Blocked {
		parts = append(parts, "blocked")
	}
	if !b.Clock.IsZero() {
		parts = append(parts, "clock "+stamp(b.Clock))
	}
	if b.Receipts != 0 {
		parts = append(parts, fmt.Sprintf("%d receipts", b.Receipts))
	}
	if b.Text != "" {
		parts = append(parts, fmt.Sprintf("%q", b.Text))
	}
	return strings.Join(parts, ", ")
}

// hexBlock writes bytes as in a dump: offset, 16 bytes, what is printable.
func hexBlock(b []byte) Block {
	var s strings.Builder
	n := min(len(b), maxBytes)
	for off := 0; off < n; off += 16 {
		row := b[off:min(off+16, n)]
		fmt.Fprintf(&s, "%04x  %-47s  ", off, fmt.Sprintf("% x", row))
		for _, c := range row {
			if c < 0x20 || c > 0x7e {
				c = '.'
			}
			s.WriteByte(c)
		}
		s.WriteByte('\n')
	}
	if n < len(b) {
		fmt.Fprintf(&s, "… %d more of %d bytes\n", len(b)-n, len(b))
	}
	if len(b) == 0 {
		s.WriteString("(no bytes)\n")
	}
	return Block{Bytes, s.String()}
}

// cutLines keeps the first lines of a text.
func cutLines(s string) string {
	ls := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	if len(ls) <= maxLines {
		return s
	}
	return strings.Join(ls[:maxLines], "\n") + fmt.Sprintf("\n… %d more lines\n", len(ls)-maxLines)
}

func lines(name string, ls []string) Block {
	var s strings.Builder
	for i, l := range ls {
		if i == maxLines {
			fmt.Fprintf(&s, "… %d more lines\n", len(ls)-i)
			break
		}
		s.WriteString(Visible(cut(l)) + "\n")
	}
	if len(ls) == 0 {
		s.WriteString("(nothing)\n")
	}
	return Block{name, s.String()}
}
