package script

import (
	"reflect"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

const whole = `
- id: 100500
  token: 4242424242
  serial: KZ0001234
  registration_number: "010100012345"
  payment_point: "1"
  terminal: "2"
  sector: services
  taxpayer: {name: ТОО «Үлгі», bin: "123456789012", address: г. Астана, address_kk: Астана қ., oked: "47190"}
  pos: {title: Дүкен, address: ул. Тестовая 1, address_kk: Сынақ к. 1, latitude: 512283, longitude: 713906}
  operator: {title: ОФД, title_kk: ФДО, url: ofd.example}
  taxation: {regime: 101, rates: [16, 5.5]}
  texts: [{type: OFD, text: Рақмет}]
- {id: 7, taxpayer: {name: ИП А, address: Алматы}}
`

func TestDevices(t *testing.T) {
	all, err := LoadDevices("d.yaml", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	want := ofd.Device{
		ID: 100500, Token: 4242424242, Serial: "KZ0001234", Registration: "010100012345", PaymentPoint: "1", Terminal: "2", Sector: "services",
		Taxpayer: ofd.Taxpayer{Name: "ТОО «Үлгі»", BIN: "123456789012", Address: "г. Астана", AddressKZ: "Астана қ.", OKED: "47190"},
		Pos:      ofd.Pos{Title: "Дүкен", Address: "ул. Тестовая 1", AddressKZ: "Сынақ к. 1", Latitude: 512283, Longitude: 713906},
		Operator: ofd.Operator{Title: "ОФД", TitleKZ: "ФДО", URL: "ofd.example"},
		Taxation: ofd.Taxation{Regime: 101, Rates: []fiscal.MilliPercent{16000, 5500}},
		Ads:      []ofd.Ad{{Version: 1, Text: "Рақмет"}},
	}
	if len(all) != 2 || !reflect.DeepEqual(all[0].Device, want) {
		t.Errorf("%+v\nwant %+v", all[0].Device, want)
	}
	// What is not written is filled from what is near.
	if d := all[1].Device; d.Pos.Title != "ИП А" || d.Pos.Address != "Алматы" || d.Pos.AddressKZ != "Алматы" || d.Taxpayer.AddressKZ != "Алматы" || d.Operator.Title == "" {
		t.Errorf("%+v", d)
	}
	if all[1].At != "d.yaml:14:3" {
		t.Errorf("stands at %s", all[1].At)
	}
}

// The form that the command line promises (`id`, `token`, `serial`,
// `registration_number`, `taxpayer: {name, bin, address}`).
func TestDevicesOfTheContract(t *testing.T) {
	all, err := LoadDevices("d.yaml", []byte("- id: 100500\n  token: 42424242\n  serial: S\n  registration_number: \"010100012345\"\n  taxpayer: {name: TOO Example, bin: \"123456789012\", address: Astana}\n"))
	if err != nil || len(all) != 1 || all[0].Device.Token != 42424242 || all[0].Device.Taxpayer.BIN != "123456789012" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestBadDevices(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no id", "- {token: 5}\n", "d.yaml:1:3: [0].id: 0 or nothing"},
		{"id too large", "- {id: 4294967296}\n", "d.yaml:1:8: [0].id: the number 4294967296: want a whole number from 0 to 4294967295"},
		{"the largest id", "- {id: 4294967295}\n", ""},
		{"twice", "- {id: 5}\n- {id: 5}\n", "d.yaml:2:8: [1].id: 5 is also the register at d.yaml:1:"},
		{"unknown key", "- {id: 5, serail: x}\n", "d.yaml:1:11: [0].serail: no such key: want one of id, token, serial"},
		{"number without quotes", "- {id: 5, registration_number: 010100012345}\n", "want a text in quotes"},
		{"registration of 11 digits", "- {id: 5, registration_number: \"01010001234\"}\n", "want 12 to 20 digits"},
		{"registration of 12 digits", "- {id: 5, registration_number: \"010100012345\"}\n", ""},
		{"BIN of 11 digits", "- {id: 5, taxpayer: {bin: \"12345678901\"}}\n", `d.yaml:1:27: [0].taxpayer.bin: "12345678901": want 12 digits`},
		{"BIN with a letter", "- {id: 5, taxpayer: {bin: \"12345678901x\"}}\n", "want 12 digits"},
		{"sector", "- {id: 5, sector: circus}\n", `sector "circus": want one of trading`},
		{"text type", "- {id: 5, texts: [{type: X}]}\n", "want one of OFD"},
		{"no list", "id: 5\n", "d.yaml:1:1: keys: want a list"},
		{"empty", "", "want one document"},
	} {
		_, err := LoadDevices("d.yaml", []byte(tt.text))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v\nwant %s", tt.name, err, tt.want)
		}
	}
	if d, err := ReadDevice([]byte(`{"id":5,"sector":"taxi"}`)); err != nil || d.ID != 5 || d.Sector != "taxi" {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := ReadDevice([]byte(`{"id":0}`)); err == nil || !strings.HasPrefix(err.Error(), "body: id: 0 or nothing") {
		t.Error(err)
	}
}
