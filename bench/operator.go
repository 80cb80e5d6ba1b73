package bench

import (
	"fmt"
	"slices"
	"time"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// operator is the OFD with the one device of the bench.
type operator struct {
	s       *ofd.Server
	id      uint32
	rules   []string
	blocked bool
}

// operator makes the OFD and registers the device of the profile with it.
func (b *Bench) operator(o Options) (*ofd.Server, error) {
	p := o.Profile
	// No limit of the shift at the OFD: its refusal would hide whether the register
	// itself knows the limit.
	s := ofd.New(b.Loop, ofd.Options{Journal: b.Log, Seed: o.Seed})
	b.ofd = &operator{s: s, id: p.OFD.ID}
	b.closers = append(b.closers, s.Close)
	return s, s.Register(ofd.Device{
		ID: p.OFD.ID, Token: p.OFD.Token, Serial: p.Serial, Registration: p.Registration,
		Taxpayer: ofd.Taxpayer{Name: p.Taxpayer.Name, BIN: p.Taxpayer.BIN, Address: p.Taxpayer.Address, AddressKZ: p.Taxpayer.Address, OKED: p.Taxpayer.Activity},
		Pos:      ofd.Pos{Title: p.Taxpayer.Name, Address: p.Taxpayer.Address, AddressKZ: p.Taxpayer.Address},
		Operator: ofd.Operator{Title: p.OFD.Name, TitleKZ: p.OFD.Name, URL: p.OFD.Site},
	})
}

func (o *operator) set(id string, r ofd.Rule) error {
	if slices.Contains(o.rules, id) {
		o.s.Clear(id)
	} else {
		o.rules = append(o.rules, id)
	}
	return o.s.Set(id, r)
}

func (o *operator) Delay(d time.Duration) error {
	return o.set("delay", ofd.Rule{Action: ofd.Action{Delay: d}})
}

func (o *operator) Silence() error {
	return o.set("silence", ofd.Rule{Action: ofd.Action{Silent: true}})
}

func (o *operator) Answer(code int, text string) error {
	return o.set("answer", ofd.Rule{Commands: []canon.CommandTypeEnum{canon.CommandTypeEnum_COMMAND_TICKET}, Action: ofd.Action{Result: &ofd.Result{Code: uint32(code), Text: text}}})
}

func (o *operator) Notice(text string) error {
	return o.set("notice", ofd.Rule{Action: ofd.Action{Notice: text}})
}

func (o *operator) Suspend(notice string) error {
	if o.blocked {
		return fmt.Errorf("device %d is suspended already", o.id)
	}
	o.blocked = true
	return o.s.Block(o.id, notice)
}

func (o *operator) Calm() error {
	for _, id := range o.rules {
		o.s.Clear(id)
	}
	o.rules = nil
	if !o.blocked {
		return nil
	}
	o.blocked = false
	_, err := o.s.Unblock(o.id)
	return err
}
