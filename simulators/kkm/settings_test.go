package kkm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

func set(s fiscal.Setting, v string) fiscal.Op {
	return fiscal.Op{Kind: fiscal.OpSetSetting, Setting: s, Value: v, As: admin}
}

// KZ 431 rows 34.2-34.6, 64.2-64.7; KZ 626 rows 40.2, 40.5.
func TestWhatCanBeEntered(t *testing.T) {
	radio := func(w *world, _ *oo) {
		w.p.Channels, w.p.Mobile = []string{"ethernet", "wifi"}, []string{"Бірінші", "Екінші"}
	}
	modern := func(w *world, _ *oo) { w.p.Order = Order626 }
	tests := []struct {
		setting fiscal.Setting
		value   string
		ok      bool
		opts    []option
	}{
		{fiscal.SetRegistration, "010100999999", true, nil},
		{fiscal.SetRegistration, "01010099999", true, nil}, // order 431 names no length
		{fiscal.SetRegistration, "01010099999", false, []option{modern}},
		{fiscal.SetRegistration, "010100999999", true, []option{modern}},
		{fiscal.SetRegistration, "0101009999991", true, []option{modern}},
		{fiscal.SetRegistration, "01010099999999999999", true, nil},
		{fiscal.SetRegistration, "010100999999999999991", false, nil},
		{fiscal.SetRegistration, "", false, nil},
		{fiscal.SetRegistration, "0101 0099999", false, nil},
		{fiscal.SetKKMID, "4294967295", true, nil},
		{fiscal.SetKKMID, "4294967296", false, nil},
		{fiscal.SetKKMID, "0", false, nil},
		{fiscal.SetChannels, "gsm ethernet", true, nil},
		{fiscal.SetChannels, "gsm", false, nil},
		{fiscal.SetChannels, "gsm gsm", false, nil},
		{fiscal.SetChannel, "gsm apn=internet", true, nil},
		{fiscal.SetChannel, "gsm ", false, nil},
		{fiscal.SetChannel, "lte apn=internet", false, nil},
		{fiscal.SetWiFi, "dukenA qupiya", false, nil},
		{fiscal.SetWiFi, "dukenA qupiya", true, []option{radio}},
		{fiscal.SetWiFi, "dukenA", false, []option{radio}},
		{fiscal.SetWiFi, "-dukenA", true, []option{radio}},
		{fiscal.SetMobile, "Екінші", true, []option{radio}},
		{fiscal.SetMobile, "auto", true, []option{radio}},
		{fiscal.SetMobile, "Үшінші", false, []option{radio}},
		{fiscal.SetLanguage, "kk+ru", true, nil},
		{fiscal.SetLanguage, "en", false, nil},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %q", tt.setting, tt.value), func(t *testing.T) {
			w := newWorld(t, tt.opts...).on()
			was := w.r.Setting(tt.setting)
			if !tt.ok {
				w.no(set(tt.setting, tt.value), BadData)
				if got := w.r.Setting(tt.setting); got != was {
					t.Errorf("refused, and reads %q after %q", got, was)
				}
				return
			}
			w.ok(set(tt.setting, tt.value))
			if got := w.r.Setting(tt.setting); tt.setting != fiscal.SetWiFi && got != tt.value {
				t.Errorf("reads %q", got)
			}
			w.register(t)
			w.r.Power(false)
			w.make()
			w.on()
			if got := w.r.Setting(tt.setting); tt.setting != fiscal.SetWiFi && got != tt.value {
				t.Errorf("reads %q after the power was cut", got)
			}
			if tt.setting == fiscal.SetLanguage {
				return
			}
			w.ok(sell(100))
			w.no(set(tt.setting, tt.value), ShiftOpen)
			wrong := set(tt.setting, tt.value)
			wrong.As.Password = "1"
			w.no(wrong, Password)
		})
	}
}

// register makes the register known under the number that it has now.
func (w *world) register(t *testing.T) {
	t.Helper()
	if id := w.r.nv.kkmID; id != w.p.OFD.ID {
		if err := w.ofd.Register(ofd.Device{ID: id, Token: w.r.nv.token, Serial: w.p.Serial, Registration: w.r.nv.registration,
			Taxpayer: ofd.Taxpayer{Name: w.p.Taxpayer.Name, BIN: w.p.Taxpayer.BIN, Address: w.p.Taxpayer.Address, AddressKZ: w.p.Taxpayer.AddressKK, OKED: w.p.Taxpayer.Activity}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEnteredNumbersAreUsed(t *testing.T) {
	w := newWorld(t).on()
	w.ok(set(fiscal.SetRegistration, "010100999999"))
	w.ok(set(fiscal.SetKKMID, "77"))
	w.register(t)
	x := w.ok(sell(100))
	q := w.last(ticketCmd)
	if q.h.ID != 77 || q.m.Service.RegInfo_.Kkm.GetFnsKkmId() != "010100999999" || q.m.Service.RegInfo_.Kkm.GetKkmId() != "77" {
		t.Errorf("header %+v, %v", q.h, q.m.Service.RegInfo_.Kkm)
	}
	if !strings.Contains(x.text(), "010100999999") || strings.Contains(x.text(), w.p.Registration) {
		t.Errorf("the paper has another number:\n%s", x.text())
	}
}

// KZ 626 row 40.5: the preferred channel first, the other when it is gone, and
// the preferred one again some time after it is back.
func TestChannelsByPreference(t *testing.T) {
	w := newWorld(t).on()
	via := func() string {
		w.channels = nil
		w.ok(sell(100))
		return strings.Join(w.channels, " ")
	}
	if got := via(); got != "ethernet" {
		t.Errorf("over %q, want the first of the profile", got)
	}
	w.ok(takeZ)
	w.ok(set(fiscal.SetChannels, "gsm ethernet"))
	if got := via(); got != "gsm" {
		t.Errorf("over %q, want gsm", got)
	}
	w.cut["gsm"] = true
	if got := via(); got != "gsm ethernet" {
		t.Errorf("over %q, want gsm in vain and then ethernet", got)
	}
	w.cut["gsm"] = false
	w.pass(2 * time.Minute)
	if got := via(); got != "gsm" {
		t.Errorf("over %q, want gsm again", got)
	}
}

// KZ 431 row 34.5: it joins permitted networks with their password, and no others.
func TestPermittedNetworks(t *testing.T) {
	w := newWorld(t, func(w *world, _ *oo) { w.p.Channels = []string{"wifi", "gsm"} }).on()
	joins := func(want string) {
		t.Helper()
		w.channels = nil
		w.ok(deposit(100))
		w.ok(takeZ)
		if got := w.r.State().WiFi; got != want {
			t.Errorf("joins %q, want %q", got, want)
		}
		if overWiFi := w.channels[0] == "wifi"; overWiFi != (want != "") {
			t.Errorf("joined %q, and the request went over %v", want, w.channels)
		}
		w.pass(2 * time.Minute)
	}
	w.r.Air(map[string]string{"A": "a-key", "B": "b-key"})
	joins("")
	w.ok(set(fiscal.SetWiFi, "A a-key"))
	joins("A")
	w.r.Air(map[string]string{"B": "b-key"})
	joins("")
	w.ok(set(fiscal.SetWiFi, "B wrong"))
	joins("")
	w.ok(set(fiscal.SetWiFi, "B b-key"))
	joins("B")
	w.r.Air(map[string]string{"A": "a-key", "B": "b-key"})
	joins("A")
	w.ok(set(fiscal.SetWiFi, "-A"))
	joins("B")
	if got := w.r.Setting(fiscal.SetWiFi); got != "B" {
		t.Errorf("the list reads %q, want B and no password", got)
	}
}

// KZ 431 row 64.7.
func TestTheBestMobileOperator(t *testing.T) {
	w := newWorld(t, func(w *world, _ *oo) { w.p.Mobile = []string{"Бірінші", "Екінші"} }).on()
	is := func(want string) {
		t.Helper()
		if got := w.r.State().Mobile; got != want {
			t.Errorf("uses %q, want %q", got, want)
		}
	}
	is("")
	w.r.Signal(map[string]int{"Бірінші": 10, "Екінші": 20})
	is("Екінші")
	w.r.Signal(map[string]int{"Бірінші": 21, "Екінші": 20})
	is("Бірінші")
	w.ok(set(fiscal.SetMobile, "Екінші"))
	is("Екінші")
	w.ok(set(fiscal.SetMobile, "auto"))
	is("Бірінші")
}

// KZ 626 row R57.2: the whole receipt in the language that was chosen.
func TestTheLanguageOfThePaper(t *testing.T) {
	w := newWorld(t).on()
	for lang, want := range map[string][2]bool{"kk": {true, false}, "ru": {false, true}, "kk+ru": {true, true}} {
		w.ok(set(fiscal.SetLanguage, lang))
		x := w.ok(sell(100))
		if got := [2]bool{strings.Contains(x.text(), "Фискалды чек"), strings.Contains(x.text(), "Фискальный чек")}; got != want {
			t.Errorf("%s: Kazakh and Russian %v, want %v:\n%s", lang, got, want, x.text())
		}
	}
}
