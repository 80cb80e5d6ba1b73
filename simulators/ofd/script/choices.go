package script

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/simulators/ofd"
)

// choices are the switches of a server (docs/ofd-choices.md) as they are written;
// what is not written stays as it is.
type choices struct {
	Versions            []Version `json:"versions"`
	AnswerUnsupported   *bool     `json:"answer_unsupported"`
	CloseAfterAnswer    *bool     `json:"close_after_answer"`
	Idle                *Duration `json:"idle"`
	ReadDeadline        *Duration `json:"read_deadline"`
	MaxRequest          *uint32   `json:"max_request"`
	MaxConns            *int      `json:"max_connections"`
	MaxDeviceConns      *int      `json:"max_connections_of_a_device"`
	MaxPending          *int      `json:"max_pending_bytes"`
	Labels203           *bool     `json:"labels_203"`
	NumberBeforeToken   *bool     `json:"number_before_token"`
	Rotate              *Rotation `json:"rotate"`
	CheckReportToken    *bool     `json:"check_report_token"`
	LenientReportHeader *bool     `json:"lenient_report_header"`
	MissingIsBlocked    *bool     `json:"missing_is_blocked"`
	CancelUnder203      *bool     `json:"cancel_under_203"`
	RenumberWithinDay   *bool     `json:"renumber_within_day"`
	ShiftLimit          *Duration `json:"shift_limit"`
	ShiftFromAny        *bool     `json:"shift_from_any"`
	ShiftByServerClock  *bool     `json:"shift_by_server_clock"`
	EmptyX              *bool     `json:"empty_x"`
	EmptyClose          *bool     `json:"empty_close"`
	OperationsByTicket  *bool     `json:"operations_by_ticket"`
	Echo                *bool     `json:"echo"`
	RefuseOfflineDebt   *bool     `json:"refuse_offline_debt"`
	KnownParent         *bool     `json:"known_parent"`
	NoQR                *bool     `json:"no_qr"`
	QRBase              *string   `json:"qr_base"`
	SignDigits          *int      `json:"sign_digits"`
	Reconnect           *Duration `json:"reconnect"`
	Strict              *bool     `json:"strict"`
}

// apply puts what is written into the options. The names of the fields are those
// of the options.
func (c choices) apply(o *ofd.Options) {
	from, into := reflect.ValueOf(c), reflect.ValueOf(o).Elem()
	for i := range from.NumField() {
		f, name := from.Field(i), from.Type().Field(i).Name
		if name == "Versions" {
			if c.Versions != nil {
				o.Versions = versions(c.Versions)
			}
			continue
		}
		if !f.IsNil() {
			t := into.FieldByName(name)
			t.Set(f.Elem().Convert(t.Type()))
		}
	}
}

// check refuses values that no server can work with.
func (c choices) check(r *reader, path string) {
	positive := func(key string, v *int) {
		if v != nil && *v < 1 {
			r.bad(path+key, "%d: want 1 or more", *v)
		}
	}
	positive("max_connections", c.MaxConns)
	positive("max_connections_of_a_device", c.MaxDeviceConns)
	positive("max_pending_bytes", c.MaxPending)
	const least, most = 10, 12 // cpcr.md 16.52
	if d := c.SignDigits; d != nil && (*d < least || *d > most) {
		r.bad(path+"sign_digits", "%d: want %d to %d", *d, least, most)
	}
	if m := c.MaxRequest; m != nil && *m < 18 {
		r.bad(path+"max_request", "%d: want at least the 18 bytes of a header", *m)
	}
	for key, d := range map[string]*Duration{"shift_limit": c.ShiftLimit, "reconnect": c.Reconnect} {
		if d != nil && *d < 0 {
			r.bad(path+key, "%v: want none below 0", time.Duration(*d))
		}
	}
	if c.Versions != nil && len(c.Versions) == 0 {
		r.bad(path+"versions", "an empty list: want at least one version")
	}
}

// ReadChoice reads one choice as it is given on a command line: key=value. The
// list of versions is written with commas.
func ReadChoice(s string) (func(*ofd.Options), error) {
	key, value, ok := strings.Cut(s, "=")
	if !ok {
		return nil, fmt.Errorf("%q: want key=value", s)
	}
	if key == "versions" {
		value = "[" + value + "]"
	}
	var c choices
	r, err := read("choice", []byte(key+": "+value), &c)
	if err == nil {
		c.check(r, "")
		err = r.err()
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", s, err)
	}
	return c.apply, nil
}

// Choices lists the keys of the choices.
func Choices() []string { return names(reflect.TypeFor[choices]()) }
