package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/ofd/script"
)

// Forms say the same as the API, and go through the same reader.

// form reads a small form.
func form(w http.ResponseWriter, q *http.Request) error {
	q.Body = http.MaxBytesReader(w, q.Body, maxBody)
	if err := q.ParseForm(); err != nil {
		return refusal{http.StatusBadRequest, err.Error()}
	}
	return nil
}

// seeOther leads to a page by GET, so that nothing is sent twice.
func seeOther(w http.ResponseWriter, q *http.Request, path string) {
	w.Header().Set("Location", (&url.URL{Path: path, RawQuery: "lang=" + language(q)}).String())
	w.WriteHeader(http.StatusSeeOther)
}

// jsonOf writes a body for the reader; numbers of a form are texts, and stay digits.
func jsonOf(v map[string]any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("form: %w", err)
	}
	return raw, nil
}

// digits is a number of a form: what is none comes out as an error of the reader.
func digits(s string) any {
	if s != "" && json.Valid([]byte(s)) {
		return json.Number(s)
	}
	return s
}

func (a *API) registerForm(w http.ResponseWriter, q *http.Request) {
	if a.failed(w, q, form(w, q)) {
		return
	}
	f := q.PostForm
	v := map[string]any{
		"id": digits(f.Get("id")), "serial": f.Get("serial"), "registration_number": f.Get("registration_number"), "sector": f.Get("sector"),
		"taxpayer": map[string]any{"name": f.Get("name"), "bin": f.Get("bin"), "address": f.Get("address")},
	}
	if t := f.Get("token"); t != "" {
		v["token"] = digits(t)
	}
	raw, err := jsonOf(v)
	var d ofd.Device
	if err == nil {
		d, err = script.ReadDevice(raw)
	}
	if err == nil {
		_, err = a.register(q, d)
	}
	if !a.failed(w, q, err) {
		seeOther(w, q, fmt.Sprintf("/devices/%d", d.ID))
	}
}

func (a *API) actForm(w http.ResponseWriter, q *http.Request) {
	id, err := number(q, "id", 32)
	if err == nil {
		err = form(w, q)
	}
	if a.failed(w, q, err) {
		return
	}
	f := q.PostForm
	v := map[string]any{"device": json.Number(fmt.Sprint(id))}
	switch f.Get("act") {
	case "block":
		v["block"] = f.Get("text")
	case "unblock":
		v["unblock"] = true
	case "tell":
		v["tell"] = []any{map[string]any{"type": f.Get("type"), "text": f.Get("text")}}
	case "deregister":
		v["standing"] = "deregistered"
	case "disconnect":
		v["standing"] = "disconnected"
	case "reinstate":
		v["standing"] = "registered"
	case "token":
		v["new_token"] = json.Number("0")
	}
	raw, err := jsonOf(v)
	var x script.Act
	if err == nil {
		x, err = script.ReadAct(raw)
	}
	if err == nil {
		err = a.doAct(q, x)
	}
	if !a.failed(w, q, err) {
		seeOther(w, q, fmt.Sprintf("/devices/%d", id))
	}
}

func (a *API) rulesForm(w http.ResponseWriter, q *http.Request) {
	if a.failed(w, q, form(w, q)) {
		return
	}
	s, err := script.Load("script", []byte(q.PostForm.Get("script")))
	if err == nil && s.Settings() {
		err = fmt.Errorf("script: only rules can be added while the server runs; choices, cashiers, goods and payments stand in the file that it is started with")
	}
	if err == nil {
		err = a.change(q, func() error {
			for _, r := range s.Rules { // all or none
				if a.stands(r.Name) {
					return refusal{http.StatusConflict, fmt.Sprintf("%s: rule %q stands already: clear it first", r.At, r.Name)}
				}
			}
			for i, r := range s.Rules {
				if err := a.Server.Set(r.Name, r.Rule); err != nil {
					for _, done := range s.Rules[:i] {
						a.Server.Clear(done.Name)
					}
					return fmt.Errorf("%s: %w", r.At, err)
				}
			}
			return nil
		})
	}
	if !a.failed(w, q, err) {
		seeOther(w, q, "/rules")
	}
}

func (a *API) clearForm(w http.ResponseWriter, q *http.Request) {
	if a.failed(w, q, form(w, q)) {
		return
	}
	_, err := a.dropRule(q, q.PostForm.Get("name"))
	if !a.failed(w, q, err) {
		seeOther(w, q, "/rules")
	}
}
