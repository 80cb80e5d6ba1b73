package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

// Script is a desk at which nobody sits: the answers stand in a file, for CI
// and for a day at the register that was written down on paper.
//
//	person: Иманова А.
//	answers:
//	  - for: receipt/cycle/1/1   # the name of a card; of several, each is used once, in their order
//	    got: done
//	    printed: |
//	      ...
//	otherwise:                   # by kind of card, used as often as needed
//	  setting: {got: unsupported}
type Script struct {
	name string
	mu   sync.Mutex
	all  []entry
	rest map[Kind]Reply
}

type entry struct {
	card string
	r    Reply
	used bool
}

// LoadScript reads a script and checks every answer against the kind of card it
// is for. All that is wrong comes in one error: "answers.yaml:12:5: ...".
func LoadScript(path string) (*Script, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("script: %w", err)
	}
	return ParseScript(path, raw)
}

// ParseScript is LoadScript for bytes; files lie relative to the script's name.
func ParseScript(name string, raw []byte) (*Script, error) {
	var f struct {
		Person    string             `yaml:"person"`
		Answers   []written          `yaml:"answers"`
		Otherwise map[string]written `yaml:"otherwise"`
	}
	doc, err := parseYAML(name, raw, &f)
	if err != nil {
		return nil, err
	}
	s := &Script{name: name, rest: map[Kind]Reply{}}
	var errs []error
	bad := func(path string, err error) {
		for e := range strings.SplitSeq(err.Error(), "\n") {
			errs = append(errs, fmt.Errorf("%s: %s", doc.at(path), e))
		}
	}
	take := func(path string, kind Kind, w written) (Reply, bool) {
		if w.Person == "" {
			w.Person = f.Person
		}
		r, err := w.reply(filepath.Dir(name), nil)
		if err == nil {
			err = Card{Kind: kind}.Fits(r)
		}
		if err == nil {
			err = onlyFields(kind, w)
		}
		if err != nil {
			bad(path, err)
		}
		return r, err == nil
	}
	for i, w := range f.Answers {
		path := fmt.Sprintf("answers[%d]", i)
		if w.For == "" {
			bad(path, errors.New("for: want the name of a card, such as receipt/cycle/1/1 or state/1"))
			continue
		}
		if r, ok := take(path, kindOf(w.For), w); ok {
			s.all = append(s.all, entry{card: w.For, r: r})
		}
	}
	for k, w := range f.Otherwise {
		path := "otherwise." + k
		if !slices.Contains(kinds, Kind(k)) || w.For != "" {
			bad(path, fmt.Errorf("%s: want one of %v, without for", k, kinds))
			continue
		}
		if r, ok := take(path, Kind(k), w); ok {
			s.rest[Kind(k)] = r
		}
	}
	if len(f.Answers) == 0 && len(f.Otherwise) == 0 {
		errs = append(errs, fmt.Errorf("%s: no answers: want answers or otherwise", name))
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return s, errors.Join(errs...)
}

var kinds = []Kind{AskIdentity, AskState, AskOp, AskDisplay, AskSetting, AskPower, AskPaper, AskConfirm}

// kindOf tells the kind of a card from its name.
func kindOf(id string) Kind {
	if strings.HasSuffix(id, "/paper") {
		return AskConfirm
	}
	head, rest, _ := strings.Cut(id, "/")
	switch k := Kind(head); {
	case k == AskSetting:
		return k
	case strings.Trim(rest, "0123456789") == "" && slices.Contains(kinds, k):
		return k
	}
	return AskOp
}

// onlyFields refuses fields that the card has no use for: a typo would else be
// an answer that nobody reads.
func onlyFields(kind Kind, w written) error {
	set := map[string]bool{
		"got": w.Got != "", "words": w.Words != "", "code": w.Code != 0, "doc": w.Doc != 0, "sign": w.Sign != "", "shown": w.Shown != nil,
		"printed": w.Printed != nil || w.PrintedFile != "" || w.Form != nil, "display": w.Display != "", "model": w.Model != "", "serial": w.Serial != "",
		"firmware": w.Firmware != "", "shift": w.Shift != "", "unsent": w.Unsent != nil, "value": w.Value != "", "confirmed": w.Confirmed != "",
	}
	allowed := Card{Kind: kind}.Fields()
	var errs []error
	for _, name := range []string{"got", "words", "code", "doc", "sign", "shown", "printed", "display", "model", "serial", "firmware", "shift", "unsent", "value", "confirmed"} {
		if set[name] && !slices.Contains(allowed, name) {
			errs = append(errs, fmt.Errorf("%s: a card of kind %s takes %s", name, kind, strings.Join(allowed, ", ")))
		}
	}
	return errors.Join(errs...)
}

// Ask finds the answer to a card.
func (s *Script) Ask(_ context.Context, c Card) (Reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.all {
		if e := &s.all[i]; e.card == c.ID && !e.used {
			e.used = true
			return e.r, nil
		}
	}
	if r, ok := s.rest[c.Kind]; ok {
		return r, nil
	}
	return Reply{}, fmt.Errorf("script %s has no answer: want one with \"for: %s\", or one for %q under otherwise; the card says: %s", s.name, c.ID, c.Kind, c.Text())
}

// Unused names the answers that no card has asked for.
func (s *Script) Unused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, e := range s.all {
		if !e.used {
			out = append(out, e.card)
		}
	}
	return out
}

// Recorder writes down what a desk answers, as a script that answers the same
// cards the same way.
type Recorder struct {
	Desk
	Path string

	begun bool
}

// Ask hands the card on and appends the answer to the file.
func (r *Recorder) Ask(ctx context.Context, c Card) (Reply, error) {
	a, err := r.Desk.Ask(ctx, c)
	if err != nil {
		return a, err
	}
	m := a.written(c.ID)
	delete(m, "keyed") // a script cannot mark moments
	delete(m, "stood")
	raw, err := yaml.Marshal([]map[string]any{m})
	if err != nil {
		return a, err
	}
	flags := os.O_APPEND | os.O_CREATE | os.O_WRONLY
	if !r.begun {
		flags |= os.O_EXCL // a script is never overwritten
		raw = append([]byte("answers:\n"), raw...)
	}
	f, err := os.OpenFile(r.Path, flags, 0o644)
	if err != nil {
		return a, err
	}
	r.begun = true
	_, err = f.Write(raw)
	return a, errors.Join(err, f.Close())
}

// Close closes the desk.
func (r *Recorder) Close() error {
	if c, ok := r.Desk.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}
