// Package daemon puts an operator together as a server of its own: the machine
// ([ofd.Server]) on a loop in real time, registers over the host's TCP, the state
// on disk, the script, and the API with its pages.
//
// It is where the parts meet and nothing else. Begin with [Start].
package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/ofd/httpapi"
	"github.com/kkmtest/kkmtest/simulators/ofd/script"
	"github.com/kkmtest/kkmtest/simulators/ofd/store"
	"github.com/kkmtest/kkmtest/simulators/ofd/watch"
	"github.com/kkmtest/kkmtest/simulators/stream/hosttcp"
)

// Bounds of what the process holds.
const (
	recordBytes   = 32 << 20 // latest events, for onlookers
	memoryBytes   = 64 << 20 // latest documents, when there is no directory
	httpConns     = 256
	httpHeader    = 16 << 10
	headerTimeout = 5 * time.Second
	bodyTimeout   = 30 * time.Second
	// gcPercent trades memory for time: an operator makes much garbage and holds little.
	gcPercent = 200
)

// Config says what to start.
type Config struct {
	Listen  string               // where registers connect; a port of 0 picks a free one
	HTTP    string               // where the API and the pages are; empty for none
	Token   string               // that callers of the API need; empty only on loopback
	State   string               // directory; empty to forget everything at the end
	Devices []script.Device      // registered when they are not, amended when their data changed
	Script  *script.Script       // nil for none
	Choices []func(*ofd.Options) // made after those of the script
	Options ofd.Options          // Journal, Store, Past, Gate, Misuse and Failed are the daemon's own
	Log     *slog.Logger
}

// Daemon is a running operator.
type Daemon struct {
	loop   *clock.Real
	server *ofd.Server
	dir    *store.Dir // nil without a directory
	tcp    *hosttcp.Listener
	api    *httpapi.API
	web    *http.Server
	webAt  net.Addr
	log    *slog.Logger
	quiet  quiet

	once   sync.Once
	failed chan struct{}
	err    error // why, once failed is closed
}

// Start starts an operator. It listens when Start returns.
func Start(c Config) (*Daemon, error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	d := &Daemon{loop: clock.NewReal(), log: c.Log, failed: make(chan struct{})}
	if err := d.start(c); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Daemon) start(c Config) error {
	var web net.Listener
	if c.HTTP != "" {
		var err error
		if web, err = listenHTTP(c.HTTP, c.Token); err != nil {
			return err
		}
		d.webAt = web.Addr()
	}
	record := watch.New(d.loop, recordBytes)
	o := c.Options
	o.Journal, o.Misuse = record, d.misuse
	o.Failed = func(err error) { d.once.Do(func() { d.err = err; close(d.failed) }) }
	o.Gate = func(open bool) { d.tcp.Gate(open) }
	if d.webAt != nil {
		o.CheckPage = fmt.Sprintf("http://%s/check", d.webAt)
	}
	if c.Script != nil {
		c.Script.Apply(&o)
	}
	for _, set := range c.Choices {
		set(&o)
	}
	events, err := d.open(c.State, o)
	if err == nil {
		err = d.do(func() error { return d.prepare(c) })
	}
	if err == nil {
		err = d.settled()
	}
	if err == nil {
		err = d.do(func() error { return d.listen(c) })
	}
	if err != nil {
		if web != nil {
			err = errors.Join(err, web.Close())
		}
		return err
	}
	if web != nil {
		d.serve(web, record, events, c)
	}
	return nil
}

// listen opens the registers' address, with the rules in place before the first
// of them is heard; on the loop.
func (d *Daemon) listen(c Config) (err error) {
	// The machine bounds connections itself, and says so.
	if d.tcp, err = hosttcp.Listen(d.loop, c.Listen, 0, d.server); err != nil {
		return fmt.Errorf("--listen %s: %w; want HOST:PORT of this computer, port 0 for a free one", c.Listen, err)
	}
	if c.Script == nil {
		return nil
	}
	for _, r := range c.Script.Rules {
		if err := d.server.Set(r.Name, r.Rule); err != nil {
			return fmt.Errorf("%s: %w", r.At, err)
		}
	}
	return nil
}

// listenHTTP opens the address of the API: on loopback, or anywhere with a token.
func listenHTTP(addr, token string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("--http %s: want HOST:PORT, such as 127.0.0.1:8077", addr)
	}
	if host == "" {
		host = "127.0.0.1" // an address without a host means this computer alone
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("--http %s: %w", addr, err)
	}
	if !Loopback(l.Addr()) && token == "" {
		return nil, errors.Join(fmt.Errorf("--http %s: other computers could reach the API there: want --http-token-file, or an address such as 127.0.0.1:8077", addr), l.Close())
	}
	return netutil.LimitListener(l, httpConns), nil
}

// Loopback says whether only this computer can reach an address.
func Loopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

// open makes the server from what the directory holds.
func (d *Daemon) open(dir string, o ofd.Options) (httpapi.Reader, error) {
	if dir == "" {
		m := store.NewMemory(memoryBytes)
		o.Store = m
		d.server = ofd.New(d.loop, o)
		return m, nil
	}
	late := new(lateStore)
	o.Store = late
	d.server = ofd.New(d.loop, o)
	s, opened, err := store.Open(dir, d.loop.Post, d.server.Replay)
	if err != nil {
		return nil, err
	}
	d.dir, late.Dir = s, s
	if t := opened.Torn; t != nil {
		d.log.Warn("state: the last event was not whole and is cut off; it was never acknowledged", "dir", dir, "offset", t.Offset, "bytes", t.Bytes)
	}
	if opened.Migrated != 0 {
		d.log.Warn("state: the directory was of an older format and is migrated; the old file stays beside it", "dir", dir, "format", opened.Migrated)
	}
	d.log.Info("state", "dir", dir, "events", opened.Events)
	return s, nil
}

// lateStore is a store that is opened after the server was made, because the
// server folds what is in it.
type lateStore struct{ *store.Dir }

// prepare registers and amends; on the loop.
func (d *Daemon) prepare(c Config) error {
	for _, x := range c.Devices {
		was, known := d.server.Info(x.Device.ID)
		if !known {
			if err := d.server.Register(x.Device); err != nil {
				return fmt.Errorf("%s: %w", x.At, err)
			}
			continue
		}
		now := x.Device
		now.Token, now.Report, now.ReportBytes, now.Open, now.Last, now.Ads = was.Device.Token, was.Report, was.ReportBytes, was.Open, was.Last, was.Ads
		if reflect.DeepEqual(now, was.Device) {
			continue
		}
		d.log.Warn("the register is known with other data: they are amended, token and counters stay", "device", now.ID, "at", x.At)
		if err := d.server.Amend(now); err != nil {
			return fmt.Errorf("%s: %w", x.At, err)
		}
	}
	return nil
}

// do runs f on the loop.
func (d *Daemon) do(f func() error) error {
	done := make(chan error, 1)
	d.loop.Post(func() { done <- f() })
	return <-done
}

// settled waits until everything so far is durable.
func (d *Daemon) settled() error {
	done := make(chan struct{})
	d.loop.Post(func() { d.server.Settled(func() { close(done) }) })
	select {
	case <-done:
		return nil
	case <-d.failed:
		return d.err
	}
}

func (d *Daemon) serve(l net.Listener, record *watch.Journal, events httpapi.Reader, c Config) {
	d.api = httpapi.New(httpapi.Config{
		Loop: d.loop, Server: d.server, Record: record, Events: events, Token: c.Token, CPCR: d.tcp.Addr().String(), Durable: c.State != "", Failed: d.failed,
	})
	d.web = &http.Server{
		Handler: d.api, ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, IdleTimeout: bodyTimeout, MaxHeaderBytes: httpHeader,
		ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	go func() { _ = d.web.Serve(l) }() // ends with Close
}

// CPCR is where registers connect.
func (d *Daemon) CPCR() net.Addr { return d.tcp.Addr() }

// HTTP is where the API is, nil when there is none.
func (d *Daemon) HTTP() net.Addr { return d.webAt }

// Failed is closed when the server cannot go on, because its state cannot be
// kept; [Daemon.Err] says why.
func (d *Daemon) Failed() <-chan struct{} { return d.failed }

// Err is why the server failed; after Failed.
func (d *Daemon) Err() error { return d.err }

// Rules tells how the rules that stand have fared.
func (d *Daemon) Rules() (out []ofd.RuleState) {
	_ = d.do(func() error { out = d.server.RuleStates(); return nil })
	return out
}

// Stats tells what the server has done.
func (d *Daemon) Stats() (out ofd.Stats) {
	_ = d.do(func() error { out = d.server.Stats(); return nil })
	return out
}

// Device tells of a register.
func (d *Daemon) Device(id uint32) (out ofd.Info, ok bool) {
	_ = d.do(func() error { out, ok = d.server.Info(id); return nil })
	return out, ok
}

// Close stops listening, keeps what is to be kept, and ends.
func (d *Daemon) Close() error {
	var errs []error
	if d.web != nil {
		d.api.Close()
		errs = append(errs, d.web.Close())
	}
	if d.tcp != nil {
		errs = append(errs, d.tcp.Close())
	}
	if d.dir != nil {
		errs = append(errs, d.dir.Close())
	}
	d.loop.Close()
	return errors.Join(errs...)
}

// misuse is told on the loop.
func (d *Daemon) misuse(peer, what string) { d.quiet.misuse(d.log, d.loop.Now().Mono, peer, what) }

// quiet keeps the log short.
type quiet struct {
	since      time.Duration
	said, over int
}

// misuse writes one line for each connection that was ended for what its peer
// did, and fewer when they come by the hundred.
func (q *quiet) misuse(log *slog.Logger, now time.Duration, peer, what string) {
	const each, most = time.Second, 20
	if now-q.since >= each {
		if q.over > 0 {
			log.Warn("more connections ended for what their peers did", "connections", q.over)
		}
		*q = quiet{since: now}
	}
	if q.said++; q.said > most {
		q.over++
		return
	}
	log.Warn("connection ended", "peer", peer, "why", what)
}
