package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/kkmtest/kkmtest/bench/device"
	person "github.com/kkmtest/kkmtest/bench/device/operator"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// robot is a person at the keys of the emulated register: it does what a card
// says and reads paper and display. With a script the hands are the robot's and the
// words are the script's. So the way of a register without a host interface is
// tested from the card to the verdict.
type robot struct {
	b      *Bench
	reg    *kkm.Register
	script *person.Script
	paper  []string // since it was read last; belongs to the loop
}

// Bench choices about the robot.
const (
	robotName   = "robot"
	robotKeying = 5 * time.Second // for an entry, as a quick cashier needs
	robotWaits  = 5 * time.Minute // for a register that does not answer or whose paper does not stop
)

func newRobot(b *Bench, reg *kkm.Register, script *person.Script) *robot {
	r := &robot{b: b, reg: reg, script: script}
	reg.OnPrint(func(lines []string) { r.paper = append(r.paper, lines...) })
	return r
}

// Ask does what the card says.
func (r *robot) Ask(ctx context.Context, c person.Card) (person.Reply, error) {
	a := person.Reply{Person: robotName}
	err := r.act(ctx, c, &a)
	if err != nil || r.script == nil {
		return a, err
	}
	said, err := r.script.Ask(ctx, c)
	said.Keyed, said.Stood = a.Keyed, a.Stood
	return said, err
}

func (r *robot) act(ctx context.Context, c person.Card, a *person.Reply) error {
	on := func(f func()) error { return r.b.onLoop("robot", func() error { f(); return nil }) }
	switch c.Kind {
	case person.AskOp:
		return r.operate(ctx, *c.Op, a)
	case person.AskIdentity:
		p := r.reg.Profile()
		a.Display, a.Model, a.Serial, a.Firmware = "yes", p.Model, p.Serial, p.Firmware
		return nil
	case person.AskState:
		return on(func() {
			s := r.reg.State()
			a.Unsent, a.Shift = &s.Unsent, "closed"
			if s.ShiftTooLong {
				a.Shift = "too-long"
			} else if s.ShiftOpen {
				a.Shift = "open"
			}
		})
	case person.AskDisplay:
		return on(func() { a.Shown = append([]string{}, r.reg.Display()...) })
	case person.AskSetting:
		return on(func() {
			if a.Value = r.reg.Setting(c.Setting); a.Value == "" {
				a.Got = "unsupported"
			}
		})
	case person.AskPaper:
		a.Got = "done"
		return on(func() { r.reg.Paper(c.On) })
	case person.AskPower:
		a.Got = "done"
		if err := on(func() { r.reg.Power(c.On) }); err != nil || !c.On {
			return err
		}
		return r.wait(ctx, "the self-test", func() bool { return !r.reg.State().Testing })
	}
	return fmt.Errorf("a card of kind %s", c.Kind)
}

func (r *robot) wait(ctx context.Context, what string, ready func() bool) error {
	ok, err := r.b.Loop.Wait(ctx, r.b.Loop.Now().Add(robotWaits), ready)
	if err == nil && !ok {
		err = fmt.Errorf("%s did not end in %v", what, robotWaits)
	}
	return err
}

// operate keys an operation in and looks at what comes of it.
func (r *robot) operate(ctx context.Context, op fiscal.Op, a *person.Reply) error {
	if _, err := r.b.Loop.Wait(ctx, r.b.Loop.Now().Add(robotKeying), nil); err != nil {
		return err
	}
	var reply kkm.Reply
	var done bool
	keyed := r.b.Loop.Now()
	if err := r.b.onLoop("robot", func() error {
		r.reg.Do(op, func(p kkm.Reply) { reply, done = p, true })
		return nil
	}); err != nil {
		return err
	}
	if err := r.wait(ctx, "the operation", func() bool { return done }); err != nil {
		return err
	}
	err := r.wait(ctx, "the paper", func() bool {
		s := r.reg.State()
		return !s.Printing || !s.Paper
	})
	if err != nil {
		return err
	}
	a.Keyed, a.Stood = keyed, r.b.Loop.Now()
	return r.b.onLoop("robot", func() error {
		s := r.reg.State()
		a.Got = string(reply.Got)
		if reply.Got == fiscal.Unknown {
			a.Got = "unknown"
		}
		if reply.Got == fiscal.Done {
			a.Doc = s.LastDoc
		} else {
			a.Words = reply.Text
		}
		a.Shown = append([]string{}, r.reg.Display()...)
		a.Printed, a.Read, r.paper = r.paper, true, nil
		return nil
	})
}

// desk is where the operator of the URL is asked.
func (b *Bench) desk(o Options, reg *kkm.Register, dir string) (person.Desk, error) {
	var script *person.Script
	var err error
	if o.URL.Script != "" {
		if script, err = person.LoadScript(o.URL.Script); err != nil {
			return nil, err
		}
	}
	var d person.Desk
	switch {
	case reg != nil:
		d = newRobot(b, reg, script)
	case script != nil:
		d = script
	case dir != "":
		d = &person.Mailbox{Loop: b.Loop, Dir: dir}
	default:
		return nil, errors.New("operator: a person can only be asked in a run that has a directory")
	}
	if o.URL.RecordTo != "" {
		d = &person.Recorder{Desk: d, Path: o.URL.RecordTo}
	}
	return d, nil
}

// openOperator makes the person the driver. reg is the register at whose keys
// the robot stands; nil: a person.
func (b *Bench) openOperator(o Options, reg *kkm.Register) (device.Device, error) {
	mail, attach := operatorDirs(o.Record)
	desk, err := b.desk(o, reg, mail)
	if err != nil {
		return nil, err
	}
	opt := person.Options{Language: person.Language(o.URL.Language), Attach: attach, Names: o.Profile.Cashiers}
	if reg == nil {
		if t, _ := person.FindTesseract(context.Background()); t != nil {
			opt.Reader = t
		}
	}
	d, err := person.Open(b.Loop, b.Log, desk, opt)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// operatorDirs are where a run keeps the operator's cards and attached files:
// beside the record; none without one.
func operatorDirs(record string) (mail, attach string) {
	if record == "" {
		return "", ""
	}
	dir := filepath.Dir(record)
	return filepath.Join(dir, MailboxDir), filepath.Join(dir, "attachments")
}

// MailboxDir is where in a run directory the operator's cards lie.
const MailboxDir = "operator"
