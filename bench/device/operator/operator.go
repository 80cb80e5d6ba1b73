// Package operator makes a person a driver: every operation becomes a card that
// says what to key in and what must come out, and the person's answer becomes
// the outcome. So a register with nothing but keys and a paper slot goes through
// the same scenarios as one with a host interface; the OFD's side stays automatic.
//
// The package never takes an answer for more than it is. Paper is what the
// person typed, or confirmed after an optical reading; a state that nobody asked
// for is not recorded as the register's word; a time without a mark is no
// measurement. It never answers for the person.
//
// Begin with [Open] and [Desk]. Cards and answers are in card.go, their words in
// words.go; [Script], [Mailbox] and [Terminal] are the desks.
package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Desk is where a person is asked. Ask returns when the answer is there and fits
// the card; an error means that nobody can be asked.
type Desk interface {
	Ask(ctx context.Context, c Card) (Reply, error)
}

// Options of a driver.
type Options struct {
	Language Language // of the cards; empty: English
	Attach   string   // directory for attached files, named by their digests; empty: they stay where they are
	Reader   Reader   // optical reading of receipts; nil: none
	Names    []string // of the cashiers 1, 2, ..., as on the receipts; for the cards
}

// reaction is how late a person may press the key that marks a moment. A trained
// observer needs a quarter of a second; the rest is for looking from paper to keyboard.
const reaction = time.Second

// Driver is a register and a person at its keys.
type Driver struct {
	mu   sync.Mutex
	loop clock.Loop
	j    history.Journal
	desk Desk
	o    Options

	about   *Reply         // answer to the first card
	asked   map[string]int // cards of each kind, for their names
	known   bool           // shift tells whether one is open
	shift   bool
	lines   []string // of the last document
	printed bool     // lines were told
	shown   []string
	look    bool // shown was told with the last answer
	notAble map[string]bool
}

var (
	_ device.Device   = (*Driver)(nil)
	_ device.Printer  = (*Driver)(nil)
	_ device.Display  = (*Driver)(nil)
	_ device.Settings = (*Driver)(nil)
	_ device.Power    = (*Driver)(nil)
	_ device.Paper    = (*Driver)(nil)
	_ device.Claims   = (*Driver)(nil)
)

// Open makes a driver. It asks nothing yet.
func Open(loop clock.Loop, j history.Journal, desk Desk, o Options) (*Driver, error) {
	if o.Language == "" {
		o.Language = English
	}
	if !o.Language.Known() {
		return nil, fmt.Errorf("operator: language %q: want kk, ru or en", o.Language)
	}
	return &Driver{loop: loop, j: j, desk: desk, o: o, asked: map[string]int{}, notAble: map[string]bool{}}, nil
}

// Claims: a person can read, switch and take away; a display is there when the
// person has said so.
func (d *Driver) Claims(ability string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch ability {
	case "printed", "settings", "power", "paper":
		return true
	case "display":
		return d.about != nil && d.about.Display == yes
	}
	return false
}

// Close tells a desk that the work is over, if it wants to know.
func (d *Driver) Close() error {
	if c, ok := d.desk.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}

// ask shows a card and records card and answer.
func (d *Driver) ask(ctx context.Context, c Card, causes ...history.Seq) (Reply, error) {
	c.Language = d.o.Language
	prompt, err := d.j.Append(history.Operator, history.Prompt{ID: c.ID, Text: c.Text()}, causes...)
	if err != nil {
		return Reply{}, fmt.Errorf("operator: %w", err)
	}
	if err := d.j.Barrier(); err != nil {
		return Reply{}, fmt.Errorf("operator: %w", err)
	}
	r, err := d.desk.Ask(ctx, c)
	if err != nil {
		return Reply{}, fmt.Errorf("operator: card %s: %w", c.ID, err)
	}
	if err := c.Fits(r); err != nil {
		return Reply{}, fmt.Errorf("operator: card %s: %w", c.ID, err)
	}
	files, err := attach(d.o.Attach, r.Files)
	if err != nil {
		return Reply{}, fmt.Errorf("operator: card %s: %w", c.ID, err)
	}
	if _, err := d.j.Append(history.Operator, history.Answer{ID: c.ID, Text: r.Text(c), Person: r.Person, Files: files}, prompt); err != nil {
		return Reply{}, fmt.Errorf("operator: %w", err)
	}
	return r, nil
}

// name numbers the cards that belong to no operation.
func (d *Driver) name(kind string) string {
	d.asked[kind]++
	return fmt.Sprintf("%s/%d", kind, d.asked[kind])
}

// Identity asks what stands on the housing, and whether there is a display.
func (d *Driver) Identity(ctx context.Context) (history.Identity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.about == nil {
		r, err := d.ask(ctx, Card{ID: d.name("identity"), Kind: AskIdentity})
		if err != nil {
			return history.Identity{}, err
		}
		d.about = &r
	}
	return history.Identity{Type: "operator", Model: d.about.Model, Serial: d.about.Serial, Firmware: d.about.Firmware}, nil
}

// State asks the person at the beginning and whenever an answer has left it
// open. In between it follows from what was done, and is not recorded: the
// register has not said it.
func (d *Driver) State(ctx context.Context) (history.State, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known {
		return history.State{ShiftOpen: d.shift, Text: "follows from the operator's answers"}, nil
	}
	r, err := d.ask(ctx, Card{ID: d.name("state"), Kind: AskState})
	if err != nil {
		return history.State{}, err
	}
	s := history.State{ShiftOpen: r.Shift != "closed", ShiftLong: r.Shift == "too-long", Unsent: r.Unsent, Text: "read by the operator"}
	d.known, d.shift = true, s.ShiftOpen
	_, err = d.j.Append(history.Driver, s)
	return s, err
}

// Do shows the card of an operation.
func (d *Driver) Do(ctx context.Context, op fiscal.Op) (fiscal.Outcome, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	intent, err := d.j.Append(history.Driver, history.Intent{Op: op})
	if err != nil {
		return fiscal.Outcome{}, fmt.Errorf("operator: %w", err)
	}
	if err := d.j.Barrier(); err != nil {
		return fiscal.Outcome{}, fmt.Errorf("operator: %w", err)
	}
	d.lines, d.printed, d.shown, d.look = nil, false, nil, false
	card := Card{ID: string(op.ID), Kind: AskOp, Op: &op, Display: d.about != nil && d.about.Display == yes, Names: d.o.Names}
	r, err := d.ask(ctx, card, intent)
	out := fiscal.Outcome{Text: r.Words, Code: r.Code, Doc: r.Doc, Sign: r.Sign}
	res := history.Result{Op: op.ID, Done: d.loop.Now(), Sources: "between a card and its answer; no moment was marked"}
	if err == nil {
		out.Got = r.answer()
		d.follow(op, out.Got)
		d.keep(r)
		if !r.Keyed.Wall.IsZero() && !r.Stood.Wall.IsZero() {
			res.Entered, res.Done, res.Blur = r.Keyed, r.Stood, reaction
			res.Sources = fmt.Sprintf("a person pressed a key at the moment: reaction %v", reaction)
		}
		if !r.Read && len(r.Files) > 0 {
			err = d.proposal(ctx, string(op.ID), r.Files, intent)
		}
	} else {
		out.Text = err.Error()
		d.known = false
	}
	res.Outcome = out
	if _, e := d.j.Append(history.Driver, res, intent); e != nil {
		return out, errors.Join(err, fmt.Errorf("operator: %w", e))
	}
	return out, errors.Join(err, d.j.Barrier())
}

// follow keeps in mind whether a shift is open.
func (d *Driver) follow(op fiscal.Op, got fiscal.Answer) {
	switch {
	case got == fiscal.Unknown:
		d.known = d.known && op.Kind != fiscal.OpZReport && op.Kind != fiscal.OpReceipt && op.Kind != fiscal.OpDeposit && op.Kind != fiscal.OpWithdraw
	case op.Kind == fiscal.OpZReport && got == fiscal.Done:
		d.known, d.shift = true, false
	case op.Kind == fiscal.OpZReport: // refused: perhaps because none is open
		d.known = false
	case got == fiscal.Done && (op.Kind == fiscal.OpReceipt || op.Kind == fiscal.OpDeposit || op.Kind == fiscal.OpWithdraw):
		d.known, d.shift = true, true
	}
}

func (d *Driver) keep(r Reply) {
	if r.Read {
		d.lines, d.printed = r.Printed, true
	}
	if r.Shown != nil {
		d.shown, d.look = r.Shown, true
	}
}

// proposal reads a picture and asks the person whether that is what the paper
// says. Without a yes nothing was read.
func (d *Driver) proposal(ctx context.Context, id string, files []string, intent history.Seq) error {
	if d.o.Reader == nil {
		return nil
	}
	var lines []string
	for _, f := range files {
		if !picture(f) {
			continue
		}
		got, err := d.o.Reader.Read(ctx, f)
		if err != nil {
			return fmt.Errorf("operator: %s: %w", f, err)
		}
		lines = append(lines, got...)
	}
	if len(lines) == 0 {
		return nil
	}
	r, err := d.ask(ctx, Card{ID: id + "/paper", Kind: AskConfirm, Proposal: lines}, intent)
	if err != nil {
		return err
	}
	switch {
	case r.Read: // put right by the person
		d.lines, d.printed = r.Printed, true
	case r.Confirmed == yes:
		d.lines, d.printed = lines, true
	}
	return nil
}

// Printed tells the paper of the last operation, as the person typed or confirmed it.
func (d *Driver) Printed(context.Context) ([]string, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.printed {
		return nil, "", fmt.Errorf("operator: the paper was not read: %w", device.ErrNotAble)
	}
	lines := d.lines
	d.lines = nil
	return lines, "operator", nil
}

// Shown tells the display: what came with the last answer, else a card asks.
func (d *Driver) Shown(ctx context.Context) ([]string, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.look {
		r, err := d.ask(ctx, Card{ID: d.name("display"), Kind: AskDisplay})
		if err != nil {
			return nil, "", err
		}
		return r.Shown, "operator", nil
	}
	d.look = false
	return d.shown, "operator", nil
}

// Setting lets the person look a setting up in the register's menu.
func (d *Driver) Setting(ctx context.Context, s fiscal.Setting) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.notAble[string(s)] {
		return "", fmt.Errorf("operator: the register does not show its %s: %w", s, device.ErrNotAble)
	}
	r, err := d.ask(ctx, Card{ID: d.name("setting/" + string(s)), Kind: AskSetting, Setting: s})
	if err != nil {
		return "", err
	}
	if r.Got == "unsupported" {
		d.notAble[string(s)] = true
		return "", fmt.Errorf("operator: the register does not show its %s: %w", s, device.ErrNotAble)
	}
	return strings.TrimSpace(r.Value), nil
}

// Power asks the person to switch the register.
func (d *Driver) Power(ctx context.Context, on bool) error {
	return d.hands(ctx, AskPower, on, "on", "off")
}

// Paper asks the person to take the paper away or put it back.
func (d *Driver) Paper(ctx context.Context, in bool) error {
	return d.hands(ctx, AskPaper, in, "in", "out")
}

// hands asks for something that is done with the hands. A person who keys an
// operation in has none free: in the middle of one it is not possible.
func (d *Driver) hands(ctx context.Context, kind Kind, on bool, yes, no string) error {
	if !d.mu.TryLock() {
		return fmt.Errorf("operator: %s in the middle of an operation: %w", kind, device.ErrNotAble)
	}
	defer d.mu.Unlock()
	return device.Switching(d.j, string(kind), on, [2]string{no, yes}, func() error {
		r, err := d.ask(ctx, Card{ID: d.name(string(kind)), Kind: kind, On: on})
		if err == nil && r.answer() != fiscal.Done {
			err = fmt.Errorf("operator: %s: %s: %w", kind, r.Words, device.ErrNotAble)
		}
		return err
	})
}
