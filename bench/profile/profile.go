// Package profile reads the device profile, profile.yaml: what is known of a
// KKM before the bench touches it. The profile drives applicability (a
// requirement for taxis does not bind a register that never works in a taxi)
// and is what prints and messages are compared with.
//
// It is strict: an unknown key, a value outside its words, a number that YAML
// would silently read as something else is an error with file, line, column
// and the cure. It assumes nothing: a field that the file leaves out is
// undeclared, and [Profile.Lookup] says so. It opens no file and no device.
//
// Begin with [Load]. docs/seams.md says who reads what of it.
package profile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Profile is what a profile.yaml declares. Zero values may mean undeclared:
// ask [Profile.Declared] before resting a verdict on one.
type Profile struct {
	Name string // file name, for messages

	Model        string
	Maker        string
	Serial       string // factory number, as on the housing
	Registration string // given by the tax authority
	Taxpayer     Taxpayer
	Section      string   // I, II or III
	Sectors      []string // see Sectors
	Registrar    bool     // fiscal registrar: no keyboard and display of its own
	Channels     []string // see Channels
	Languages    []string // kk, ru, en
	Protocol     string   // CPCR version in dots
	Cashiers     []string // names as the register prints them
	OFD          OFD
	Host         Host

	VATPayer        bool
	MobileOperators int    // how many a register can work with
	Registered      string // date of entry of the model in the State Register
	Modernised      bool   // the model was changed after its entry
	Equipment       string // remotely installed cash equipment (Kyrgyz edition): atm, cash-in, pos
	CardService     bool   // serves bank cards and gives access to accounts
	RiskSite        bool   // stands where a break-in or skimming is likely
	AutomatedBooks  bool   // cash documents are made by a program

	lines map[string]int // line of every declared field, by its key
}

// Taxpayer is who uses the KKM.
type Taxpayer struct {
	Name     string
	BIN      string // BIN or IIN, 12 digits
	Address  string
	Activity string // OKED
}

// OFD is the operator of fiscal data that the KKM is registered with.
type OFD struct {
	ID    uint32 // identification number of the KKM at the OFD
	Token uint32
	Name  string
	Site  string
}

// Host is the line between the PC and the KKM.
type Host struct {
	Protocol  string
	Passwords Passwords
}

// Passwords are numbers, as the protocols of registers carry them.
type Passwords struct{ Cashier, Admin, Service uint32 }

// The words that a profile may use.
var (
	Sections  = []string{"I", "II", "III"}
	Sectors   = []string{"trading", "services", "gasoil", "hotels", "taxi", "parking", "pawnshop", "scrap", "glassware", "exchange", "banking"}
	Channels  = []string{"ethernet", "gsm", "lte", "wifi", "wimax"}
	Languages = []string{"kk", "ru", "en"}
	Protocols = []string{"1.2.4", "2.0.2", "2.0.3", "2.0.4"}
	Hosts     = []string{"shtrih-m", "atol", "datecs"}
	Equipment = []string{"atm", "cash-in", "pos"}
)

// conditionFields are the fields that a condition of a catalogue may read.
var conditionFields = []string{"automated_books", "card_service", "channels", "equipment", "fiscal_registrar", "languages",
	"mobile_operators", "modernised", "protocol", "registered", "risk_site", "section", "sectors", "vat_payer"}

// Fields names the fields that [Profile.Lookup] knows, for the lint of catalogues.
func Fields() []string { return slices.Clone(conditionFields) }

// Declared says whether the file has the key, such as "sectors" or "taxpayer.address".
func (p Profile) Declared(key string) bool { return p.lines[key] > 0 }

// Line is the line of a declared key, 0 when the file does not have it: a
// declaration that the record contradicts is reported with it.
func (p Profile) Line(key string) int { return p.lines[key] }

// Lines gives the line of every declared key.
func (p Profile) Lines() map[string]int { return maps.Clone(p.lines) }

// Conditions gives what the profile declares for each field that a condition of
// a catalogue may read; fields that it leaves out are not among them.
func (p Profile) Conditions() map[string][]string {
	out := map[string][]string{}
	for _, f := range conditionFields {
		if v, ok := p.Lookup(f); ok {
			out[f] = slices.Clone(v)
		}
	}
	return out
}

// Lookup gives the values that the profile declares for a field of a
// condition, and false when it declares nothing: then nobody may assume.
func (p Profile) Lookup(field string) ([]string, bool) {
	if !p.Declared(field) {
		return nil, false
	}
	flag := func(b bool) []string { return []string{strconv.FormatBool(b)} }
	switch field {
	case "section":
		return []string{p.Section}, true
	case "sectors":
		return p.Sectors, true
	case "fiscal_registrar":
		return flag(p.Registrar), true
	case "channels":
		return p.Channels, true
	case "languages":
		return p.Languages, true
	case "protocol":
		return []string{p.Protocol}, true
	case "vat_payer":
		return flag(p.VATPayer), true
	case "mobile_operators":
		return []string{strconv.Itoa(p.MobileOperators)}, true
	case "registered":
		return []string{p.Registered}, true
	case "modernised":
		return flag(p.Modernised), true
	case "equipment":
		return []string{p.Equipment}, true
	case "card_service":
		return flag(p.CardService), true
	case "risk_site":
		return flag(p.RiskSite), true
	case "automated_books":
		return flag(p.AutomatedBooks), true
	}
	return nil, false
}

// Ask is the sentence that asks for an undeclared field by name.
func (p Profile) Ask(field string) string {
	return fmt.Sprintf("%s does not declare %s: want a line %s: %s", p.Name, field, field, example[field])
}

var example = map[string]string{"section": "I", "sectors": "[trading]", "fiscal_registrar": "true", "channels": "[ethernet, gsm]", "languages": "[kk, ru]",
	"protocol": `"2.0.4"`, "vat_payer": "true", "mobile_operators": "2", "registered": `"2024-03-01"`, "modernised": "false", "equipment": "atm",
	"card_service": "true", "risk_site": "false", "automated_books": "true"}
