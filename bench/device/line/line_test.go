package line

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/device/serialport"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func newLine(t *testing.T, o Options) (*Line, *serialport.Line, *history.Log) {
	t.Helper()
	loop := clock.NewVirtual(epoch, nil)
	log := history.NewMemory(loop)
	wire := serialport.NewLine(loop, 9600)
	o.Family, o.Baud = "test", 9600
	return New(loop, wire.Host(), log, o, nil), wire, log
}

var (
	silent = &LinkError{What: Silent, Command: "sell", Sent: true, Text: "nothing came"}
	unsent = &LinkError{What: NoLink, Command: "sell", Text: "nobody there"}
	lost   = &LinkError{What: Lost, Command: "sell", Sent: true, Text: "the port failed", Err: serialport.ErrLost}
	no     = &Refusal{Command: "sell", Code: 7, Text: "no"}
)

// What becomes of an effect whose sendings end as they do, with a proof that says
// what it says: how often it is sent, and what the outcome is.
func TestEffect(t *testing.T) {
	for name, tt := range map[string]struct {
		sends   []error // one sending each; the last one repeats
		verdict Verdict
		bare    bool // no proof
		want    fiscal.Answer
		sent    int
		text    string
	}{
		"answered":                            {[]error{nil}, Unclear, false, fiscal.Done, 1, ""},
		"refused":                             {[]error{no}, Unclear, false, fiscal.Refused, 1, "no"},
		"lost and executed":                   {[]error{silent}, Happened, false, fiscal.Done, 1, "answer to sell not seen (nothing came); executed: because"},
		"lost and not executed":               {[]error{silent, nil}, Undone, false, fiscal.Done, 2, ""},
		"lost and not executed, every time":   {[]error{silent}, Undone, false, fiscal.Unknown, 3, "because"},
		"lost and nothing settles it":         {[]error{silent, nil}, Unclear, false, fiscal.Unknown, 1, "because"},
		"lost and the ground is gone":         {[]error{silent, nil}, Vanished, false, fiscal.Unknown, 1, "because"},
		"lost, may be repeated":               {[]error{silent, silent, nil}, Unclear, true, fiscal.Done, 3, ""},
		"never sent":                          {[]error{unsent, nil}, Happened, false, fiscal.Unknown, 1, "nobody there"},
		"unable":                              {[]error{&Unable{"too long"}}, Unclear, false, fiscal.Unsupported, 1, "too long"},
		"refused in words that are not known": {[]error{&Refusal{Command: "sell", Unsupported: true, Text: "what"}}, Unclear, false, fiscal.Unsupported, 1, "what"},
	} {
		t.Run(name, func(t *testing.T) {
			l, _, log := newLine(t, Options{})
			sent := 0
			out, err := l.Perform(context.Background(), fiscal.Op{ID: "a/1/1", Kind: fiscal.OpDeposit}, func(ctx context.Context, w *Work) error {
				prove := func(context.Context) (Verdict, string, error) { return tt.verdict, "because", nil }
				if tt.bare {
					prove = nil
				}
				_, _, err := Effect(ctx, l, w, "sell", func(context.Context) (int, error) {
					sent++
					return 5, tt.sends[min(sent, len(tt.sends))-1]
				}, prove)
				return err
			})
			if err != nil || out.Got != tt.want || sent != tt.sent || !strings.Contains(out.Text, tt.text) {
				t.Errorf("%+v, %v, sent %d times; want %s, %d times, %q", out, err, sent, tt.want, tt.sent, tt.text)
			}
			last, _ := log.View().Get(history.Seq(log.View().Len()))
			if r, ok := last.Body.(history.Result); !ok || r.Op != "a/1/1" || r.Outcome != out || r.Done == (clock.Instant{}) {
				t.Errorf("last event %+v", last.Body)
			}
		})
	}
}

// A port that is lost in the middle is opened again, and the proof decides; without a
// way to open it the loss is the bench's error and the outcome unknown.
func TestLostPort(t *testing.T) {
	for _, reopen := range []bool{false, true} {
		opened := 0
		o := Options{}
		var wire *serialport.Line
		if reopen {
			o.Reopen = func(context.Context) (device.Port, error) {
				if opened++; opened < 3 {
					return nil, errors.New("still out")
				}
				return wire.Host(), nil
			}
		}
		var l *Line
		l, wire, _ = newLine(t, o)
		sent := 0
		out, err := l.Perform(context.Background(), fiscal.Op{Kind: fiscal.OpDeposit}, func(ctx context.Context, w *Work) error {
			_, _, err := Effect(ctx, l, w, "sell", func(context.Context) (int, error) { sent++; return 0, lost },
				func(context.Context) (Verdict, string, error) { return Happened, "the counter says so", nil })
			return err
		})
		if reopen && (err != nil || out.Got != fiscal.Done || opened != 3 || sent != 1) {
			t.Errorf("%+v, %v, opened %d times, sent %d times", out, err, opened, sent)
		}
		if !reopen && (!errors.Is(err, serialport.ErrLost) || out.Got != fiscal.Unknown || sent != 1) {
			t.Errorf("%+v, %v, sent %d times", out, err, sent)
		}
	}
}

// The guard runs before the next command when the line had trouble, and only then.
func TestGuard(t *testing.T) {
	l, _, _ := newLine(t, Options{})
	guarded := 0
	_, err := l.Perform(context.Background(), fiscal.Op{}, func(ctx context.Context, w *Work) error {
		w.Guard = func(context.Context) error { guarded++; return nil }
		for range 3 {
			if _, _, err := Effect(ctx, l, w, "x", func(context.Context) (int, error) { return 0, nil }, nil); err != nil {
				return err
			}
			l.Shaky = guarded == 0
		}
		return nil
	})
	if err != nil || guarded != 1 {
		t.Errorf("%d times, %v", guarded, err)
	}
}

// A question is asked again when its answer was garbled, not when nobody answers.
func TestAsk(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{{Unreadable("q", errors.New("short")), 3}, {silent, 1}, {no, 1}, {nil, 1}} {
		l, _, _ := newLine(t, Options{})
		n := 0
		_, err := Ask(context.Background(), l, func(context.Context) (int, error) { n++; return 0, tt.err })
		if n != tt.want || !errors.Is(err, tt.err) && tt.err != nil {
			t.Errorf("%v: asked %d times, %v; want %d", tt.err, n, err, tt.want)
		}
	}
	if errors.Is(lost, device.ErrSilent) || !errors.Is(silent, device.ErrSilent) || !errors.Is(lost, serialport.ErrLost) {
		t.Error("a silent register and a lost port are not told apart")
	}
}

// Every byte is recorded once, with what it was taken for; noise goes before what
// made sense after it.
func TestRecording(t *testing.T) {
	l, wire, log := newLine(t, Options{})
	wire.Attach(func(p []byte) { wire.DeviceSend([]byte{0xFF, 0xFE, 6}) })
	ctx := context.Background()
	if err := l.Command(ctx, []byte{1, 2, 3}, "a command"); err != nil {
		t.Fatal(err)
	}
	if want := l.Loop.Now().Mono + 3*serialport.ByteTime(9600); l.Sent.Mono != want {
		t.Errorf("sent at %v, want %v", l.Sent.Mono, want)
	}
	for {
		b, ok, err := l.Next(ctx, l.After(0, time.Second))
		if err != nil || !ok {
			break
		}
		if b == 6 {
			err = l.Got([]byte{b}, "ACK")
		} else {
			l.Drop(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for e := range log.View().Events() {
		b := e.Body.(history.HostBytes)
		got = append(got, string(b.Dir)+" "+b.Note)
	}
	if s := strings.Join(got, ", "); s != "to-device a command, from-device noise, dropped, from-device ACK" {
		t.Errorf("%s", s)
	}
	wire.DeviceSend([]byte{7, 8})
	if err := l.Sleep(ctx, time.Second); err != nil {
		t.Fatal(err)
	}
	if err := l.Purge(ctx); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := l.Next(ctx, l.Loop.Now()); ok || log.View().Len() != 4 {
		t.Errorf("after a purge: %v, %d events", ok, log.View().Len())
	}
}
