package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/profile"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/fixtures"
	"github.com/kkmtest/kkmtest/simulators/kkm"
)

// How many random campaigns are run: some in each test run, more in CI, thousands at night.
var campaigns = flag.Int("campaigns", 300, "random campaigns of the conforming register")

// firstSeed lets a counter-example be run by itself: -campaigns 1 -first-seed N.
var firstSeed = flag.Uint64("first-seed", 1, "seed of the first random campaign")

// few is how many are run with -short.
const few = 12

// shop is one random campaign: whatever a cashier, a technician, a network and an
// operator of fiscal data may do, in any order.
type shop struct {
	b      *bench.Bench
	r      *rand.Rand
	cut    bool
	only   string // the channel that was left alone
	dark   bool
	bare   bool // no paper
	last   []bench.Taken
	doings []string // for whoever looks for the fault
}

func (s *shop) do(ctx context.Context, op fiscal.Op) (bench.Taken, error) {
	t, err := s.b.Do(ctx, op)
	if err == nil && t.OK() && op.Receipt != nil {
		s.last = append(s.last, t)
	}
	return t, err
}

func (s *shop) chance(of int) bool { return s.r.IntN(of) == 0 }

// receipt makes a receipt that is right by the rules of the protocol.
func (s *shop) receipt() fiscal.Receipt {
	names := []string{"Нан ақ", "Шай үнді, қара, өте жақсы", "Сүт", "Қант құмшекер ірі", "Жеткізу қызметі"}
	rate := fiscal.MilliPercent(16000)
	r := fiscal.Receipt{Kind: fiscal.Sale}
	if s.chance(6) {
		r.Kind = fiscal.Buy
	}
	for range 1 + s.r.IntN(4) {
		l := fiscal.Line{Kind: fiscal.Goods, Name: names[s.r.IntN(len(names))], Section: 1 + s.r.IntN(4), Qty: fiscal.Milli(1 + s.r.IntN(4000)), Price: fiscal.Tiyn(100 + s.r.IntN(200000))}
		if s.chance(2) {
			l.VAT = &rate
		}
		if s.chance(3) {
			l.Code = uint64(1 + s.r.IntN(900))
		}
		if l.Total() <= 0 {
			l.Qty = 1000
		}
		r.Lines = append(r.Lines, l)
		switch {
		case s.chance(8):
			r.Lines = append(r.Lines, fiscal.Line{Kind: fiscal.Discount, Name: "Жеңілдік", Sum: max(1, l.Total()/10), VAT: l.VAT})
		case s.chance(8):
			r.Lines = append(r.Lines, fiscal.Line{Kind: fiscal.Markup, Name: "Үстеме", Sum: max(1, l.Total()/10), VAT: l.VAT})
		case s.chance(10) && len(r.Lines) > 1:
			back := l
			back.Kind = fiscal.GoodsStorno
			r.Lines = append(r.Lines, back)
		}
	}
	if r.Total() <= 0 {
		r.Lines = append(r.Lines, bread())
	}
	switch {
	case s.chance(7):
		r.Discount = max(1, r.Total()/20)
	case s.chance(7):
		r.Markup = max(1, r.Total()/20)
	}
	total := r.Total()
	switch s.r.IntN(4) {
	case 0:
		r.Payments = card(total)
	case 1:
		r.Payments = cash(total + fiscal.Tiyn(s.r.IntN(100000)))
	case 2:
		r.Payments = []fiscal.Payment{{Kind: fiscal.Card, Sum: max(1, total/3)}, {Kind: fiscal.Cash, Sum: total}}
	default:
		r.Payments = cash(total)
	}
	if s.chance(8) {
		r.Customer = "850101300123"
	}
	return r
}

// pauses are the times that pass, from moments to days: about the limits of the law most of all.
func (s *shop) pause() time.Duration {
	long := []time.Duration{0, time.Second, 7 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 9 * time.Hour, 23 * time.Hour, 24 * time.Hour, 25 * time.Hour}
	d := long[s.r.IntN(len(long))]
	return d + time.Duration(s.r.IntN(2000))*time.Millisecond
}

// A doing is something that may happen, and how often it does.
type doing struct {
	name   string
	weight int
	do     func(context.Context, *shop) error
}

var doings = []doing{
	{"sell or buy", 40, func(ctx context.Context, s *shop) error {
		op := receipt(s.receipt())
		switch s.r.IntN(12) {
		case 0:
			op.As = secondCashier
		case 1:
			op.As = fiscal.Role{Password: wrongPassword}
		}
		_, err := s.do(ctx, op)
		return err
	}},
	{"give back", 6, func(ctx context.Context, s *shop) error {
		if len(s.last) == 0 {
			return nil
		}
		t := s.last[s.r.IntN(len(s.last))]
		if t.Op.Receipt.Kind != fiscal.Sale && t.Op.Receipt.Kind != fiscal.Buy {
			return nil
		}
		parent, err := s.b.ParentOf(t)
		if err != nil {
			return nil // it was made without a link, or its message was lost
		}
		r := *t.Op.Receipt
		r.Parent, r.Customer = &parent, ""
		r.Kind = map[fiscal.ReceiptKind]fiscal.ReceiptKind{fiscal.Sale: fiscal.SaleReturn, fiscal.Buy: fiscal.BuyReturn}[r.Kind]
		_, err = s.do(ctx, receipt(r))
		return err
	}},
	{"put cash in or take it out", 6, func(ctx context.Context, s *shop) error {
		op := fiscal.Op{Kind: fiscal.OpDeposit, Cash: fiscal.Tiyn(1 + s.r.IntN(500000))}
		if s.chance(3) {
			op.Kind = fiscal.OpWithdraw
		}
		_, err := s.do(ctx, op)
		return err
	}},
	{"report", 8, func(ctx context.Context, s *shop) error {
		kinds := []fiscal.OpKind{fiscal.OpXReport, fiscal.OpReportCashiers, fiscal.OpReportSections, fiscal.OpCopy, fiscal.OpTestPrint, fiscal.OpSelfTest}
		_, err := s.do(ctx, fiscal.Op{Kind: kinds[s.r.IntN(len(kinds))], As: admin})
		return err
	}},
	{"close the shift", 10, func(ctx context.Context, s *shop) error {
		_, err := s.do(ctx, zReport())
		return err
	}},
	{"cut or restore every connection", 10, func(_ context.Context, s *shop) error {
		if s.only != "" {
			return nil
		}
		s.cut = !s.cut
		if s.cut {
			return s.b.CutAll()
		}
		return s.b.RestoreAll()
	}},
	{"leave one channel, or bring the others back", 4, func(_ context.Context, s *shop) error {
		if s.cut {
			return nil
		}
		if s.only != "" {
			free := s.only
			s.only = ""
			return s.b.RestoreLinks(free)
		}
		l := s.b.Links()
		s.only = l[s.r.IntN(len(l))]
		return s.b.CutAllBut(s.only)
	}},
	{"let the OFD be slow, silent, or say something", 10, func(_ context.Context, s *shop) error {
		switch s.r.IntN(6) {
		case 0:
			return s.b.DelayAnswers(time.Duration(s.r.IntN(8000)) * time.Millisecond)
		case 1:
			return s.b.Silence()
		case 2:
			return s.b.Notice(fmt.Sprintf("%s № %d", noticeText, s.r.IntN(9)))
		case 3:
			return s.b.AnswerTickets([]int{13, 254, 255}[s.r.IntN(3)], "refused on purpose")
		case 4:
			if err := s.b.Calm(); err != nil {
				return err
			}
			return s.b.Suspend(suspendText)
		}
		return s.b.MarkReports(fiscal.Tiyn(1 + s.r.IntN(90000)))
	}},
	{"calm the OFD", 10, func(_ context.Context, s *shop) error { return s.b.Calm() }},
	{"let time pass", 12, func(ctx context.Context, s *shop) error { return s.b.Pass(ctx, s.pause(), "chance") }},
	{"wait for the hand-over", 5, func(ctx context.Context, s *shop) error {
		if s.cut || s.dark || s.bare {
			return nil
		}
		return s.b.AwaitHandOver(ctx)
	}},
	{"ask how it is", 8, func(ctx context.Context, s *shop) error { return look(ctx, s.b, "") }},
	{"switch off, wait, switch on", 4, func(ctx context.Context, s *shop) error {
		if err := s.b.Power(ctx, false); err != nil {
			return err
		}
		if err := s.b.Pass(ctx, s.pause(), "without power"); err != nil {
			return err
		}
		return s.b.Power(ctx, true)
	}},
	{"take the paper away or put it back", 5, func(ctx context.Context, s *shop) error {
		s.bare = !s.bare
		return s.b.PaperIn(ctx, !s.bare)
	}},
	{"set the clock", 4, func(ctx context.Context, s *shop) error {
		to := s.b.Civil().Add(time.Duration(s.r.IntN(7)-3) * time.Minute)
		_, err := s.do(ctx, fiscal.Op{Kind: fiscal.OpSetClock, Clock: to, As: admin})
		return err
	}},
	{"change the port and back", 3, func(ctx context.Context, s *shop) error {
		was, err := s.b.Setting(ctx, fiscal.SetOFDPort)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(was)
		if err != nil {
			return err
		}
		for _, v := range []string{strconv.Itoa(n + 1), was} {
			if _, err := s.do(ctx, fiscal.Op{Kind: fiscal.OpSetSetting, Setting: fiscal.SetOFDPort, Value: v, As: admin}); err != nil {
				return err
			}
			if s.chance(2) {
				if _, err := s.do(ctx, receipt(plain())); err != nil {
					return err
				}
			}
		}
		return nil
	}},
}

// live goes through one campaign and hands over its record.
func live(t *testing.T, section string, seed uint64) (history.View, []string) {
	t.Helper()
	name := map[string]string{"I": "section-1", "II": "section-2", "III": "section-3"}[section]
	raw, err := fs.ReadFile(fixtures.FS, "profiles/"+name+".yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.Load(name, raw)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = fs.ReadFile(fixtures.FS, "emulator/"+name+".yaml"); err != nil {
		t.Fatal(err)
	}
	e, err := kkm.LoadProfile(name, raw)
	if err != nil {
		t.Fatal(err)
	}
	url, err := bench.ParseDeviceURL("emulated:?profile=" + name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bench.New(bench.Options{URL: url, Profile: p, Emulator: e, Seed: seed, Section: section, Editions: []string{"kz-431-2014"}, Params: bench.NewParams(nil)})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{b: b, r: rand.New(rand.NewPCG(seed, 431))}
	ctx := context.Background()
	if err := b.Hello(ctx); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, d := range doings {
		sum += d.weight
	}
	sc := bench.Scenario{Key: "random/campaign", Doc: "chance", Steps: make([]bench.Step, 40)}
	for i := range 8 + s.r.IntN(32) {
		n := s.r.IntN(sum)
		k := slices.IndexFunc(doings, func(d doing) bool { n -= d.weight; return n < 0 })
		sc.Steps[i].Name = doings[k].name
		s.doings = append(s.doings, doings[k].name)
		if err := b.Begin(sc, i+1); err != nil {
			t.Fatal(err)
		}
		err := doings[k].do(ctx, s)
		outcome, text := "ok", ""
		if err != nil && !errors.Is(err, device.ErrNotAble) {
			if !errors.Is(err, bench.ErrPrecondition) {
				t.Fatalf("section %s, seed %d, %q: %v", section, seed, doings[k].name, err)
			}
			outcome, text = "precondition", err.Error()
		}
		if err := b.End(outcome, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Log.View(), s.doings
}

// TestRandomCampaigns: whatever happens to a conforming register, no row fails,
// and the bench itself is in order. The seed of a failure repeats it:
//
//	go test ./scenarios -run RandomCampaigns -campaigns 1 -first-seed SEED
func TestRandomCampaigns(t *testing.T) {
	n := *campaigns
	if testing.Short() {
		n = min(n, few)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // what one virtual clock has to itself is the same each time
	f, err := fs.Sub(fixtures.FS, "regulations")
	if err != nil {
		t.Fatal(err)
	}
	var editions []regulation.Edition
	for _, id := range []string{"kz-431-2014", "kz-626-2025"} {
		e, err := regulation.Load(f, id)
		if err != nil {
			t.Fatal(err)
		}
		editions = append(editions, e)
	}
	sections := []string{"I", "I", "III", "II"}
	bad := 0
	for i := range n {
		seed := *firstSeed + uint64(i)
		section := sections[seed%uint64(len(sections))]
		v, did := live(t, section, seed)
		if testing.Verbose() && n == 1 {
			for e := range v.Events() {
				if k := e.Body.Kind(); k != "host" && k != "frame" {
					t.Logf("%s", line(t, e))
				}
			}
		}
		rec := check.NewRecord(v)
		e := editions[0]
		for _, fi := range check.JudgeAll(rec, e, section) {
			if fi.Result != check.Fail && fi.Result != check.Error || len(fi.Parts) == 0 {
				continue
			}
			for _, j := range fi.Parts {
				if j.Result() != check.Fail && j.Result() != check.Error {
					continue
				}
				bad++
				t.Errorf("section %s, seed %d:\n%s\n\tafter %v", section, seed, check.Explain(v, check.Cite(e, section, fi.Row), j, regulation.English), did)
				break
			}
		}
		if bad > 5 {
			t.Fatalf("%d of %d campaigns: the rest is left out", i+1, n)
		}
	}
}

// TestSameSeedSameFindings: chance has one source.
func TestSameSeedSameFindings(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, section := range []string{"I", "II", "III"} {
		a, _ := live(t, section, 77)
		b, _ := live(t, section, 77)
		if a.Len() != b.Len() {
			t.Fatalf("section %s: %d events, then %d", section, a.Len(), b.Len())
		}
		for n := history.Seq(1); n <= history.Seq(a.Len()); n++ {
			x, _ := a.Get(n)
			y, _ := b.Get(n)
			if !bytes.Equal(line(t, x), line(t, y)) {
				t.Fatalf("section %s: event %d\n%+v\nthen\n%+v", section, n, x, y)
			}
		}
	}
}

// line is an event as it would stand in the record.
func line(t *testing.T, e history.Event) []byte {
	t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
