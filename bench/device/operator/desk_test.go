package operator

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/fiscal"
)

func yamlOf(r Reply) ([]byte, error) { return yaml.Marshal(r.written("x/1/1")) }

const script = `person: Иманова А.
answers:
  - for: identity/1
    display: yes
  - for: a/1/1
    got: done
    printed: |
      Чек 7
      ИТОГО
  - for: a/1/1
    person: Өтегенов Н.
    got: refused
    words: НЕТ БУМАГИ
    printed: []
  - for: a/1/2
    got: done
    form:
      total: ИТОГО 250.50
      owner: ТОО «Алма-Тест»
      goods: [Нан, Сүт]
  - for: a/1/3
    got: done
    printed_file: receipt.txt
otherwise:
  setting: {got: unsupported}
`

func TestScript(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "receipt.txt"), []byte("Чек 8\r\n\r\nИТОГО\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "answers.yaml")
	if err := os.WriteFile(name, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := LoadScript(name)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(id string, k Kind) Reply {
		t.Helper()
		r, err := s.Ask(ctx, Card{ID: id, Kind: k, Op: &fiscal.Op{Kind: fiscal.OpXReport}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := ask("identity/1", AskIdentity); r.Display != yes || r.Person != "Иманова А." {
		t.Errorf("%+v", r)
	}
	if r := ask("a/1/1", AskOp); r.Got != "done" || !slices.Equal(r.Printed, []string{"Чек 7", "ИТОГО"}) {
		t.Errorf("%+v", r)
	}
	if r := ask("a/1/1", AskOp); r.Got != "refused" || r.Person != "Өтегенов Н." || !r.Read || len(r.Printed) != 0 {
		t.Errorf("the second answer for one card: %+v", r)
	}
	if got, want := s.Unused(), []string{"a/1/2", "a/1/3"}; !slices.Equal(got, want) {
		t.Errorf("unused %q, want %q", got, want)
	}
	if r := ask("a/1/2", AskOp); !slices.Equal(r.Printed, []string{"ТОО «Алма-Тест»", "Нан", "Сүт", "ИТОГО 250.50"}) {
		t.Errorf("the form is not in the order of paper: %q", r.Printed)
	}
	if r := ask("a/1/3", AskOp); !slices.Equal(r.Printed, []string{"Чек 8", "", "ИТОГО"}) || len(r.Files) != 1 {
		t.Errorf("%+v", r)
	}
	for range 2 {
		if r := ask("setting/ofd-port/1", AskSetting); r.Got != "unsupported" {
			t.Errorf("%+v", r)
		}
	}
	_, err = s.Ask(ctx, Card{ID: "a/1/4", Kind: AskOp, Op: &fiscal.Op{Kind: fiscal.OpXReport}})
	if err == nil || !strings.Contains(err.Error(), `"for: a/1/4"`) || !strings.Contains(err.Error(), name) {
		t.Errorf("%v", err)
	}
}

// What is wrong with a script is said with its place before anything is asked.
func TestBadScripts(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"empty":            {"person: A\n", "no answers"},
		"not YAML":         {"answers: [", "answers.yaml:1"},
		"unknown key":      {"person: A\nanswers:\n  - for: a/1/1\n    gott: done\n", `answers.yaml:4:5: unknown field "gott"`},
		"no name":          {"answers:\n  - got: done\n    person: A\n", "answers.yaml:2:5: for"},
		"nobody":           {"answers:\n  - for: a/1/1\n    got: done\n", "answers.yaml:2:5: person"},
		"a wrong word":     {"person: A\nanswers:\n  - for: a/1/1\n    got: ok\n", `answers.yaml:3:5: got "ok"`},
		"no reason":        {"person: A\nanswers:\n  - for: a/1/1\n    got: refused\n", "answers.yaml:3:5: words"},
		"a foreign field":  {"person: A\nanswers:\n  - for: state/1\n    shift: open\n    sign: 42\n", "answers.yaml:3:5: sign: a card of kind state takes shift, unsent"},
		"two papers":       {"person: A\nanswers:\n  - for: a/1/1\n    got: done\n    printed: [a]\n    form: {total: b}\n", "want one of them"},
		"a form line":      {"person: A\nanswers:\n  - for: a/1/1\n    got: done\n    form: {totl: b}\n", `form: line "totl"`},
		"no file":          {"person: A\nanswers:\n  - for: a/1/1\n    got: done\n    printed_file: absent.txt\n", "absent.txt"},
		"no photo":         {"person: A\nanswers:\n  - for: a/1/1\n    got: done\n    files: [absent.jpg]\n", "absent.jpg"},
		"a directory":      {"person: A\nanswers:\n  - for: a/1/1\n    got: done\n    files: [.]\n", "want a file"},
		"an escape":        {"person: A\nanswers:\n  - for: a/1/1\n    got: done\n    printed: [\"a\\x1b[2J\"]\n", "control codes"},
		"a mark":           {"person: A\nanswers:\n  - for: a/1/1\n    got: done\n    keyed: 2026-01-05T09:00:00Z\n", "not in a script"},
		"a kind":           {"person: A\notherwise:\n  receipts: {got: done}\n", "receipts: want one of"},
		"a name elsewhere": {"person: A\notherwise:\n  op: {for: a/1/1, got: done}\n", "without for"},
		"a number of text": {"person: A\nanswers:\n  - for: a/1/1\n    got: done\n    doc: seven\n", "answers.yaml:5"},
		"a map for lines":  {"person: A\nanswers:\n  - for: a/1/1\n    got: done\n    printed: {a: b}\n", "answers.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseScript("answers.yaml", []byte(c.yaml))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	if _, err := LoadScript(filepath.Join(t.TempDir(), "absent.yaml")); err == nil {
		t.Error("a script that is not there")
	}
	if _, err := ParseScript("a.yaml", bytes.Repeat([]byte("#"), maxYAML+1)); err == nil {
		t.Error("a script of any size is taken")
	}
}

func TestRecorder(t *testing.T) {
	loop := clock.NewVirtual(epoch, nil)
	name := filepath.Join(t.TempDir(), "answers.yaml")
	p := &person{loop: loop, answers: map[string]Reply{
		"a/1/1":   {Got: "done", Printed: []string{"x"}, Read: true, Keyed: loop.Now(), Stood: loop.Now()},
		"state/1": {Shift: "open"},
	}}
	r := &Recorder{Desk: p, Path: name}
	cards := []Card{{ID: "state/1", Kind: AskState}, {ID: "a/1/1", Kind: AskOp}}
	var want []Reply
	for _, c := range cards {
		a, err := r.Ask(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, a)
	}
	s, err := LoadScript(name)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cards {
		a, err := s.Ask(t.Context(), c)
		if err != nil || a.Got != want[i].Got || a.Shift != want[i].Shift || !slices.Equal(a.Printed, want[i].Printed) || a.Person != want[i].Person || !a.Keyed.Wall.IsZero() {
			t.Errorf("%+v, %v, want %+v", a, err, want[i])
		}
	}
	if _, err := (&Recorder{Desk: p, Path: name}).Ask(t.Context(), cards[0]); err == nil {
		t.Error("a script was overwritten")
	}
}

// talk plays a person at a terminal who answers questions as they come.
func talk(t *testing.T, lang Language, script string) (*Terminal, *bytes.Buffer) {
	t.Helper()
	loop := clock.NewReal()
	t.Cleanup(loop.Close)
	var out bytes.Buffer
	return NewTerminal(loop, lang, strings.NewReader(script), &out), &out
}

func TestTerminal(t *testing.T) {
	ctx := t.Context()
	sale := fiscal.Op{Kind: fiscal.OpReceipt, Receipt: op("a/1/1", fiscal.OpReceipt).Receipt}
	t.Run("a sale with marks, typed", func(t *testing.T) {
		term, out := talk(t, Russian, "Иманова А.\n\n\nok\ndone\n7\n42\nyes\n ТОО\x1b[31m\nИТОГО\n.\n\n")
		r, err := term.Ask(ctx, Card{ID: "a/1/1", Kind: AskOp, Op: &sale})
		if err != nil || r.Person != "Иманова А." || r.Got != "done" || r.Doc != 7 || r.Sign != "42" || !slices.Equal(r.Printed, []string{" ТОО[31m", "ИТОГО"}) || r.Shown != nil {
			t.Errorf("%+v, %v", r, err)
		}
		if r.Keyed.Wall.IsZero() || r.Stood.Mono < r.Keyed.Mono {
			t.Errorf("marks %+v %+v", r.Keyed, r.Stood)
		}
		for _, want := range []string{"[a/1/1] Продайте", "250.50", "done | refused", "ИИН/БИН"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the terminal does not say %q:\n%s", want, out)
			}
		}
	})
	t.Run("refused, without marks, the display read, the name asked once", func(t *testing.T) {
		term, out := talk(t, Kazakh, "A\nn\nrefused\n\nСМЕНА\nx\n78\nСМЕНА > 24\n.\nl\n/no/such/file\n\n"+"n\nunknown\nfell over\n.\nno\n")
		r, err := term.Ask(ctx, Card{ID: "a/1/1", Kind: AskOp, Op: &sale, Display: true})
		if err != nil || r.Got != "refused" || r.Words != "СМЕНА" || r.Code != 78 || !slices.Equal(r.Shown, []string{"СМЕНА > 24"}) || r.Read || !r.Keyed.Wall.IsZero() {
			t.Errorf("%+v, %v\n%s", r, err, out)
		}
		r, err = term.Ask(ctx, Card{ID: "a/1/2", Kind: AskOp, Op: &sale, Display: true})
		if err != nil || r.Person != "A" || r.Got != "unknown" || !r.Read || len(r.Printed) != 0 {
			t.Errorf("%+v, %v\n%s", r, err, out)
		}
	})
	t.Run("other cards", func(t *testing.T) {
		term, out := talk(t, English, "A\nmaybe\nno\nM\n\n\n"+"open\n-1\n3\n"+"ofd.test\n"+"\n"+"\ndone\n"+"x\n.\n"+"no\nyes\nИТОГО\n.\n\n")
		for _, c := range []struct {
			card Card
			ok   func(Reply) bool
		}{
			{Card{Kind: AskIdentity}, func(r Reply) bool { return r.Display == no && r.Model == "M" && r.Serial == "" }},
			{Card{Kind: AskState}, func(r Reply) bool { return r.Shift == "open" && r.Unsent != nil && *r.Unsent == 3 }},
			{Card{Kind: AskSetting, Setting: fiscal.SetOFDHost}, func(r Reply) bool { return r.Value == "ofd.test" && r.Got == "" }},
			{Card{Kind: AskSetting, Setting: fiscal.SetOFDPort}, func(r Reply) bool { return r.Value == "" && r.Got == "unsupported" }},
			{Card{Kind: AskPaper}, func(r Reply) bool { return r.Got == "done" }},
			{Card{Kind: AskDisplay}, func(r Reply) bool { return slices.Equal(r.Shown, []string{"x"}) }},
			{Card{Kind: AskConfirm, Proposal: []string{"ИТ0ГО"}}, func(r Reply) bool { return r.Confirmed == no && slices.Equal(r.Printed, []string{"ИТОГО"}) }},
		} {
			r, err := term.Ask(ctx, c.card)
			if err != nil || !c.ok(r) {
				t.Fatalf("%s: %+v, %v\n%s", c.card.Kind, r, err, out)
			}
		}
	})
	t.Run("the end of the input", func(t *testing.T) {
		term, _ := talk(t, English, "A\n")
		if _, err := term.Ask(ctx, Card{Kind: AskState}); !errors.Is(err, io.EOF) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a person who does not answer", func(t *testing.T) {
		r, w := io.Pipe()
		defer w.Close()
		loop := clock.NewReal()
		defer loop.Close()
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if _, err := NewTerminal(loop, English, r, io.Discard).Ask(ctx, Card{Kind: AskState}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

// safe is a buffer that two goroutines may use.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) { s.mu.Lock(); defer s.mu.Unlock(); return s.b.Write(p) }

// A card goes through a mailbox to a terminal and the answer comes back; one
// that does not fit is put aside with the reason and the card stays open.
func TestMailbox(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "operator")
	loop := clock.NewReal()
	defer loop.Close()
	box := &Mailbox{Loop: loop, Dir: dir}

	type got struct {
		r   Reply
		err error
	}
	ask := func(c Card) chan got {
		ch := make(chan got, 1)
		go func() { r, err := box.Ask(ctx, c); ch <- got{r, err} }()
		return ch
	}
	wait := func(name string) {
		t.Helper()
		for range 200 {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Fatalf("%s does not appear", name)
	}
	put := func(name, text string) {
		t.Helper()
		if err := write(filepath.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	ch := ask(Card{ID: "state/1", Kind: AskState, Language: English})
	wait("0001.card.yaml")
	card, err := os.ReadFile(filepath.Join(dir, "0001.card.yaml"))
	if err != nil || !strings.Contains(string(card), "state/1") || !strings.Contains(string(card), "State of the register") {
		t.Errorf("%s, %v", card, err)
	}
	put("0001.answer.yaml", "person: A\nshift: half\n")
	wait("0001.refused-1.yaml")
	wait("0001.error.txt")
	put("0001.answer.yaml", "for: state/2\nperson: A\nshift: open\n")
	wait("0001.refused-2.yaml")
	put("0001.answer.yaml", "person: A\nshift: open\nsign: 1\n")
	wait("0001.refused-3.yaml")
	why, err := os.ReadFile(filepath.Join(dir, "0001.error.txt"))
	if err != nil || !strings.Contains(string(why), "takes shift, unsent") {
		t.Errorf("%s, %v", why, err)
	}
	put("0001.answer.yaml", "person: A\nshift: open\n")
	if g := <-ch; g.err != nil || g.r.Shift != "open" {
		t.Errorf("%+v", g)
	}

	// An answer that lies there before its card was posted answers nothing.
	put("0002.answer.yaml", "person: A\nshift: closed\n")
	face, stop := context.WithCancel(ctx)
	var out safe
	done := make(chan error, 1)
	ch = ask(Card{ID: "a/1/1", Kind: AskOp, Op: &fiscal.Op{Kind: fiscal.OpXReport}, Language: Kazakh})
	go func() {
		done <- Serve(face, loop, dir, NewTerminal(loop, Kazakh, strings.NewReader("B\n\n\ndone\n\n\nno\n"), &out))
	}()
	g := <-ch
	if g.err != nil || g.r.Person != "B" || g.r.Got != "done" || !g.r.Read || g.r.Keyed.Wall.IsZero() || g.r.Stood.Mono < g.r.Keyed.Mono {
		t.Errorf("%+v", g)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("%v", err)
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	if s := out.b.String(); strings.Contains(s, "state/1") || !strings.Contains(s, "X-есебін") {
		t.Errorf("the face shows\n%s", s)
	}

	// After a resume the numbers go on.
	again := &Mailbox{Loop: loop, Dir: dir}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := again.Ask(cancelled, Card{ID: "x/1/1", Kind: AskOp, Op: &fiscal.Op{Kind: fiscal.OpXReport}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	wait("0003.card.yaml")
}

func FuzzScript(f *testing.F) {
	f.Add([]byte(script))
	f.Add([]byte("person: A\nanswers:\n  - {for: a/1/1, got: done, printed: [a]}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := ParseScript("answers.yaml", raw)
		if err != nil {
			return
		}
		for _, e := range s.all {
			if err := (Card{Kind: kindOf(e.card)}).Fits(e.r); err != nil {
				t.Errorf("an answer that does not fit was taken: %v", err)
			}
		}
	})
}
