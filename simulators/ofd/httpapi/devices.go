package httpapi

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/ofd/script"
)

// civil is a time as registers show it: without a zone. "" for none.
func civil(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02T15:04:05")
}

// device is a register as the API tells of it.
type device struct {
	ID           uint32        `json:"id"`
	Token        uint32        `json:"token"` // that the register has to use next
	Serial       string        `json:"serial"`
	Registration string        `json:"registration_number"`
	Sector       string        `json:"sector,omitempty"`
	Taxpayer     taxpayer      `json:"taxpayer"`
	Pos          pos           `json:"pos"`
	Operator     ofdData       `json:"operator"`
	Standing     standing      `json:"standing"`
	Shift        shiftState    `json:"shift"`
	Cash         fiscal.Tiyn   `json:"cash_tiyn"`
	Tickets      int           `json:"tickets"`
	Documents    int           `json:"documents"`
	LastSign     string        `json:"last_sign,omitempty"`
	Totals       []lifetimeRow `json:"totals"`
}

type taxpayer struct {
	Name      string `json:"name"`
	BIN       string `json:"bin"`
	Address   string `json:"address"`
	AddressKK string `json:"address_kk"`
	OKED      string `json:"oked"`
}

type pos struct {
	Title     string `json:"title"`
	Address   string `json:"address"`
	AddressKK string `json:"address_kk"`
}

type ofdData struct {
	Title   string `json:"title"`
	TitleKK string `json:"title_kk"`
	URL     string `json:"url"`
}

type standing struct {
	Blocked      bool   `json:"blocked"`
	Text         string `json:"text,omitempty"`
	Deregistered bool   `json:"deregistered"`
	Disconnected bool   `json:"disconnected"`
}

type shiftState struct {
	Number    uint32      `json:"number"` // of the running or the last one, 0 before the first
	Open      bool        `json:"open"`
	Opened    string      `json:"opened,omitempty"`
	Documents uint32      `json:"documents"`
	Revenue   fiscal.Tiyn `json:"revenue_tiyn"`
}

// lifetimeRow is what a register has done of one kind of operation in its life.
type lifetimeRow struct {
	Kind    string      `json:"kind"`
	Tickets uint32      `json:"tickets"`
	Sum     fiscal.Tiyn `json:"sum_tiyn"`
}

// kinds are the words for OperationTypeEnum.
var kinds = []string{"BUY", "BUY_RETURN", "SELL", "SELL_RETURN"}

// look describes a device; on the loop.
func (a *API) look(id uint32) (device, bool) {
	i, ok := a.Server.Info(id)
	if !ok {
		return device{}, false
	}
	t, p, o, st, c := i.Taxpayer, i.Pos, i.Operator, i.Standing, i.Counters
	d := device{
		ID: id, Token: i.Token, Serial: i.Serial, Registration: i.Registration, Sector: i.Sector,
		Taxpayer: taxpayer{t.Name, t.BIN, t.Address, t.AddressKZ, t.OKED}, Pos: pos{p.Title, p.Address, p.AddressKZ}, Operator: ofdData{o.Title, o.TitleKZ, o.URL},
		Standing: standing{st.Blocked, st.Text, st.Deregistered, st.Disconnected},
		Shift:    shiftState{Number: c.Shift, Open: c.Open, Documents: c.Documents, Revenue: c.Revenue},
		Cash:     c.Cash, Tickets: i.Tickets, Documents: a.Server.DocumentCount(id), LastSign: i.LastSign, Totals: []lifetimeRow{},
	}
	if c.Open {
		d.Shift.Opened = civil(c.Opened)
	}
	for k, row := range c.Kind {
		d.Totals = append(d.Totals, lifetimeRow{kinds[k], row.Total, row.NonNull})
	}
	return d, true
}

func noDevice(id uint64) error {
	return refusal{http.StatusNotFound, fmt.Sprintf("device %d is not registered", id)}
}

func (a *API) allDevices(q *http.Request) ([]device, error) {
	all := []device{}
	err := a.on(q, func() {
		for _, id := range a.Server.Devices() {
			d, _ := a.look(id)
			all = append(all, d)
		}
	})
	return all, err
}

func (a *API) listDevices(w http.ResponseWriter, q *http.Request) {
	all, err := a.allDevices(q)
	tell(w, http.StatusOK, map[string]any{"devices": all}, err)
}

func (a *API) oneDevice(q *http.Request) (d device, err error) {
	id, err := number(q, "id", 32)
	if err != nil {
		return d, err
	}
	var ok bool
	if err = a.on(q, func() { d, ok = a.look(uint32(id)) }); err == nil && !ok {
		err = noDevice(id)
	}
	return d, err
}

func (a *API) readDevice(w http.ResponseWriter, q *http.Request) {
	d, err := a.oneDevice(q)
	tell(w, http.StatusOK, d, err)
}

// register registers a device.
func (a *API) register(q *http.Request, d ofd.Device) (out device, err error) {
	err = a.change(q, func() error {
		if _, ok := a.Server.Info(d.ID); ok {
			return refusal{http.StatusConflict, fmt.Sprintf("device %d is registered already: change it with PUT /api/devices/%d", d.ID, d.ID)}
		}
		if err := a.Server.Register(d); err != nil {
			return err
		}
		out, _ = a.look(d.ID)
		return nil
	})
	return out, err
}

func (a *API) registerDevice(w http.ResponseWriter, q *http.Request) {
	raw, err := body(w, q)
	if err != nil {
		tell(w, 0, nil, err)
		return
	}
	d, err := script.ReadDevice(raw)
	if err != nil {
		tell(w, 0, nil, err)
		return
	}
	out, err := a.register(q, d)
	if err == nil {
		w.Header().Set("Location", fmt.Sprintf("/api/devices/%d", d.ID))
	}
	tell(w, http.StatusCreated, out, err)
}

func (a *API) amendDevice(w http.ResponseWriter, q *http.Request) {
	id, err := number(q, "id", 32)
	var raw []byte
	if err == nil {
		raw, err = body(w, q)
	}
	var d ofd.Device
	if err == nil {
		d, err = script.ReadDevice(raw)
	}
	if err == nil && uint64(d.ID) != id {
		err = fmt.Errorf("body: id %d: want %d, as in the address", d.ID, id)
	}
	if err == nil && d.Token != 0 {
		err = fmt.Errorf("body: token: a token is given out with POST /api/acts, new_token")
	}
	var out device
	if err == nil {
		err = a.change(q, func() error {
			if _, ok := a.Server.Info(d.ID); !ok {
				return noDevice(id)
			}
			if err := a.Server.Amend(d); err != nil {
				return err
			}
			out, _ = a.look(d.ID)
			return nil
		})
	}
	tell(w, http.StatusOK, out, err)
}

// shift is a shift as the API tells of it.
type shift struct {
	ofd.Shift
	Opened string `json:"opened"`
	Closed string `json:"closed,omitempty"`
}

func (a *API) shifts(q *http.Request, id uint32) (out []shift, err error) {
	out = []shift{}
	var ok bool
	err = a.on(q, func() {
		_, ok = a.Server.Info(id)
		for _, s := range a.Server.Shifts(id) {
			out = append(out, shift{s, civil(s.Opened), civil(s.Closed)})
		}
	})
	if err == nil && !ok {
		err = noDevice(uint64(id))
	}
	return out, err
}

func (a *API) listShifts(w http.ResponseWriter, q *http.Request) {
	id, err := number(q, "id", 32)
	var out []shift
	if err == nil {
		out, err = a.shifts(q, uint32(id))
	}
	tell(w, http.StatusOK, map[string]any{"shifts": out}, err)
}

// document is a document as the API tells of it.
type document struct {
	ofd.Document
	Kind    string `json:"kind,omitempty"` // of a ticket or a cash operation
	Version string `json:"version"`
	At      string `json:"at"`
}

func describe(d ofd.Document) document {
	out := document{Document: d, Version: d.Version.String(), At: civil(d.At)}
	switch d.Command {
	case "TICKET":
		out.Kind = kinds[d.Kind]
	case "MONEY_PLACEMENT":
		out.Kind = []string{"DEPOSIT", "WITHDRAWAL"}[d.Placed]
	}
	return out
}

// documents lists documents of a device: of one shift, or after the first skip.
func (a *API) documents(q *http.Request, id uint32, shift uint32, skip, limit int) (out []document, total int, err error) {
	out = []document{}
	var ok bool
	err = a.on(q, func() {
		if _, ok = a.Server.Info(id); !ok {
			return
		}
		total = a.Server.DocumentCount(id)
		list := a.Server.Documents(id, skip, limit)
		if shift != 0 {
			list = a.Server.ShiftDocuments(id, shift)
			total = len(list)
			list = list[min(skip, len(list)):]
			list = list[:min(limit, len(list))]
		}
		for _, d := range list {
			out = append(out, describe(d))
		}
	})
	if err == nil && !ok {
		err = noDevice(uint64(id))
	}
	return out, total, err
}

func (a *API) listDocuments(w http.ResponseWriter, q *http.Request) {
	id, err := number(q, "id", 32)
	var shift, skip uint64
	limit := uint64(100)
	if err == nil {
		err = query(q, map[string]*uint64{"shift": &shift, "skip": &skip, "limit": &limit})
	}
	if err == nil && (limit < 1 || limit > maxList || shift > 1<<32-1 || skip > 1<<31-1) {
		err = fmt.Errorf("query %q: want limit from 1 to %d", q.URL.RawQuery, maxList)
	}
	var out []document
	var total int
	if err == nil {
		out, total, err = a.documents(q, uint32(id), uint32(shift), int(skip), int(limit))
	}
	tell(w, http.StatusOK, map[string]any{"documents": out, "total": total}, err)
}

// message is a frame for people and programs.
type message struct {
	Hex     string          `json:"hex"`
	Text    string          `json:"text"`
	Decoded json.RawMessage `json:"decoded"`
}

func describeFrame(b []byte, side cpcr.Side) (message, error) {
	m := message{Hex: hex.EncodeToString(b), Decoded: json.RawMessage("null")}
	for _, d := range cpcr.Dissect(b, side) {
		m.Text += d.Text()
		raw, err := json.Marshal(d)
		if err != nil {
			return m, err
		}
		m.Decoded = raw
	}
	return m, nil
}

// kept is a document with its messages.
type kept struct {
	Ref      uint64                `json:"ref"`
	Device   uint32                `json:"device"`
	Request  message               `json:"request"`
	Answer   message               `json:"answer"`
	Observed []history.Observation `json:"observed"`
}

func (a *API) document1(q *http.Request) (k kept, err error) {
	ref, err := number(q, "ref", 63)
	if err != nil {
		return k, err
	}
	e, err := a.Events.Read(ref)
	if err != nil || e.Document == nil {
		return k, refusal{http.StatusNotFound, fmt.Sprintf("document %d: there is none, or its messages are not kept any more", ref)}
	}
	k = kept{Ref: ref, Device: e.Device, Observed: e.Document.Observed}
	if k.Observed == nil {
		k.Observed = []history.Observation{}
	}
	if k.Request, err = describeFrame(e.Document.Request, cpcr.FromKKM); err == nil {
		k.Answer, err = describeFrame(e.Document.Answer, cpcr.FromOFD)
	}
	return k, err
}

func (a *API) readDocument(w http.ResponseWriter, q *http.Request) {
	k, err := a.document1(q)
	tell(w, http.StatusOK, k, err)
}
