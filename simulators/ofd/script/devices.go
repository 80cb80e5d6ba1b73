package script

import (
	"fmt"
	"strings"

	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// device is a register as it is written.
type device struct {
	ID           uint32   `json:"id"`
	Token        uint32   `json:"token"` // 0: from the seed
	Serial       string   `json:"serial"`
	Registration string   `json:"registration_number"`
	PaymentPoint string   `json:"payment_point"`
	Terminal     string   `json:"terminal"`
	Sector       string   `json:"sector"`
	Taxpayer     taxpayer `json:"taxpayer"`
	Pos          pos      `json:"pos"`
	Operator     operator `json:"operator"`
	Taxation     taxation `json:"taxation"`
	Texts        []told   `json:"texts"`
}

type taxpayer struct {
	Name      string `json:"name"`
	BIN       string `json:"bin"`
	Address   string `json:"address"`
	AddressKK string `json:"address_kk"`
	OKED      string `json:"oked"`
}

// pos is the point of sale; without it that of the taxpayer.
type pos struct {
	Title     string `json:"title"`
	Address   string `json:"address"`
	AddressKK string `json:"address_kk"`
	Latitude  uint32 `json:"latitude"` // degrees x 10000
	Longitude uint32 `json:"longitude"`
}

type operator struct {
	Title   string `json:"title"`
	TitleKK string `json:"title_kk"`
	URL     string `json:"url"`
}

type taxation struct {
	Regime uint32    `json:"regime"`
	Rates  []Percent `json:"rates"`
}

// Device is a register that was read, and where it stands.
type Device struct {
	Device ofd.Device
	At     string
}

// LoadDevices reads a list of registers; name stands in errors.
func LoadDevices(name string, raw []byte) ([]Device, error) {
	var all []device
	r, err := read(name, raw, &all)
	if err != nil {
		return nil, err
	}
	seen := map[uint32]string{}
	var out []Device
	for i, d := range all {
		path := fmt.Sprintf("[%d]", i)
		at := r.at(path)
		if was := seen[d.ID]; was != "" {
			r.bad(path+".id", "%d is also the register at %s", d.ID, was)
		}
		seen[d.ID] = at
		out = append(out, Device{d.device(r, path), at})
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return out, nil
}

// ReadDevice reads a register from a body of JSON.
func ReadDevice(body []byte) (ofd.Device, error) {
	var d device
	r, err := readJSON(body, &d)
	if err != nil {
		return ofd.Device{}, err
	}
	out := d.device(r, "")
	return out, r.err()
}

func (d device) device(r *reader, path string) ofd.Device {
	if path != "" {
		path += "."
	}
	if d.ID == 0 {
		r.bad(path+"id", "0 or nothing: want the register's number at the operator, 1 to 4294967295")
	}
	digits := func(key, s string, least, most int) {
		if s != "" && (len(s) < least || len(s) > most || strings.Trim(s, "0123456789") != "") {
			want := fmt.Sprintf("%d", least)
			if most > least {
				want = fmt.Sprintf("%d to %d", least, most)
			}
			r.bad(path+key, "%q: want %s digits", s, want)
		}
	}
	digits("registration_number", d.Registration, 12, 20)
	digits("taxpayer.bin", d.Taxpayer.BIN, 12, 12)
	digits("taxpayer.oked", d.Taxpayer.OKED, 2, 5)
	out := ofd.Device{
		ID: d.ID, Token: d.Token, Serial: d.Serial, Registration: d.Registration, PaymentPoint: d.PaymentPoint, Terminal: d.Terminal, Sector: d.Sector,
		Taxpayer: ofd.Taxpayer{Name: d.Taxpayer.Name, BIN: d.Taxpayer.BIN, Address: d.Taxpayer.Address, AddressKZ: d.Taxpayer.AddressKK, OKED: d.Taxpayer.OKED},
		Pos:      ofd.Pos{Title: d.Pos.Title, Address: d.Pos.Address, AddressKZ: d.Pos.AddressKK, Latitude: d.Pos.Latitude, Longitude: d.Pos.Longitude},
		Operator: ofd.Operator{Title: d.Operator.Title, TitleKZ: d.Operator.TitleKK, URL: d.Operator.URL},
		Taxation: ofd.Taxation{Regime: int32(d.Taxation.Regime & (1<<31 - 1))},
	}
	for _, x := range d.Taxation.Rates {
		out.Taxation.Rates = append(out.Taxation.Rates, fiscal.MilliPercent(x))
	}
	fill := func(s *string, with string) {
		if *s == "" {
			*s = with
		}
	}
	fill(&out.Taxpayer.AddressKZ, out.Taxpayer.Address)
	fill(&out.Pos.Title, out.Taxpayer.Name)
	fill(&out.Pos.Address, out.Taxpayer.Address)
	fill(&out.Pos.AddressKZ, out.Taxpayer.AddressKZ)
	fill(&out.Operator.Title, "kkmtest")
	fill(&out.Operator.TitleKZ, out.Operator.Title)
	for _, t := range d.Texts {
		out.Ads = append(out.Ads, ofd.Ad{Type: canon.TicketAdTypeEnum(t.Type), Version: 1, Text: t.Text})
	}
	if err := out.Check(); err != nil && d.ID != 0 {
		r.bad(path+"sector", "%s", strings.TrimPrefix(err.Error(), fmt.Sprintf("device %d: ", d.ID)))
	}
	return out
}
