package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

type consoleFlags struct {
	profile, record                       string
	effects, confirmed, allowExec, silent bool
}

func deviceConsoleCommand() *cobra.Command {
	var f consoleFlags
	c := &cobra.Command{
		Use:   "console URL",
		Short: "single operations by hand, with the bytes beside them",
		Long: `console opens a register by its device URL and takes a command a line; help
lists them. Every byte is shown with what the driver takes it for.

It is safe by default: questions only. --effects allows sales, reports and
settings too. The register works with the OFD that it is set to: with a real one
a sale here is a real sale.`,
		Example: "  kkmtest device console 'serial:///dev/ttyUSB0?protocol=shtrih-m'\n  echo state | kkmtest device console 'serial+tcp://10.0.0.5:7778?protocol=shtrih-m' --silent",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return console(c.Context(), c.InOrStdin(), c.OutOrStdout(), f, args[0])
		},
	}
	c.Flags().StringVar(&f.profile, "profile", "", "`FILE` that says what is known of the register: passwords")
	c.Flags().StringVar(&f.record, "record", "", "`FILE` to keep the record in (default: none)")
	c.Flags().BoolVar(&f.effects, "effects", false, "allow what registers documents or changes settings")
	c.Flags().BoolVar(&f.confirmed, "confirm-unsent", false, "a person vouches that unsent documents of the register are not lost by what is done here")
	c.Flags().BoolVar(&f.allowExec, "allow-exec", false, "let the device URL start programs")
	c.Flags().BoolVar(&f.silent, "silent", false, "do not show the bytes")
	return c
}

func console(ctx context.Context, in io.Reader, out io.Writer, f consoleFlags, device string) (err error) {
	url, err := bench.ParseDeviceURL(device)
	if err != nil {
		return fmt.Errorf("device URL: %w", err)
	}
	if url.StartsPrograms() && !f.allowExec {
		return fmt.Errorf("device URL %s: it starts a program of somebody else: look at the program, then add --allow-exec", device)
	}
	if url.Emulated() || url.Scheme == "operator" {
		return fmt.Errorf("device URL %s: the console wants a register behind a wire", device)
	}
	raw, _, err := readProfile(f.profile, url)
	if err != nil {
		return err
	}
	o, err := rigOptions(campaign.Asked{Device: device}, raw)
	if err != nil {
		return err
	}
	o.Record = f.record
	b, err := bench.Attach(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, benchFault(b.Close())) }()
	t := &desk{b: b, out: out, f: f}
	if err := b.Begin(bench.Scenario{Key: "console", Steps: []bench.Step{{Name: "by hand"}}}, 1); err != nil {
		return benchFault(err)
	}
	t.shown = b.Log.View().Len()
	fmt.Fprintf(out, "%s; %s. help lists the commands, quit ends.\n", url, map[bool]string{true: "effects are allowed", false: "questions only"}[f.effects])
	lines := make(chan string)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(in)
		for s.Scan() {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	failed := false
	for {
		fmt.Fprint(out, "> ")
		select {
		case <-ctx.Done():
			return nil
		case l, ok := <-lines:
			words := strings.Fields(l)
			switch {
			case !ok || len(words) > 0 && words[0] == "quit":
				fmt.Fprintln(out)
				if failed {
					return result(1)
				}
				return nil
			case len(words) == 0:
				continue
			}
			err := t.command(ctx, words)
			t.bytes()
			if err != nil {
				failed = true
				fmt.Fprintf(out, "  ! %v\n", err)
			}
		}
	}
}

// desk is the console's state.
type desk struct {
	b       *bench.Bench
	out     io.Writer
	f       consoleFlags
	shown   int // events that were shown
	cleared bool
}

// bytes shows what went over the wire since the last time.
func (t *desk) bytes() {
	v := t.b.Log.View()
	for ; t.shown < v.Len(); t.shown++ {
		e, _ := v.Get(history.Seq(t.shown + 1))
		h, ok := e.Body.(history.HostBytes)
		if !ok || t.f.silent {
			continue
		}
		arrow := "<"
		if h.Dir == history.ToDevice {
			arrow = ">"
		}
		for i, l := range hexLines(h.Data) {
			note := ""
			if i == 0 {
				note = h.Note
			}
			fmt.Fprintf(t.out, "  %s %-48s  %s\n", arrow, l, note)
		}
	}
}

// mostShown bounds what is shown of one piece; the record has all of it.
const mostShown = 512

// hexLines are sixteen bytes a line; text, such as that of HTTP, stays text.
func hexLines(p []byte) []string {
	rest := len(p) - mostShown
	p = p[:min(len(p), mostShown)]
	var out []string
	if s := string(p); len(p) > 16 && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\r' && r != '\n' && r != '\t' }) {
		out = strings.Split(strings.TrimRight(strings.ReplaceAll(s, "\r", ""), "\n"), "\n")
	} else {
		for c := range slices.Chunk(p, 16) {
			out = append(out, fmt.Sprintf("% X", c))
		}
	}
	if rest > 0 {
		out = append(out, fmt.Sprintf("... and %d bytes more", rest))
	}
	return out
}

// asks are the questions.
var asks = map[string]string{
	"identity": "what the register is", "state": "shift, clock, unsent documents", "display": "what the display shows", "printed": "what was printed since the last time",
	"setting NAME": "a setting: ofd-host, ofd-port", "help": "this list", "quit": "ends",
}

// effects are what needs --effects.
var effects = map[string]string{
	"sell TENGE [NAME]": "a sale for cash", "deposit TENGE": "cash in", "withdraw TENGE": "cash out", "x": "X report", "z": "Z report, closes the shift",
	"copy": "the last receipt once more", "cancel": "drops an open receipt", "test-print": "a trial print", "self-test": "the self-test",
	"set NAME VALUE": "a setting: ofd-host, ofd-port, token", "clock TIME": "sets the clock: 2026-01-05T09:00:00",
}

func (t *desk) help() {
	for _, g := range []struct {
		title string
		all   map[string]string
	}{{"questions", asks}, {"effects (with --effects)", effects}} {
		fmt.Fprintln(t.out, " ", g.title)
		for _, k := range slices.Sorted(maps.Keys(g.all)) {
			fmt.Fprintf(t.out, "    %-18s %s\n", k, g.all[k])
		}
	}
}

func (t *desk) command(ctx context.Context, w []string) error {
	switch w[0] {
	case "help":
		t.help()
		return nil
	case "identity":
		id, err := t.b.Device.Identity(ctx)
		fmt.Fprintf(t.out, "  type %s\n  model %s\n  serial number %s\n  firmware %s\n", id.Type, id.Model, id.Serial, id.Firmware)
		return err
	case "state":
		s, err := t.b.State(ctx)
		if err == nil {
			t.state(s)
		}
		return err
	case "display":
		lines, err := t.b.Show(ctx, "")
		t.paper(lines)
		return err
	case "printed":
		lines, err := t.b.ReadPaper(ctx)
		t.paper(lines)
		return err
	case "setting":
		if len(w) != 2 {
			return errors.New("want setting NAME, such as setting ofd-host")
		}
		v, err := t.b.Setting(ctx, fiscal.Setting(w[1]))
		if err == nil {
			fmt.Fprintf(t.out, "  %s %q\n", w[1], v)
		}
		return err
	}
	op, err := effect(w)
	if err != nil {
		return err
	}
	return t.do(ctx, op)
}

func (t *desk) state(s history.State) {
	word := func(b bool, yes, no string) string { return map[bool]string{true: yes, false: no}[b] }
	fmt.Fprintf(t.out, "  shift %d %s%s\n", s.Shift, word(s.ShiftOpen, "open", "closed"), word(s.ShiftLong, ", too long", ""))
	if !s.Clock.IsZero() {
		fmt.Fprintf(t.out, "  clock %s\n", s.Clock.Format("2006-01-02 15:04:05"))
	}
	unsent := "it cannot tell"
	if s.Unsent != nil {
		unsent = fmt.Sprint(*s.Unsent)
	}
	fmt.Fprintf(t.out, "  unsent documents: %s%s\n", unsent, word(s.Blocked, "; blocked", ""))
	if s.Text != "" {
		fmt.Fprintf(t.out, "  %s\n", s.Text)
	}
}

func (t *desk) paper(lines []string) {
	for _, l := range lines {
		fmt.Fprintf(t.out, "  | %s\n", l)
	}
}

// effect reads a command that does something.
func effect(w []string) (fiscal.Op, error) {
	simple := map[string]fiscal.OpKind{"x": fiscal.OpXReport, "z": fiscal.OpZReport, "copy": fiscal.OpCopy, "cancel": fiscal.OpCancel, "test-print": fiscal.OpTestPrint, "self-test": fiscal.OpSelfTest}
	money := map[string]fiscal.OpKind{"deposit": fiscal.OpDeposit, "withdraw": fiscal.OpWithdraw}
	amount := func() (fiscal.Tiyn, error) {
		if len(w) < 2 {
			return 0, fmt.Errorf("want %s TENGE, such as %s 250.50", w[0], w[0])
		}
		n, err := fiscal.ParseTiyn(w[1])
		if err == nil && n <= 0 {
			err = fmt.Errorf("amount %s: want more than 0", n)
		}
		return n, err
	}
	switch {
	case simple[w[0]] != "" && len(w) == 1:
		return fiscal.Op{Kind: simple[w[0]]}, nil
	case money[w[0]] != "":
		n, err := amount()
		return fiscal.Op{Kind: money[w[0]], Cash: n}, err
	case w[0] == "sell":
		n, err := amount()
		name := "Тест"
		if len(w) > 2 {
			name = strings.Join(w[2:], " ")
		}
		return fiscal.Op{Kind: fiscal.OpReceipt, Receipt: &fiscal.Receipt{Kind: fiscal.Sale,
			Lines:    []fiscal.Line{{Kind: fiscal.Goods, Name: name, Section: 1, Qty: 1000, Price: n}},
			Payments: []fiscal.Payment{{Kind: fiscal.Cash, Sum: n}}}}, err
	case w[0] == "set" && len(w) == 3:
		return fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.Setting(w[1]), Value: w[2], As: fiscal.Role{Admin: true}}, nil
	case w[0] == "clock" && len(w) == 2:
		at, err := time.Parse("2006-01-02T15:04:05", w[1])
		return fiscal.Op{Kind: fiscal.OpSetClock, Clock: at, As: fiscal.Role{Admin: true}}, err
	}
	return fiscal.Op{}, fmt.Errorf("%q: no such command; help lists them", strings.Join(w, " "))
}

// do performs an effect, after it was asked whether that is allowed.
func (t *desk) do(ctx context.Context, op fiscal.Op) error {
	if !t.f.effects {
		return errors.New("this registers a document or changes a setting: start the console with --effects")
	}
	if !t.cleared && !t.f.confirmed {
		if err := t.b.Unsent(ctx); err != nil {
			return fmt.Errorf("%w; start the console with --confirm-unsent when they may be handed over to the OFD that the register is set to", err)
		}
		t.cleared = true
	}
	x, err := t.b.Do(ctx, op)
	if err != nil {
		return err
	}
	got := string(x.Outcome.Got)
	if x.Outcome.Got == fiscal.Unknown {
		got = "not known"
	}
	fmt.Fprintf(t.out, "  %s", got)
	for _, d := range []struct {
		name string
		v    any
		on   bool
	}{{"code", x.Outcome.Code, x.Outcome.Code != 0}, {"document", x.Outcome.Doc, x.Outcome.Doc != 0}, {"shift", x.Outcome.Shift, x.Outcome.Shift != 0},
		{"sign", x.Outcome.Sign, x.Outcome.Sign != ""}, {"change", x.Outcome.Change, x.Outcome.Change != 0}} {
		if d.on {
			fmt.Fprintf(t.out, ", %s %v", d.name, d.v)
		}
	}
	if x.Outcome.Text != "" {
		fmt.Fprintf(t.out, "; %s", x.Outcome.Text)
	}
	fmt.Fprintln(t.out)
	t.paper(x.Printed)
	return nil
}
