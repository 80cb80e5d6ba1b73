package script

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// file is a script as it is written.
type file struct {
	Choices  choices   `json:"choices"`
	Cashiers []cashier `json:"cashiers"`
	Goods    *goods    `json:"goods"`
	Payments []Payment `json:"payments"`
	Rules    []rule    `json:"rules"`
}

// Script is a script that was read.
type Script struct {
	Rules    []NamedRule
	choices  choices
	cashiers []ofd.Cashier
	goods    *ofd.Nomenclature
	payments []ofd.PaymentState
}

// NamedRule is a rule with its name.
type NamedRule struct {
	Name string
	Rule ofd.Rule
	At   string // where it stands, for errors of the server
}

// Load reads a script; name stands in errors.
func Load(name string, raw []byte) (*Script, error) {
	var f file
	r, err := read(name, raw, &f)
	if err != nil {
		return nil, err
	}
	s := &Script{choices: f.Choices}
	f.Choices.check(r, "choices.")
	for _, p := range f.Payments {
		s.payments = append(s.payments, ofd.PaymentState(p))
	}
	for i, c := range f.Cashiers {
		s.cashiers = append(s.cashiers, c.cashier(r, fmt.Sprintf("cashiers[%d]", i)))
	}
	if f.Goods != nil {
		s.goods = f.Goods.nomenclature(r)
	}
	seen := map[string]string{}
	for i, x := range f.Rules {
		path := fmt.Sprintf("rules[%d]", i)
		n := NamedRule{Name: x.Name, At: r.at(path)}
		switch {
		case x.Name == "":
			r.bad(path, "no name: want name: TEXT, which the record and the report of what never happened say")
		case seen[x.Name] != "":
			r.bad(path+".name", "%q is also the name of the rule at %s: want another one", x.Name, seen[x.Name])
		}
		seen[x.Name] = n.At
		n.Rule = x.rule(r, path)
		s.Rules = append(s.Rules, n)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// Settings says whether the script has more than rules.
func (s *Script) Settings() bool {
	return s.cashiers != nil || s.goods != nil || s.payments != nil || !reflect.DeepEqual(s.choices, choices{})
}

// Apply puts choices, cashiers, goods and payments into the options of a server.
// The rules are set by whoever owns the server.
func (s *Script) Apply(o *ofd.Options) {
	s.choices.apply(o)
	if s.cashiers != nil {
		o.Cashiers = s.cashiers
	}
	if s.goods != nil {
		o.Goods = s.goods
	}
	if s.payments != nil {
		o.Payments = s.payments
	}
}

// rule is a rule as it is written.
type rule struct {
	Name     string    `json:"name"`
	Device   uint32    `json:"device"`
	Commands []Command `json:"commands"`
	Connect  bool      `json:"connect"`
	At       *Duration `json:"at"` // once, by itself
	After    Duration  `json:"after"`
	For      Duration  `json:"for"`
	First    int       `json:"first"`
	Times    int       `json:"times"`
	PerMille int       `json:"per_mille"`
	Do       action    `json:"do"`
}

// action is what a rule does, as it is written.
type action struct {
	// To the request and its answer.
	Hold       Duration `json:"hold"`
	Delay      Duration `json:"delay"`
	Silent     bool     `json:"silent"`
	LoseAnswer bool     `json:"lose_answer"`
	Result     *result  `json:"result"`
	Notice     string   `json:"notice"`
	NoQR       bool     `json:"no_qr"`
	AppCode    *uint16  `json:"appcode"`
	Version    *uint16  `json:"version"`
	Size       *uint32  `json:"size"`
	ID         *uint32  `json:"id"`
	Token      *uint32  `json:"token"`
	ReqNum     *uint16  `json:"reqnum"`
	OldToken   bool     `json:"old_token"`
	Payload    *Hex     `json:"payload"`
	Cut        int      `json:"cut"`
	Pieces     int      `json:"pieces"`
	Gap        Duration `json:"gap"`
	Twice      bool     `json:"twice"`
	ReportOff  Money    `json:"report_off"`
	// To the connection.
	End    End  `json:"end"`
	Mute   bool `json:"mute"`
	Refuse bool `json:"refuse"`
	// By the operator himself.
	Block             *string   `json:"block"`
	Unblock           bool      `json:"unblock"`
	Standing          *Standing `json:"standing"`
	Tell              []told    `json:"tell"`
	NewToken          *uint32   `json:"new_token"`
	Skew              *Duration `json:"skew"`
	Busy              *string   `json:"busy"`
	Versions          []Version `json:"versions"`
	AnswerUnsupported *bool     `json:"answer_unsupported"`
}

type result struct {
	Code uint32 `json:"code"`
	Text string `json:"text"`
}

type told struct {
	Type TextType `json:"type"`
	Text string   `json:"text"`
}

// rule turns it into what the server takes, and holds it to the server's own rules.
func (x rule) rule(r *reader, path string) ofd.Rule {
	out := ofd.Rule{
		Device: x.Device, Connect: x.Connect, First: x.First, Times: x.Times, PerMille: x.PerMille,
		After: time.Duration(x.After), For: time.Duration(x.For), Action: x.Do.action(),
	}
	for _, c := range x.Commands {
		out.Commands = append(out.Commands, canon.CommandTypeEnum(c))
	}
	if x.At != nil {
		if x.After != 0 {
			r.bad(path+".after", "stands beside at: want one of the two")
		}
		out.Alone, out.After = true, time.Duration(*x.At)
	}
	if x.Name == "" {
		x.Name = "?"
	}
	if err := out.Check(x.Name); err != nil {
		r.bad(path, "%s", err)
	}
	return out
}

func (a action) action() ofd.Action {
	out := ofd.Action{
		Hold: time.Duration(a.Hold), Delay: time.Duration(a.Delay), Silent: a.Silent, LoseAnswer: a.LoseAnswer, Notice: a.Notice, NoQR: a.NoQR,
		AppCode: a.AppCode, Version: a.Version, Size: a.Size, ID: a.ID, Token: a.Token, ReqNum: a.ReqNum, OldToken: a.OldToken,
		Cut: a.Cut, Pieces: a.Pieces, Gap: time.Duration(a.Gap), Twice: a.Twice, ReportOff: fiscal.Tiyn(a.ReportOff),
		End: ofd.End(a.End), Mute: a.Mute, Refuse: a.Refuse,
	}
	if a.Result != nil {
		out.Result = &ofd.Result{Code: a.Result.Code, Text: a.Result.Text}
	}
	if a.Payload != nil {
		out.Payload = append([]byte{}, *a.Payload...)
	}
	acts := ofd.Acts{Block: a.Block, Unblock: a.Unblock, NewToken: a.NewToken, Busy: a.Busy, AnswerOld: a.AnswerUnsupported}
	if a.Standing != nil {
		st := ofd.Standing(*a.Standing)
		acts.Standing = &st
	}
	for _, t := range a.Tell {
		acts.Tell = append(acts.Tell, ofd.Ad{Type: canon.TicketAdTypeEnum(t.Type), Text: t.Text})
	}
	if a.Skew != nil {
		d := time.Duration(*a.Skew)
		acts.Skew = &d
	}
	if a.Versions != nil {
		acts.Versions = versions(a.Versions)
	}
	if acts.String() != "" {
		out.Acts = &acts
	}
	return out
}

func versions(in []Version) []cpcr.Version {
	out := []cpcr.Version{}
	for _, v := range in {
		out = append(out, cpcr.Version(v))
	}
	return out
}

// ReadRule reads a rule from a body of JSON; its name comes from the address.
func ReadRule(name string, body []byte) (ofd.Rule, error) {
	var x rule
	r, err := readJSON(body, &x)
	if err != nil {
		return ofd.Rule{}, err
	}
	if x.Name != "" && x.Name != name {
		r.bad("name", "%q: want %q, as in the address, or no name", x.Name, name)
	}
	x.Name = name
	out := x.rule(r, "")
	return out, r.err()
}

// Act is what an operator does at once.
type Act struct {
	Device uint32
	Acts   ofd.Acts
}

// ReadAct reads an act from a body of JSON: the keys of a rule's do that concern
// the operator himself, and device.
func ReadAct(body []byte) (Act, error) {
	var x struct {
		Device            uint32    `json:"device"`
		Block             *string   `json:"block"`
		Unblock           bool      `json:"unblock"`
		Standing          *Standing `json:"standing"`
		Tell              []told    `json:"tell"`
		NewToken          *uint32   `json:"new_token"`
		Skew              *Duration `json:"skew"`
		Busy              *string   `json:"busy"`
		Versions          []Version `json:"versions"`
		AnswerUnsupported *bool     `json:"answer_unsupported"`
	}
	if _, err := readJSON(body, &x); err != nil {
		return Act{}, err
	}
	a := action{Block: x.Block, Unblock: x.Unblock, Standing: x.Standing, Tell: x.Tell, NewToken: x.NewToken, Skew: x.Skew, Busy: x.Busy, Versions: x.Versions, AnswerUnsupported: x.AnswerUnsupported}.action()
	if a.Acts == nil {
		return Act{}, fmt.Errorf("body: no act: want at least one of block, unblock, standing, tell, new_token, skew, busy, versions, answer_unsupported")
	}
	return Act{x.Device, *a.Acts}, nil
}

// cashier is somebody who may log in with AUTH.
type cashier struct {
	Login    string `json:"login"`
	Password string `json:"password"`
	Code     uint32 `json:"code"`
	Name     string `json:"name"`
	Roles    []Role `json:"roles"`
}

func (c cashier) cashier(r *reader, path string) ofd.Cashier {
	if strings.TrimSpace(c.Login) == "" {
		r.bad(path, "no login: want login: TEXT")
	}
	out := ofd.Cashier{Login: c.Login, Password: c.Password, Code: c.Code, Name: c.Name}
	for _, x := range c.Roles {
		out.Roles = append(out.Roles, canon.UserRoleEnum(x))
	}
	return out
}
