package reports

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/check"
	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// stated is a run with these results, in rows 1, 2, 3...
func stated(t *testing.T, end string, results ...check.Result) Run {
	t.Helper()
	log := history.NewMemory(clock.NewVirtual(time.Time{}, nil))
	if _, err := log.Append(history.Bench, history.RunBegin{Section: "I"}); err != nil {
		t.Fatal(err)
	}
	if end != "" {
		if _, err := log.Append(history.Bench, history.RunEnd{Reason: end}); err != nil {
			t.Fatal(err)
		}
	}
	r := Run{Section: "I", View: log.View(), Digests: Digests{Record: strings.Repeat("12", 32), Profile: strings.Repeat("34", 32)}, Edition: regulation.Edition{ID: "kz-1", Digest: strings.Repeat("56", 32), Sections: []regulation.Section{{ID: "I"}}}}
	for i, res := range results {
		n := string(rune('1' + i))
		r.Edition.Sections[0].Rows = append(r.Edition.Sections[0].Rows, regulation.Row{Section: "I", Number: n, Kind: regulation.PlainRow})
		r.Findings = append(r.Findings, check.Finding{Edition: "kz-1", Section: "I", Row: n, Result: res})
	}
	return r
}

func TestStatement(t *testing.T) {
	const pass, fail, open, no, na = check.Pass, check.Fail, check.Unknown, check.NotChecked, check.NotApplicable
	for _, tt := range []struct {
		name                   string
		end                    string
		results                []check.Result
		want                   string
		passed, warned, failed []string
	}{
		{"all pass", "finished", []check.Result{pass, na}, "PASSED", []string{"I 1"}, nil, nil},
		{"one fails", "finished", []check.Result{pass, fail, open}, "FAILED", []string{"I 1"}, []string{"I 3"}, []string{"I 2"}},
		{"one is open", "finished", []check.Result{pass, open, no, check.Error}, "WARNED", []string{"I 1"}, []string{"I 2", "I 3", "I 4"}, nil},
		{"nothing was looked at", "finished", []check.Result{na, check.NotSelected}, "WARNED", nil, nil, nil},
		{"the record breaks off", "", []check.Result{pass}, "WARNED", []string{"I 1"}, nil, nil},
		{"stopped", "aborted", []check.Result{pass}, "WARNED", []string{"I 1"}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := WriteStatement(&b, stated(t, tt.end, tt.results...)); err != nil {
				t.Fatal(err)
			}
			var s statement
			if err := json.Unmarshal(b.Bytes(), &s); err != nil {
				t.Fatal(err)
			}
			p := s.Predicate
			if p.Result != tt.want || !slices.Equal(p.Passed, tt.passed) || !slices.Equal(p.Warned, tt.warned) || !slices.Equal(p.Failed, tt.failed) {
				t.Errorf("got %+v", p)
			}
			if s.Type != "https://in-toto.io/Statement/v1" || len(s.Subject) != 1 || s.Subject[0].Name != "history.jsonl" || s.Subject[0].Digest["sha256"] != strings.Repeat("12", 32) {
				t.Errorf("got %+v", s)
			}
		})
	}
	bare := stated(t, "finished", pass)
	bare.Digests = Digests{}
	if err := WriteStatement(&bytes.Buffer{}, bare); err == nil {
		t.Error("a statement about nothing was written")
	}
}

// The signature is over DSSE's encoding of type and payload; the string is the
// one that the DSSE protocol gives as its example.
func TestEnvelope(t *testing.T) {
	if got, want := string(preAuth("http://example.com/HelloWorld", []byte("hello world"))), "DSSEv1 29 http://example.com/HelloWorld 11 hello world"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteEnvelope(&b, stated(t, "finished", check.Pass), key); err != nil {
		t.Fatal(err)
	}
	var e envelope
	if err := json.Unmarshal(b.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
	if err != nil {
		t.Fatal(err)
	}
	if e.PayloadType != "application/vnd.in-toto+json" || !ed25519.Verify(public, preAuth(e.PayloadType, payload), sig) {
		t.Error("the signature does not hold")
	}
	payload[len(payload)/2] ^= 1
	if ed25519.Verify(public, preAuth(e.PayloadType, payload), sig) {
		t.Error("a changed payload holds too")
	}
}

func TestParseKey(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block := func(k any) []byte {
		raw, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
	}
	if k, err := ParseKey(block(key)); err != nil || !k.Equal(key) {
		t.Errorf("%v", err)
	}
	for _, tt := range []struct {
		raw  []byte
		want string
	}{{[]byte("none"), "no PEM block"}, {block(other), "want Ed25519"}, {pem.EncodeToMemory(&pem.Block{Type: "X", Bytes: []byte{1}}), `PEM block "X"`}} {
		if _, err := ParseKey(tt.raw); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}
