package kkm

import (
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
)

// Profile is what an emulated register is made of: who it is, whom it belongs
// to, where its OFD is, and its limits.
type Profile struct {
	Model        string   `yaml:"model"`
	Firmware     string   `yaml:"firmware"`
	Section      string   `yaml:"section"`      // of the requirements: I (also when it is left out), II or III
	Order        int      `yaml:"order"`        // that it conforms to: 431 (also when it is left out) or 626
	Serial       string   `yaml:"serial"`       // factory number
	Registration string   `yaml:"registration"` // given by the tax authority (RNM)
	Languages    []string `yaml:"languages"`    // of the paper: kk, ru
	Channels     []string `yaml:"channels"`     // in order of preference
	WiFi         []WiFi   `yaml:"wifi"`         // permitted networks, with a channel wifi
	Mobile       []string `yaml:"mobile"`       // operators to choose from

	Taxpayer  Taxpayer  `yaml:"taxpayer"`
	Position  Position  `yaml:"position"`
	OFD       OFD       `yaml:"ofd"`
	Staff     []Person  `yaml:"staff"`
	Passwords Passwords `yaml:"passwords"`
	Goods     Goods     `yaml:"goods"`
	Limits    Limits    `yaml:"limits"`
	Printer   Printer   `yaml:"printer"`
	Inspector Inspector `yaml:"inspector"` // of a computer system, order 626
}

// WiFi is a network that the register may join.
type WiFi struct {
	Name     string `yaml:"name"`
	Password string `yaml:"password"`
}

// Taxpayer is the owner.
type Taxpayer struct {
	Name      string `yaml:"name"`
	BIN       string `yaml:"bin"`
	Address   string `yaml:"address"`
	AddressKK string `yaml:"address_kk"`
	Activity  string `yaml:"activity"` // OKED
}

// Position is where the register stands, in 1/10000 degree.
type Position struct {
	Latitude  int32  `yaml:"latitude"`
	Longitude int32  `yaml:"longitude"`
	Source    string `yaml:"source"`
}

// OFD is the operator and how it is reached. Host, port and token are the
// values that the register is commissioned with.
type OFD struct {
	Name   string `yaml:"name"`
	NameKK string `yaml:"name_kk"`
	Site   string `yaml:"site"`
	Host   string `yaml:"host"`
	Port   int    `yaml:"port"`
	ID     uint32 `yaml:"id"`
	Token  uint32 `yaml:"token"`
	CPCR   string `yaml:"cpcr"` // version in dots

	Version cpcr.Version `yaml:"-"` // CPCR as the header carries it
}

// Person is an operator: 1..28 cashiers, 29 and 30 administrators.
type Person struct {
	Number int    `yaml:"number"`
	Name   string `yaml:"name"`
}

// Passwords rules what may be programmed. The factory password of an operator is the own number.
type Passwords struct {
	Minimum int `yaml:"minimum"` // positions of a programmed password
}

// Goods are values of a line that a cashier does not enter.
type Goods struct {
	Unit     string `yaml:"unit"`     // code of the measure unit
	Taxation int32  `yaml:"taxation"` // taxation regime of taxes
	Sector   string `yaml:"sector"`   // trading, services, gasoil, hotels, taxi, parking
	Account  string `yaml:"account"`  // services and hotels: account or folio number
	Car      string `yaml:"car"`      // taxi: plate of the car

	Marked []string `yaml:"marked"` // GTIN of goods that must have a marking identifier (KZ 626 row 7.1)
}

// Limits are the register's own.
type Limits struct {
	Offline     time.Duration `yaml:"offline"`     // greatest age of the oldest unsent receipt
	Shift       time.Duration `yaml:"shift"`       // from the end of its first payment document
	Answer      time.Duration `yaml:"answer"`      // wait for the OFD's answer before working alone
	Transaction time.Duration `yaml:"transaction"` // all attempts of one document together
	Connect     time.Duration `yaml:"connect"`     // wait for a connection before the next channel is tried
	Retry       time.Duration `yaml:"retry"`       // pause between attempts inside one transaction
	Reconnect   time.Duration `yaml:"reconnect"`   // pause between attempts to come back, and between pings while blocked
	Ping        time.Duration `yaml:"ping"`        // how often an idle register asks whether the OFD is there; 0: never (KZ 626 rows 45, 78.2)
}

// Inspector is who may use the tax inspector's workplace (KZ 626 rows 121-123).
type Inspector struct {
	Login    string `yaml:"login"`
	Password string `yaml:"password"`
}

// Printer is the printing unit.
type Printer struct {
	Width int `yaml:"width"` // characters a line
	Speed int `yaml:"speed"` // lines a second
}
