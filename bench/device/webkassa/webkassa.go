// Package webkassa drives a register that is a service: Webkassa and what
// speaks its HTTP interface, version 4 (devices.md 4.1), over the network or its
// local service.
//
// It writes down every request and answer, with secrets replaced by their
// digests, makes one call at a time, and never repeats an effect blindly: a
// receipt whose answer was lost is looked for by its external number, cash by the
// drawer, a Z report by the shift. It never judges.
//
// Begin with [Open]. http.go is the exchange and its record, prove.go settles
// lost answers, ops.go makes calls of operations.
//
// # Where the sources are thin
//
// The names of most fields come from the maker's public collection for OFD
// protocol 2.0.3 and from programs that use them; the state call is met in two
// shapes, and both are read. Known from one source only: ChangeToken, the state
// call's path, the codes 16 and 19. No source tells how a single position is
// reversed in a receipt, how many documents are unsent, or how the address of the OFD, the
// clock or passwords are set: the driver says that it cannot.
//
// # Paper
//
// The driver reads no paper. The API renders receipts (PrintFormat), but neither
// reports nor cash slips, and a rendering is no paper: a record with half of the
// documents would let the other half look as if the register had not printed
// them. What was printed is read by a printer tap or the control API, and so is the
// moment at which a receipt is finished ([Options.Rest]).
package webkassa

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/webkassa/wire"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// Login is somebody who works on the register.
type Login struct {
	Login    string `yaml:"login"`
	Password string `yaml:"password"`
}

// Secrets are what a register is reached with; [LoadSecrets] reads them.
type Secrets struct {
	APIKey   string        `yaml:"api_key"`
	Admin    Login         `yaml:"admin"`    // reports, token; also cashier 1 when no other is named
	Cashiers map[int]Login `yaml:"cashiers"` // by number
}

// Options of a driver. Zero times take the defaults beside them.
type Options struct {
	Base      string // http or https, host and port
	Cashbox   string // unique number, SWK and digits
	Secrets   Secrets
	Languages []string      // of printed forms, first and second: kk, ru
	Answer    time.Duration // wait for an answer, 60 s: the service itself waits for the OFD
	Recovery  time.Duration // how long a lost answer is looked for, 60 s
	Poll      time.Duration // between two looks, 2 s
	Latency   time.Duration // how late the bench may notice an answer, 5 ms
	// Transport carries the calls; nil: the network.
	Transport http.RoundTripper
	// Rest, if any, waits until the paper has come to rest and says when that was
	// and how well it is known; false when nobody can tell (a printer tap, the control API).
	Rest func(ctx context.Context) (at clock.Instant, blur time.Duration, ok bool, err error)
}

func (o Options) withDefaults() Options {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.Answer, 60*time.Second)
	def(&o.Recovery, 60*time.Second)
	def(&o.Poll, 2*time.Second)
	def(&o.Latency, 5*time.Millisecond)
	if len(o.Languages) == 0 {
		o.Languages = []string{"kk", "ru"}
	}
	return o
}

// check says what is wrong with options before anything is sent.
func (o Options) check() error {
	u, err := url.Parse(o.Base)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.User != nil:
		return fmt.Errorf("webkassa: address %q: want http://HOST:PORT or https://HOST", o.Base)
	case strings.TrimSpace(o.Cashbox) == "":
		return errors.New("webkassa: no cashbox: want its unique number, such as SWK00000001")
	case o.Secrets.APIKey == "":
		return errors.New("webkassa: no api_key among the secrets")
	case o.Secrets.Admin.Login == "" || o.Secrets.Admin.Password == "":
		return errors.New("webkassa: no login and password of admin among the secrets")
	}
	for n, l := range o.Secrets.Cashiers {
		if n < 1 || l.Login == "" || l.Password == "" {
			return fmt.Errorf("webkassa: cashier %d among the secrets: want a number from 1, login and password", n)
		}
	}
	for _, l := range o.Languages {
		if languages[l] == "" {
			return fmt.Errorf("webkassa: language %q: want kk, ru or en", l)
		}
	}
	return nil
}

var languages = map[string]string{"kk": "kk-KZ", "ru": "ru-RU", "en": "en-US"}

// Driver is a register behind HTTP.
type Driver struct {
	mu   sync.Mutex
	loop clock.Loop
	j    history.Journal
	o    Options
	x    exchange

	salt   string            // of this run's external numbers
	tokens map[string]string // session of each login
	last   string            // external number of the last receipt that may have a printed form
	shift  uint64            // shift of that receipt, 0: not told
}

var _ device.Device = (*Driver)(nil)

// Open makes a driver. It sends nothing yet.
func Open(loop clock.Loop, j history.Journal, o Options) (*Driver, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Transport == nil {
		o.Transport = network()
	}
	d := &Driver{loop: loop, j: j, o: o, tokens: map[string]string{}, salt: loop.Now().Wall.UTC().Format("060102150405.000")}
	d.x = exchange{loop: loop, j: j, o: o}
	d.x.hide(o.Secrets.APIKey)
	for _, l := range d.logins() {
		d.x.hide(l.Password)
	}
	return d, nil
}

func (d *Driver) logins() []Login {
	all := []Login{d.o.Secrets.Admin}
	for _, l := range d.o.Secrets.Cashiers {
		all = append(all, l)
	}
	return all
}

// Close lets idle connections go.
func (d *Driver) Close() error {
	if c, ok := d.o.Transport.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	return nil
}

// external names an effect for the register: equal for equal names within a
// run, different in another run, which would else be told that its receipts were
// made long ago.
func (d *Driver) external(id fiscal.OpID) string {
	sum := sha256.Sum256([]byte(id))
	return "kkmtest-" + d.salt + "-" + hex.EncodeToString(sum[:8])
}

// login finds who works.
func (d *Driver) login(as fiscal.Role, admin bool) Login {
	if as.Admin || as.Cashier == 0 && admin {
		return d.o.Secrets.Admin
	}
	if l, ok := d.o.Secrets.Cashiers[max(as.Cashier, 1)]; ok {
		return l
	}
	return d.o.Secrets.Admin
}

// session makes sure that a login has one, and returns its token.
func (d *Driver) session(ctx context.Context, l Login) (string, error) {
	if t := d.tokens[l.Login]; t != "" {
		return t, nil
	}
	var s wire.Session
	if err := d.x.call(ctx, wire.Authorize, wire.Login{Login: l.Login, Password: l.Password}, &s, nil); err != nil {
		return "", err
	}
	if s.Token == "" {
		return "", &lost{what: wire.Authorize, text: "an answer without a token"}
	}
	d.tokens[l.Login] = s.Token
	return s.Token, nil
}

// ask makes a call that needs a session. An answer that says that the session has
// expired proves that nothing was done: the call is made once more with a new one.
func (d *Driver) ask(ctx context.Context, l Login, path string, body func(wire.Cashbox) any, into any, sent *clock.Instant) error {
	for try := 1; ; try++ {
		token, err := d.session(ctx, l)
		if err != nil {
			return err
		}
		err = d.x.call(ctx, path, body(wire.Cashbox{Token: token, CashboxUniqueNumber: d.o.Cashbox}), into, sent)
		var no *refusal
		if errors.As(err, &no) && no.has(wire.TokenExpired) && try == 1 {
			delete(d.tokens, l.Login)
			continue
		}
		return err
	}
}

func plain(c wire.Cashbox) any { return c }

// state asks for the register's state.
func (d *Driver) state(ctx context.Context) (wire.BoxState, error) {
	var s wire.BoxState
	err := d.ask(ctx, d.o.Secrets.Admin, wire.State, plain, &s, nil)
	return s, err
}

// Identity asks what the register is.
func (d *Driver) Identity(ctx context.Context) (history.Identity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.state(ctx)
	if err != nil {
		return history.Identity{}, outward(err)
	}
	id := history.Identity{Type: "Webkassa API v4", Model: s.Name, Serial: s.UniqueNumber}
	if s.OfdProtocolVersion > 0 {
		id.Type += fmt.Sprintf(", OFD protocol %d", s.OfdProtocolVersion)
	}
	if id.Serial == "" {
		id.Serial = d.o.Cashbox
	}
	return id, nil
}

// State asks for shift and drawer. How many documents are unsent the API does not tell.
func (d *Driver) State(ctx context.Context) (history.State, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.state(ctx)
	if err != nil {
		return history.State{}, outward(err)
	}
	c := s.CurrentState
	st := history.State{ShiftOpen: !c.ShiftClosed && c.ShiftNumber > 0, Shift: c.ShiftNumber, Receipts: c.DocumentsCount}
	words := []string{"shift closed"}
	if st.ShiftOpen {
		words = []string{"shift open since " + c.ShiftOpenedAt}
	}
	if r := c.Report(); r != nil {
		st.Offline = &r.CashboxOfflineMode
		words = append(words, "cash "+fiscal.Tiyn(r.SumInCashbox).String())
	}
	st.Text = strings.Join(words, ", ")
	_, err = d.j.Append(history.Driver, st)
	return st, err
}

// outward turns an error of a question into what the bench may branch on.
func outward(err error) error {
	var l *lost
	var no *refusal
	switch {
	case errors.As(err, &l):
		return fmt.Errorf("webkassa: %w: %w", err, device.ErrSilent)
	case errors.As(err, &no):
		return fmt.Errorf("webkassa: %w", err)
	}
	return err
}

// form asks for the printed form of the last receipt.
func (d *Driver) form(ctx context.Context, duplicate bool) ([]string, error) {
	var f wire.Form
	err := d.ask(ctx, d.o.Secrets.Admin, wire.PrintFormat, func(c wire.Cashbox) any {
		return wire.External{Cashbox: c, ExternalCheckNumber: d.last, PaperKind: wire.PaperWidth80, IsDuplicate: duplicate}
	}, &f, nil)
	var lines []string
	for _, l := range f.Lines {
		if l.Type == wire.TextLine {
			lines = append(lines, strings.Split(strings.TrimRight(strings.ReplaceAll(l.Value, "\r", ""), "\n"), "\n")...)
		}
	}
	return lines, err
}
