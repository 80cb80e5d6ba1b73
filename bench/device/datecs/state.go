package datecs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/device/datecs/frame"
	shtrihframe "github.com/kkmtest/kkmtest/bench/device/shtrihm/frame"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// deviceInfo is the answer to 90.
type deviceInfo struct{ name, firmware, serial, memory string }

func (d *Driver) deviceInfo(ctx context.Context) (*deviceInfo, error) {
	if d.info != nil {
		return d.info, nil
	}
	data := d.o.Family.Join("1")
	i, err := ask(ctx, d, frame.Info, data, func(r reply) (*deviceInfo, error) {
		n := len(r.fields)
		if n < 6 {
			return nil, fmt.Errorf("%d fields, want 6", n)
		}
		i := &deviceInfo{firmware: r.fields[1], serial: r.fields[n-2], memory: r.fields[n-1]}
		c := shtrihframe.CP1251
		if i.memory == frame.DoubleMemory {
			c = shtrihframe.KZ1048
		}
		i.name = c.Decode([]byte(r.fields[0]))
		return i, nil
	})
	if err == nil {
		d.info = i
	}
	return i, err
}

// own says whether the register is the bench's own.
func (d *Driver) own(ctx context.Context) (bool, error) {
	i, err := d.deviceInfo(ctx)
	return err == nil && i.memory == frame.DoubleMemory, err
}

// coding is the coding of texts.
func (d *Driver) coding() shtrihframe.Coding {
	switch {
	case d.o.Coding != nil:
		return *d.o.Coding
	case d.info != nil && d.info.memory == frame.DoubleMemory:
		return shtrihframe.KZ1048
	}
	return shtrihframe.CP1251
}

func (d *Driver) decode(s string) string { return d.coding().Decode([]byte(s)) }

// clockLayout is how date and time travel (7, 4).
const clockLayout = "02-01-06 15:04:05"

func (d *Driver) clock(ctx context.Context) (time.Time, error) {
	return ask(ctx, d, frame.GetClock, nil, func(r reply) (time.Time, error) {
		s := strings.TrimSuffix(strings.TrimSpace(r.at(0)), " DST")
		if t, err := time.Parse(clockLayout, s); err == nil {
			return t, nil
		}
		return time.Time{}, nil // a clock that was reset is not known, and no reason to stop
	})
}

// drawer is the answer to 70 without an amount.
type drawer struct{ cash, in, out fiscal.Tiyn }

func (d *Driver) drawer(ctx context.Context) (drawer, error) {
	data := []byte("0")
	if d.o.Family == frame.X {
		data = d.o.Family.Join("0", "0")
	}
	return ask(ctx, d, frame.Money, data, func(r reply) (drawer, error) { _, m, err := d.moneyOf(r); return m, err })
}

// moneyOf reads the answer to 70; ok is false when a movement was refused.
func (d *Driver) moneyOf(r reply) (ok bool, m drawer, err error) {
	f := r.fields
	ok = true
	if d.o.Family == frame.P {
		if len(f) == 0 || f[0] != "P" && f[0] != "F" {
			return false, m, fmt.Errorf("%q, want P or F and three sums", strings.Join(f, ","))
		}
		ok, f = f[0] == "P", f[1:]
	}
	if len(f) < 3 {
		return false, m, fmt.Errorf("%d sums, want 3", len(f))
	}
	for i, into := range []*fiscal.Tiyn{&m.cash, &m.in, &m.out} {
		n, err := frame.Amount(f[i])
		if err != nil {
			return false, m, err
		}
		*into = fiscal.Tiyn(n)
	}
	return ok, m, nil
}

// closure is the number of the last Z report (64).
func (d *Driver) closure(ctx context.Context) (uint64, error) {
	data, at := []byte("0"), 1
	if d.o.Family == frame.X {
		data, at = d.o.Family.Join("0"), 0
	}
	return ask(ctx, d, frame.LastZ, data, func(r reply) (uint64, error) { return strconv.ParseUint(r.at(at), 10, 64) })
}

// worked says whether something has been counted since the last Z report: no
// command tells whether the day is open.
func (d *Driver) worked(ctx context.Context) (bool, error) {
	data, first := []byte("0"), 0
	if d.o.Family == frame.X {
		data, first = d.o.Family.Join("0"), 1
	}
	sums, err := ask(ctx, d, frame.DaySums, data, func(r reply) (bool, error) {
		if len(r.fields) <= first {
			return false, errors.New("no sums")
		}
		for _, f := range r.fields[first:] {
			n, err := frame.Amount(f)
			if err != nil {
				return false, err
			}
			if n != 0 {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil || sums {
		return sums, err
	}
	m, err := d.drawer(ctx)
	return m.in != 0 || m.out != 0, err
}

func (d *Driver) state(ctx context.Context) (history.State, error) {
	status, err := ask(ctx, d, frame.GetStatus, nil, func(r reply) ([]byte, error) { return r.status, nil })
	if err != nil {
		return history.State{}, err
	}
	var st history.State
	if st.Clock, err = d.clock(ctx); err != nil {
		return st, err
	}
	if st.Shift, err = d.closure(ctx); err != nil {
		return st, err
	}
	if st.ShiftOpen, err = d.worked(ctx); err != nil {
		return st, err
	}
	if st.ShiftOpen {
		st.Shift++
	}
	words := []string{fmt.Sprintf("status % X", status)}
	if t := frame.StatusText(status); t != "" {
		words = append(words, t)
	}
	if frame.ReceiptOpen(status) {
		words = append(words, "fiscal receipt open")
	}
	st.Text = strings.Join(words, ", ")
	return st, nil
}
