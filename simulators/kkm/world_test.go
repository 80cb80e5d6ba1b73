package kkm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/stream"
)

// day is when the tests' world begins.
var day = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// latency is how long bytes take from one end to the other.
const latency = 5 * time.Millisecond

// request is a message that reached the OFD.
type request struct {
	at time.Duration
	h  cpcr.Header
	m  *canon.Request
}

// world is a register, an OFD, wires between them and time.
type world struct {
	t        testing.TB
	clk      *clock.Virtual
	loop     clock.Loop // the same, or around it
	log      *history.Log
	ofd      *ofd.Server
	r        *Register
	p        Profile
	mem      *RAM
	opt      Options
	cut      map[string]bool // channels without a link
	deaf     map[string]bool // channels that answer a connection with a reset
	reqs     []request
	raw      [][]byte
	bad      int // requests that could not be read
	dials    int
	channels []string // dialled
	dialled  string
}

type oo = ofd.Options

type option func(*world, *oo)

func mutantOption(name string) option { return func(w *world, _ *oo) { w.opt.Mutant = name } }

func versionOption(v cpcr.Version) option {
	return func(w *world, _ *oo) { w.p.OFD.Version, w.p.OFD.CPCR = v, v.String() }
}

func newWorld(t testing.TB, opts ...option) *world {
	t.Helper()
	w := &world{t: t, p: loadProfile(t), mem: new(RAM), cut: map[string]bool{}, deaf: map[string]bool{}}
	w.clk = clock.NewVirtual(day, nil)
	w.loop = w.clk
	w.log = history.NewMemory(w.clk)
	opt := ofd.Options{Journal: w.log, Seed: 7}
	w.opt = Options{Seed: 1, Memory: w.mem}
	for _, o := range opts {
		o(w, &opt)
	}
	w.ofd = ofd.New(w.clk, opt)
	register(w)
	w.make()
	return w
}

// register makes the register known to the OFD.
func register(w *world) {
	w.t.Helper()
	p := &w.p
	if err := w.ofd.Register(ofd.Device{
		ID: p.OFD.ID, Token: p.OFD.Token, Serial: p.Serial, Registration: p.Registration,
		Taxpayer: ofd.Taxpayer{Name: p.Taxpayer.Name, BIN: p.Taxpayer.BIN, Address: p.Taxpayer.Address, AddressKZ: p.Taxpayer.AddressKK, OKED: p.Taxpayer.Activity},
		Pos:      ofd.Pos{Title: "Дүкен", Address: p.Taxpayer.Address, AddressKZ: p.Taxpayer.AddressKK},
		Operator: ofd.Operator{Title: p.OFD.Name, TitleKZ: p.OFD.NameKK, URL: p.OFD.Site},
	}); err != nil {
		w.t.Fatal(err)
	}
}

// make builds the register anew around the same memory.
func (w *world) make() {
	w.t.Helper()
	r, err := New(w.loop, w.p, wires{w}, w.opt)
	if err != nil {
		w.t.Fatal(err)
	}
	w.r = r
}

// on switches on and waits for the self-test.
func (w *world) on() *world {
	w.t.Helper()
	w.r.Power(true)
	w.await("the self-test", 20*time.Second, func() bool { return !w.r.State().Testing })
	return w
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	if _, err := w.clk.Wait(context.Background(), w.clk.Now().Add(d), nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) await(what string, most time.Duration, ready func() bool) {
	w.t.Helper()
	ok, err := w.clk.Wait(context.Background(), w.clk.Now().Add(most), ready)
	if err != nil || !ok {
		w.t.Fatalf("waiting for %s: %v after %v; %s", what, err, most, strings.Join(w.r.Display(), " | "))
	}
}

// taken is an operation as the register took it.
type taken struct {
	Reply
	lines []string
	begun time.Duration
	reply time.Duration // after begun
	done  time.Duration // after begun, paper included
	reqs  []request
}

func (x taken) text() string { return strings.Join(x.lines, "\n") }

// do asks for an operation, waits for the paper and tears it off.
func (w *world) do(op fiscal.Op) taken {
	w.t.Helper()
	x := taken{begun: w.clk.Now().Mono}
	first, answers := len(w.reqs), 0
	w.r.ClearPrinted()
	w.r.Do(op, func(p Reply) { x.Reply, answers, x.reply = p, answers+1, w.clk.Now().Mono-x.begun })
	if answers != 0 {
		w.t.Fatalf("%s: answered inside the call", op.Kind)
	}
	w.await(string(op.Kind), 5*time.Minute, func() bool { return answers > 0 && !w.r.Printing() })
	if answers != 1 {
		w.t.Fatalf("%s: answered %d times", op.Kind, answers)
	}
	x.lines, x.done, x.reqs = w.r.Printed(), w.clk.Now().Mono-x.begun, w.reqs[first:]
	for _, l := range x.lines {
		if n := len([]rune(l)); n > w.p.Printer.Width {
			w.t.Errorf("line of %d characters, want at most %d: %q", n, w.p.Printer.Width, l)
		}
	}
	return x
}

// ok does what must work.
func (w *world) ok(op fiscal.Op) taken {
	w.t.Helper()
	x := w.do(op)
	if x.Got != fiscal.Done {
		w.t.Fatalf("%s at %v: %s (%s %q), want done", op.Kind, w.clk.Now().Wall, x.Got, x.Reason, x.Text)
	}
	return x
}

// no does what must be refused.
func (w *world) no(op fiscal.Op, why Reason) taken {
	w.t.Helper()
	x := w.do(op)
	if x.Got != fiscal.Refused || x.Reason != why {
		w.t.Fatalf("%s at %v: %s (%s %q), want refused (%s)", op.Kind, w.clk.Now().Wall, x.Got, x.Reason, x.Text, why)
	}
	return x
}

// last is the last request of a command.
func (w *world) last(c canon.CommandTypeEnum) request {
	w.t.Helper()
	for _, q := range slices.Backward(w.reqs) {
		if q.m.GetCommand() == c {
			return q
		}
	}
	w.t.Fatalf("no %v reached the OFD", c)
	return request{}
}

func (w *world) commands(reqs []request) string {
	var all []string
	for _, q := range reqs {
		all = append(all, strings.TrimPrefix(q.m.GetCommand().String(), "COMMAND_"))
	}
	return strings.Join(all, " ")
}

// observed are the OFD's observations so far.
func (w *world) observed() []string {
	var all []string
	v := w.log.View()
	for n := history.Seq(1); n <= history.Seq(v.Len()); n++ {
		e, _ := v.Get(n)
		if o, ok := e.Body.(history.Observation); ok {
			all = append(all, fmt.Sprintf("%s = %s: %s", o.Field, o.Value, o.Rule))
		}
	}
	return all
}

// wires is the network of the tests.
type wires struct{ w *world }

// end is one end of a stream.
type end struct {
	w      *world
	ev     *stream.Events // of this end
	peer   *end
	closed bool
	spy    func([]byte)
}

func (n wires) Dial(channel, host string, port int, ev stream.Events) stream.Conn {
	w := n.w
	w.dials++
	w.channels = append(w.channels, channel)
	w.dialled = fmt.Sprintf("%s:%d", host, port)
	a := &end{w: w, ev: &ev}
	b := &end{w: w}
	a.peer, b.peer = b, a
	in := cpcr.Splitter{Limit: cpcr.MaxRequest}
	a.spy = func(p []byte) {
		frames, err := in.Push(p)
		if err != nil {
			w.bad++
		}
		for _, f := range frames {
			w.raw = append(w.raw, f)
			h, m, err := cpcr.DecodeRequest(f)
			if err != nil {
				w.t.Errorf("the OFD cannot read a request: %v: % x", err, f)
				continue
			}
			w.reqs = append(w.reqs, request{w.clk.Now().Mono, h, m})
		}
	}
	w.loop.AfterFunc(2*latency, func() {
		switch {
		case w.cut[channel] || a.closed: // the SYN is lost
		case w.deaf[channel]:
			a.lost(stream.ErrRefused)
		default:
			srv := w.ofd.Accept(b, "10.0.0.1:4000")
			b.ev = &srv
			if srv.Opened != nil {
				srv.Opened(b)
			}
			if ev.Opened != nil {
				ev.Opened(a)
			}
		}
	})
	return a
}

func (e *end) lost(err error) {
	if !e.closed {
		e.closed = true
		if e.ev != nil && e.ev.Closed != nil {
			e.ev.Closed(err)
		}
	}
}

func (e *end) Send(p []byte) {
	p = slices.Clone(p)
	e.w.loop.AfterFunc(latency, func() {
		if !e.peer.closed && !e.w.cut["all"] {
			if e.spy != nil {
				e.spy(p)
			}
			if e.peer.ev != nil && e.peer.ev.Received != nil {
				e.peer.ev.Received(p)
			}
		}
	})
}

func (e *end) Close() { e.end(nil) }
func (e *end) Reset() { e.end(stream.ErrReset) }
func (e *end) end(err error) {
	if e.closed {
		return
	}
	e.closed = true
	e.w.loop.AfterFunc(latency, func() { e.peer.lost(err) })
}

// link cuts every channel or mends them.
func (w *world) link(up bool) {
	for _, c := range w.p.Channels {
		w.cut[c] = !up
	}
}

// Operations.

func rate(n int64) *fiscal.MilliPercent {
	m := fiscal.MilliPercent(n * 1000)
	return &m
}

func good(name string, price fiscal.Tiyn, q fiscal.Milli, section int) fiscal.Line {
	return fiscal.Line{Kind: fiscal.Goods, Name: name, Price: price, Qty: q, Section: section, VAT: rate(16)}
}

func receipt(kind fiscal.ReceiptKind, total fiscal.Tiyn) *fiscal.Receipt {
	return &fiscal.Receipt{Kind: kind, Lines: []fiscal.Line{good("Нан бородин", total, 1000, 1)}, Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: total}}}
}

func by(n int) fiscal.Role { return fiscal.Role{Cashier: n, Password: fmt.Sprint(n)} }

var admin = fiscal.Role{Admin: true, Password: "30"}

func sell(total fiscal.Tiyn) fiscal.Op {
	return fiscal.Op{Kind: fiscal.OpReceipt, Receipt: receipt(fiscal.Sale, total), As: by(1)}
}

func ring(x *fiscal.Receipt) fiscal.Op {
	return fiscal.Op{Kind: fiscal.OpReceipt, Receipt: x, As: by(2)}
}

func deposit(sum fiscal.Tiyn) fiscal.Op {
	return fiscal.Op{Kind: fiscal.OpDeposit, Cash: sum, As: by(1)}
}

func withdraw(sum fiscal.Tiyn) fiscal.Op {
	return fiscal.Op{Kind: fiscal.OpWithdraw, Cash: sum, As: by(1)}
}

var takeZ = fiscal.Op{Kind: fiscal.OpZReport, As: admin}
var takeX = fiscal.Op{Kind: fiscal.OpXReport, As: admin}

// unknownFields finds fields that a message's schema does not know.
func unknownFields(m protoreflect.Message) bool {
	bad := len(m.GetUnknown()) > 0
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				bad = bad || unknownFields(v.List().Get(i).Message())
			}
		default:
			bad = bad || unknownFields(v.Message())
		}
		return !bad
	})
	return bad
}

// schema reads a payload by the schema of one version.
type schema struct{ m *dynamicpb.Message }

func newSchema(v cpcr.Version) schema { return schema{dynamicpb.NewMessage(schemaOf(v))} }

func (s schema) decode(b []byte) error { return proto.Unmarshal(b, s.m) }

func (s schema) reflect() protoreflect.Message { return s.m.ProtoReflect() }
