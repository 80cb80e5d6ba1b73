package reports

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"

	"github.com/kkmtest/kkmtest/bench/check"
)

// The types of in-toto: a statement about files by their digests, and the
// predicate for results of tests.
const (
	statementType = "https://in-toto.io/Statement/v1"
	resultType    = "https://in-toto.io/attestation/test-result/v0.1"
	payloadType   = "application/vnd.in-toto+json"
)

type (
	statement struct {
		Type          string     `json:"_type"`
		Subject       []resource `json:"subject"`
		PredicateType string     `json:"predicateType"`
		Predicate     testResult `json:"predicate"`
	}
	resource struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	}
	testResult struct {
		Result        string     `json:"result"` // PASSED, WARNED, FAILED
		Configuration []resource `json:"configuration"`
		Passed        []string   `json:"passedTests"`
		Warned        []string   `json:"warnedTests"`
		Failed        []string   `json:"failedTests"`
	}
	envelope struct {
		PayloadType string      `json:"payloadType"`
		Payload     string      `json:"payload"` // base64
		Signatures  []signature `json:"signatures"`
	}
	signature struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"` // base64
	}
)

// WriteStatement writes an in-toto statement on the files of the run: which rows
// passed and which failed. Whatever nobody can vouch for (error, unknown,
// notchecked) is a warning, never a pass; rows that do not apply or were not
// selected are left out.
func WriteStatement(w io.Writer, r Run) error {
	raw, err := r.statement()
	if err != nil {
		return fmt.Errorf("statement: %w", err)
	}
	_, err = w.Write(append(raw, '\n'))
	return err
}

func (r Run) statement() ([]byte, error) {
	ls, err := r.lines()
	if err != nil {
		return nil, err
	}
	s := statement{Type: statementType, PredicateType: resultType, Subject: []resource{}, Predicate: testResult{
		Result: "PASSED", Passed: []string{}, Warned: []string{}, Failed: []string{}, Configuration: []resource{{r.Edition.ID, sha(r.Edition.Digest)}},
	}}
	for _, x := range []struct{ name, sum string }{{"history.jsonl", r.Digests.Record}, {"capture.pcapng", r.Digests.Capture}} {
		if x.sum != "" {
			s.Subject = append(s.Subject, resource{x.name, sha(x.sum)})
		}
	}
	if len(s.Subject) == 0 {
		return nil, fmt.Errorf("the digest of the record is not known: there is nothing to state anything about")
	}
	for _, x := range []struct{ name, sum string }{{"profile.yaml", r.Digests.Profile}, {"kkmtest", r.Bench.Build}} {
		if x.sum != "" {
			s.Predicate.Configuration = append(s.Predicate.Configuration, resource{x.name, sha(x.sum)})
		}
	}
	p := &s.Predicate
	for _, l := range ls {
		if !l.Counts {
			continue
		}
		name := l.Section + " " + l.Row.Number
		switch l.Verdict.Result {
		case check.Pass:
			p.Passed = append(p.Passed, name)
		case check.Fail:
			p.Failed = append(p.Failed, name)
		case check.Error, check.Unknown, check.NotChecked:
			p.Warned = append(p.Warned, name)
		}
	}
	switch {
	case len(p.Failed) > 0:
		p.Result = "FAILED"
	case len(p.Warned) > 0 || len(p.Passed) == 0 || r.End() != Finished:
		p.Result = "WARNED"
	}
	return json.Marshal(s)
}

func sha(hex string) map[string]string { return map[string]string{"sha256": hex} }

// WriteEnvelope writes the statement in a DSSE envelope signed with an Ed25519 key.
func WriteEnvelope(w io.Writer, r Run, key ed25519.PrivateKey) error {
	raw, err := r.statement()
	if err != nil {
		return fmt.Errorf("statement: %w", err)
	}
	sum := sha256.Sum256(key.Public().(ed25519.PublicKey))
	e := envelope{PayloadType: payloadType, Payload: base64.StdEncoding.EncodeToString(raw), Signatures: []signature{{
		KeyID: hex.EncodeToString(sum[:]), Sig: base64.StdEncoding.EncodeToString(ed25519.Sign(key, preAuth(payloadType, raw))),
	}}}
	return json.NewEncoder(w).Encode(e)
}

// preAuth is what DSSE signs: type and payload with their lengths, so that neither
// can be taken for the other.
func preAuth(kind string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
}

// ParseKey reads an Ed25519 private key in PEM (PKCS #8, as openssl genpkey writes it).
func ParseKey(raw []byte) (ed25519.PrivateKey, error) {
	b, _ := pem.Decode(raw)
	if b == nil {
		return nil, fmt.Errorf("no PEM block: want a private key as openssl genpkey -algorithm ed25519 writes it")
	}
	k, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		return nil, fmt.Errorf("PEM block %q: %w", b.Type, err)
	}
	key, ok := k.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("a key of type %T: want Ed25519", k)
	}
	return key, nil
}
