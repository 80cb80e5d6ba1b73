package ofd

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
)

// deviceOf makes a device of what an answer to INFO says.
func deviceOf(t testing.TB, frame []byte) Device {
	t.Helper()
	h, m, err := cpcr.DecodeResponse(frame)
	if err != nil {
		t.Fatal(err)
	}
	r := m.GetService().GetRegInfo()
	d := Device{
		ID: h.ID, Token: h.Token, Serial: r.GetKkm().GetSerialNumber(), Registration: r.GetKkm().GetFnsKkmId(),
		Taxpayer: Taxpayer{r.GetOrg().GetTitle(), r.GetOrg().GetIin(), r.GetOrg().GetAddress(), r.GetOrg().GetAddressKz(), r.GetOrg().GetOked()},
		Pos:      Pos{r.GetPos().GetTitle(), r.GetPos().GetAddress(), r.GetPos().GetAddressKz(), r.GetPos().GetLatitude(), r.GetPos().GetLongitude()},
		Operator: Operator{r.GetOfd().GetTitle(), r.GetOfd().GetTitleKz(), r.GetOfd().GetUrl()},
		Taxation: Taxation{Regime: int32(m.GetService().GetBindedTaxation().GetType())},
		Report:   m.GetReport().GetZxReport(),
		Open:     m.GetReport().GetReport() == canon.ReportTypeEnum_REPORT_X,
		Last:     LastDocument{m.GetService().GetLastDocumentInfo().GetFrShiftNumber(), m.GetService().GetLastDocumentInfo().GetPrintedDocumentNumber()},
	}
	for _, x := range m.GetService().GetBindedTaxation().GetTaxes() {
		d.Taxation.Rates = append(d.Taxation.Rates, fiscal.MilliPercent(x.GetPercent()))
	}
	for _, a := range m.GetService().GetTicketAds() {
		d.Ads = append(d.Ads, Ad{a.GetInfo().GetType(), a.GetInfo().GetVersion(), a.GetText()})
	}
	return d
}

// clockOf is the moment at which a request was made, or zero.
func clockOf(m *canon.Request) (time.Time, bool) {
	for _, d := range []*canon.DateTime{m.GetTicket().GetDateTime(), m.GetReport().GetDateTime(), m.GetMoneyPlacement().GetDateTime(), m.GetCloseShift().GetCloseTime()} {
		if t, ok := cpcr.Time(d, time.UTC); ok {
			return t, true
		}
	}
	return time.Time{}, false
}

// A shift from outside: the requests 01 to 27 get the answers 02 to 28, with
// the tokens and fiscal signs of the answers given to the server beforehand.
func TestVectorsReplayAsOneShift(t *testing.T) {
	files, err := filepath.Glob("../../fixtures/vectors/cpcr/[0-2]*-*.hex")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	var opt Options
	var device Device
	noQR := 0 // the ticket whose answer has no qr_code, from 1
	frames := make([][]byte, 0, 28)
	for _, f := range files[:28] {
		b := vector(t, strings.TrimSuffix(filepath.Base(f), ".hex"))
		frames = append(frames, b)
		if strings.Contains(f, "-resp-info") {
			device = deviceOf(t, b)
		}
	}
	for i := 1; i < len(frames); i += 2 {
		h, m, err := cpcr.DecodeResponse(frames[i])
		if err != nil {
			t.Fatal(err)
		}
		before, _ := cpcr.ParseHeader(frames[i-1], cpcr.MaxRequest)
		if h.Token != before.Token {
			opt.Tokens = append(opt.Tokens, h.Token)
		}
		if x := m.GetTicket(); x != nil {
			opt.Signs = append(opt.Signs, x.GetTicketNumber())
			if x.QrCode == nil {
				noQR = len(opt.Signs)
			}
		}
	}
	w := newWorld(t, opt, device)
	if err := w.s.Set("no-qr", Rule{Commands: []canon.CommandTypeEnum{cmdTicket}, First: noQR, Times: 1, Action: Action{NoQR: true}}); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(frames); i += 2 {
		_, req, err := cpcr.DecodeRequest(frames[i])
		if err != nil {
			t.Fatal(err)
		}
		if at, ok := clockOf(req); ok {
			w.s.Skew(at.Sub(w.clk.Now().Wall))
		}
		got, want := w.raw(frames[i]).sent, frames[i+1]
		gh, gm := w.answer(got)
		wh, wm, err := cpcr.DecodeResponse(want)
		if err != nil {
			t.Fatal(err)
		}
		if gh.Token != wh.Token || gh.ReqNum != wh.ReqNum || gh.ID != wh.ID || gh.Version != wh.Version {
			t.Errorf("%s: header %+v, want %+v", filepath.Base(files[i+1]), gh, wh)
		}
		if !proto.Equal(gm, wm) {
			t.Errorf("%s: answer\n%s\nwant\n%s", filepath.Base(files[i+1]), cpcr.Text(gm), cpcr.Text(wm))
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s: equal in meaning, not in bytes", filepath.Base(files[i+1]))
		}
	}
	if n := w.s.Clear("no-qr"); n != 1 {
		t.Errorf("the rule acted %d times, want 1", n)
	}
	for _, o := range w.observed(0) {
		t.Errorf("observation %+v of a shift that is as it should be", o)
	}
}
