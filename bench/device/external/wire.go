package external

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/fiscal"
)

// maxLine bounds a line of the program: a receipt of 20,000 lines fits.
const maxLine = 1 << 20

// call is a line to the program.
type call struct {
	ID        uint64         `json:"id"`
	Call      string         `json:"call"`
	Protocol  string         `json:"protocol,omitempty"`  // hello
	Version   int            `json:"version,omitempty"`   // hello
	Passwords *Passwords     `json:"passwords,omitempty"` // hello
	Op        *op            `json:"op,omitempty"`        // do
	Setting   fiscal.Setting `json:"setting,omitempty"`   // setting
	On        *bool          `json:"on,omitempty"`        // power, paper, battery
	ForwardMS *int64         `json:"forward_ms,omitempty"`
}

// op is fiscal.Op with civil times: a register's clock has no zone.
type op struct {
	ID      fiscal.OpID    `json:"id"`
	Kind    fiscal.OpKind  `json:"kind"`
	Receipt *receipt       `json:"receipt,omitempty"`
	Cash    fiscal.Tiyn    `json:"cash,omitempty"`
	Clock   civilTime      `json:"clock,omitzero"`
	Setting fiscal.Setting `json:"setting,omitempty"`
	Value   string         `json:"value,omitempty"`
	As      fiscal.Role    `json:"as,omitzero"`
}

type receipt struct {
	Kind     fiscal.ReceiptKind `json:"kind"`
	Lines    []line             `json:"lines"`
	Payments []fiscal.Payment   `json:"payments"`
	Discount fiscal.Tiyn        `json:"discount,omitempty"`
	Markup   fiscal.Tiyn        `json:"markup,omitempty"`
	Parent   *parent            `json:"parent,omitempty"`
	Customer string             `json:"customer,omitempty"`
	Total    fiscal.Tiyn        `json:"total"`
}

// line is a position with its sum worked out: a driver program must not have to
// round as the bench does.
type line struct {
	fiscal.Line
	Sum fiscal.Tiyn `json:"sum"`
}

type parent struct {
	Sign    string      `json:"sign"`
	At      civilTime   `json:"at"`
	KKM     string      `json:"kkm"`
	Total   fiscal.Tiyn `json:"total"`
	Offline bool        `json:"offline,omitempty"`
}

func wireOp(o fiscal.Op) *op {
	w := &op{ID: o.ID, Kind: o.Kind, Cash: o.Cash, Clock: civilTime{o.Clock}, Setting: o.Setting, Value: o.Value, As: o.As}
	if r := o.Receipt; r != nil {
		w.Receipt = &receipt{Kind: r.Kind, Payments: r.Payments, Discount: r.Discount, Markup: r.Markup, Customer: r.Customer, Total: r.Total()}
		for _, l := range r.Lines {
			w.Receipt.Lines = append(w.Receipt.Lines, line{Line: l, Sum: l.Total()})
		}
		if p := r.Parent; p != nil {
			w.Receipt.Parent = &parent{Sign: p.Sign, At: civilTime{p.At}, KKM: p.KKM, Total: p.Total, Offline: p.Offline}
		}
	}
	return w
}

// civilTime is a time without a zone: 2026-01-05T09:00:00.
type civilTime struct{ time.Time }

const civilForm = "2006-01-02T15:04:05"

func (t civilTime) MarshalJSON() ([]byte, error) { return json.Marshal(t.Format(civilForm)) }

func (t *civilTime) UnmarshalJSON(raw []byte) error {
	var s string
	err := json.Unmarshal(raw, &s)
	if err == nil && s != "" {
		t.Time, err = time.Parse(civilForm, s)
	}
	if err != nil {
		return fmt.Errorf("time %.60s: want one such as \"2026-01-05T09:00:00\"", raw)
	}
	return nil
}

// said is a line of the program: an event or an answer.
type said struct {
	Event string `json:"event"` // bytes, entered
	Dir   string `json:"dir"`
	Data  []byte `json:"data"` // base64 on the wire
	Note  string `json:"note"`

	ID     uint64          `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *failure        `json:"error"`
}

// failure is why a call has no result.
type failure struct {
	Kind string `json:"kind"` // not-able, silent, failed
	Text string `json:"text"`
}

func (f *failure) err() error {
	switch f.Kind {
	case "not-able":
		return fmt.Errorf("%s: %w", f.Text, device.ErrNotAble)
	case "silent":
		return fmt.Errorf("%s: %w", f.Text, device.ErrSilent)
	default:
		return errors.New(f.Text)
	}
}

// strict decodes one JSON value and refuses unknown keys and anything behind it.
func strict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// parse reads a line of the program. Exactly one of the three forms is allowed.
func parse(raw []byte) (said, error) {
	var s said
	if err := strict(raw, &s); err != nil {
		return s, fmt.Errorf("line %.200q: %w", raw, err)
	}
	bad := func(text string) (said, error) { return s, fmt.Errorf("line %.200q: %s", raw, text) }
	answer := s.Result != nil || s.Error != nil || s.ID != 0
	switch {
	case s.Event != "" && answer:
		return bad("both an event and an answer")
	case s.Event == "bytes":
		if s.Dir != string(history.ToDevice) && s.Dir != string(history.FromDevice) || len(s.Data) == 0 {
			return bad(`want "dir": "to-device" or "from-device", and "data" in base64`)
		}
	case s.Event == "entered":
		if s.Dir != "" || s.Data != nil || s.Note != "" {
			return bad("entered carries nothing else")
		}
	case s.Event != "":
		return bad(fmt.Sprintf("event %q: want bytes or entered", s.Event))
	case s.Dir != "" || s.Data != nil || s.Note != "":
		return bad("an answer carries id and result, or id and error")
	case s.ID == 0 || (s.Result == nil) == (s.Error == nil):
		return bad("want an event, or an answer with id and result, or with id and error")
	case s.Error != nil && s.Error.Kind != "not-able" && s.Error.Kind != "silent" && s.Error.Kind != "failed":
		return bad(fmt.Sprintf("error of kind %q: want not-able, silent or failed", s.Error.Kind))
	}
	return s, nil
}
