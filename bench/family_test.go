package bench

import (
	"context"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/fixtures"
	"github.com/kkmtest/kkmtest/simulators/kkm"
	"github.com/kkmtest/kkmtest/simulators/stream"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/history"
)

func TestFamilyURLs(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Wire
		str  string // as it stands in the record; "" is in
		err  string
	}{
		{in: "emulated:?profile=section-1&protocol=atol"},
		{in: "emulated:?profile=section-1&protocol=atol&level=3", want: Wire{Level: 3}},
		{in: "emulated:?profile=section-1&protocol=atol&vat=1:16,2:12.5,3:-&coding=cp866-i&plain=yes", want: Wire{Taxes: "1:16,2:12.5,3:-", Coding: "cp866-i", Plain: true}},
		{in: "emulated:?protocol=datecs&family=x", want: Wire{Family: "x"}, str: "emulated:?profile=section-1&protocol=datecs&family=x"},
		{in: "serial:///dev/ttyUSB0?protocol=atol&level=2", want: Wire{Level: 2}},
		{in: "serial:///dev/ttyUSB0?protocol=datecs&family=p&vat=1:16,8:-&coding=kz-1048", want: Wire{Family: "p", Taxes: "1:16,8:-", Coding: "kz-1048"}},
		{in: "serial+tcp://10.0.0.5:7778?protocol=datecs&family=x", want: Wire{Family: "x"}},
		{in: "serial:///dev/ttyUSB0?protocol=shtrih-m"},
		{in: "serial:///dev/ttyUSB0?protocol=atol&level=4", err: `level "4": want 2 or 3`},
		{in: "serial:///dev/ttyUSB0?protocol=datecs&family=q", err: `family "q": want p or x`},
		{in: "serial:///dev/ttyUSB0?protocol=datecs&coding=utf-8", err: `coding "utf-8": want cp1251 or kz-1048`},
		{in: "serial:///dev/ttyUSB0?protocol=atol&coding=kz-1048", err: `coding "kz-1048": want cp866 or cp866-i`},
		{in: "serial:///dev/ttyUSB0?protocol=shtrih-m&level=2", err: `parameter "level" does not go with protocol "shtrih-m"`},
		{in: "serial:///dev/ttyUSB0?protocol=atol&family=p", err: `parameter "family" does not go`},
		{in: "serial:///dev/ttyUSB0?protocol=datecs&level=2", err: `parameter "level" does not go`},
		{in: "serial:///dev/ttyUSB0?protocol=atol&plain=yes", err: `parameter "plain" does not go`},
		{in: "emulated:?protocol=atol&plain=maybe", err: `plain "maybe": want yes or no`},
		{in: "emulated:?plain=yes", err: `parameter "plain" does not go`},
		{in: "emulated:?protocol=atol&vat=17:16", err: "want a number from 1 to 16"},
		{in: "emulated:?protocol=datecs&vat=9:16", err: "want a number from 1 to 8"},
		{in: "emulated:?protocol=atol&vat=1:16,1:12", err: "1 stands there twice"},
		{in: "emulated:?protocol=atol&vat=1:16.0001", err: "a rate in percent"},
		{in: "emulated:?protocol=atol&vat=1:101", err: "a rate in percent"},
		{in: "emulated:?protocol=atol&vat=1", err: "a colon"},
	} {
		d, err := ParseDeviceURL(tt.in)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: %v, want %q", tt.in, err, tt.err)
			}
			continue
		}
		str := tt.str
		if str == "" {
			str = tt.in
		}
		if err != nil || d.Wire != tt.want || d.String() != str {
			t.Errorf("%s: %+v, %v, %s", tt.in, d.Wire, err, d)
		}
	}
	v, err := taxes("1:16,2:12.5,3:-,4:0", 16)
	if err != nil || *v[1] != fiscal.MilliPercent(16000) || *v[2] != 12500 || v[3] != nil || *v[4] != 0 || len(v) != 4 {
		t.Errorf("%v, %v", v, err)
	}
}

func TestWireOfACommand(t *testing.T) {
	for _, tt := range []struct {
		protocol string
		w        Wire
		err      string
	}{
		{"shtrih-m", Wire{}, ""}, {ATOL, Wire{Level: 3, Plain: true}, ""}, {Datecs, Wire{Family: "x", Plain: true}, ""},
		{ATOL, Wire{Level: 4}, "--level 4: want 2 or 3"}, {Datecs, Wire{Level: 2}, "only protocol atol has levels"},
		{ATOL, Wire{Family: "p"}, "only protocol datecs has families"}, {Datecs, Wire{Family: "q"}, "--family q: want p or x"}, {"shtrih-m", Wire{Plain: true}, "--plain"},
	} {
		err := tt.w.Check(tt.protocol)
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s %+v: %v, want %q", tt.protocol, tt.w, err, tt.err)
		}
	}
}

// nowhere is a network without an OFD.
type nowhere struct{ loop clock.Loop }

func (n nowhere) Dial(_, _ string, _ int, ev stream.Events) stream.Conn {
	n.loop.AfterFunc(0, func() { ev.Closed(stream.ErrRefused) })
	return nowhere{}
}

func (nowhere) Send([]byte) {}
func (nowhere) Close()      {}
func (nowhere) Reset()      {}

// Driver and emulated side of each family fit together as a URL puts them: a sale
// goes through, with the passwords and taxes that were told.
func TestFamiliesFitTogether(t *testing.T) {
	vat := fiscal.MilliPercent(16000)
	r := fiscal.Receipt{Kind: fiscal.Sale, Lines: []fiscal.Line{{Kind: fiscal.Goods, Name: "Нан ақ", Section: 1, Qty: 1000, Price: 100, VAT: &vat}}, Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: 100}}}
	for _, url := range []string{"emulated:?protocol=atol", "emulated:?protocol=atol&level=3", "emulated:?protocol=atol&plain=yes&vat=1:16", "emulated:?protocol=datecs", "emulated:?protocol=datecs&family=x",
		"emulated:?protocol=datecs&plain=yes&vat=1:16&coding=kz-1048"} {
		u, err := ParseDeviceURL(url)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := fixtures.FS.ReadFile("emulator/section-1.yaml")
		if err != nil {
			t.Fatal(err)
		}
		p, err := kkm.LoadProfile("section-1.yaml", raw)
		if err != nil {
			t.Fatal(err)
		}
		loop := clock.NewVirtual(epoch, nil)
		reg, err := kkm.New(loop, p, nowhere{loop}, kkm.Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		line := serialport.NewLine(loop, lineSpeed)
		line.Attach(EmulatedSide(loop, reg, line.DeviceSend, u.Protocol, u.Wire))
		b := &Bench{Loop: loop, Log: history.NewMemory(loop)}
		o := Options{URL: u}
		o.Profile.Host.Passwords.Cashier, o.Profile.Host.Passwords.Admin = 1, 30
		d, err := b.openFamily(o, line.Host(), lineSpeed)
		if err != nil || d == nil {
			t.Fatalf("%s: %v, %v", url, d, err)
		}
		reg.Power(true)
		if _, err := loop.Wait(context.Background(), loop.Now().Add(selfTest), func() bool { return !reg.State().Testing }); err != nil {
			t.Fatal(err)
		}
		out, err := d.Do(context.Background(), fiscal.Op{ID: "test/1/1", Kind: fiscal.OpReceipt, Receipt: &r})
		if err != nil || out.Got != fiscal.Done || reg.State().Numbers[fiscal.Sale] != 1 {
			t.Errorf("%s: %+v, %v, %v", url, out, err, reg.State().Numbers)
		}
		if out, err := d.Do(context.Background(), fiscal.Op{ID: "test/1/2", Kind: fiscal.OpZReport, As: fiscal.Role{Admin: true}}); err != nil || out.Got != fiscal.Done || out.Shift != 1 {
			t.Errorf("%s: %+v, %v", url, out, err)
		}
	}
}
