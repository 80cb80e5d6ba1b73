package history

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// decoders makes a body of each kind from its JSON.
var decoders = map[string]func([]byte) (Body, error){}

func register[T Body]() {
	var zero T
	decoders[zero.Kind()] = func(raw []byte) (Body, error) {
		var b T
		err := json.Unmarshal(raw, &b)
		return b, err
	}
}

func init() {
	register[RunBegin]()
	register[StepBegin]()
	register[StepEnd]()
	register[Intent]()
	register[Result]()
	register[HostBytes]()
	register[State]()
	register[Setting]()
	register[Printed]()
	register[Shown]()
	register[Conn]()
	register[Frame]()
	register[Booked]()
	register[Observation]()
	register[Scripted]()
	register[OFDSet]()
	register[OFDCleared]()
	register[FaultSet]()
	register[FaultCleared]()
	register[Struck]()
	register[ClockSet]()
	register[Passed]()
	register[Switched]()
	register[Prompt]()
	register[Answer]()
	register[Submitted]()
	register[Reference]()
	register[Identity]()
	register[BenchFault]()
	register[RunEnd]()
}

// line is the outer form of an event in history.jsonl. The hash covers the hash
// of the line before it and this line up to the hash.
type line struct {
	Seq    Seq             `json:"seq"`
	Mono   time.Duration   `json:"mono_ns"`
	Wall   time.Time       `json:"wall"`
	Source Source          `json:"src"`
	Link   string          `json:"link,omitempty"`
	Causes []Seq           `json:"causes,omitempty"`
	Kind   string          `json:"kind"`
	Body   json.RawMessage `json:"body"`
}

const hashKey = `,"hash":"`

// encode makes the line of e, newline included, and the hash that chains the next one.
func encode(e Event, prev [32]byte) ([]byte, [32]byte, error) {
	body, err := json.Marshal(e.Body)
	if err != nil {
		return nil, prev, fmt.Errorf("event %d (%s): %w", e.Seq, e.Body.Kind(), err)
	}
	raw, err := json.Marshal(line{e.Seq, e.At.Mono, e.At.Wall, e.Source, e.Link, e.Causes, e.Body.Kind(), body})
	if err != nil {
		return nil, prev, fmt.Errorf("event %d (%s): %w", e.Seq, e.Body.Kind(), err)
	}
	raw = raw[:len(raw)-1] // the closing brace comes after the hash
	h := chain(prev, raw)
	raw = append(raw, hashKey...)
	raw = hex.AppendEncode(raw, h[:])
	return append(raw, "\"}\n"...), h, nil
}

func chain(prev [32]byte, raw []byte) [32]byte {
	d := sha256.New()
	d.Write(prev[:])
	d.Write(raw)
	var h [32]byte
	d.Sum(h[:0])
	return h
}

// decode reads a line without its newline and checks it against the chain.
func decode(raw []byte, prev [32]byte) (Event, [32]byte, error) {
	i := bytes.LastIndex(raw, []byte(hashKey))
	if i < 0 || len(raw) != i+len(hashKey)+64+2 {
		return Event{}, prev, fmt.Errorf("not an event line: no hash at its end")
	}
	h := chain(prev, raw[:i])
	if want := string(raw[i+len(hashKey) : i+len(hashKey)+64]); hex.EncodeToString(h[:]) != want {
		return Event{}, prev, fmt.Errorf("chain broken: the hash is %s…, the line says %s…", hex.EncodeToString(h[:4]), want[:8])
	}
	var l line
	if err := json.Unmarshal(raw, &l); err != nil {
		return Event{}, prev, err
	}
	dec, ok := decoders[l.Kind]
	if !ok {
		return Event{}, prev, fmt.Errorf("event %d: kind %q is not known to this version", l.Seq, l.Kind)
	}
	body, err := dec(l.Body)
	if err != nil {
		return Event{}, prev, fmt.Errorf("event %d (%s): %w", l.Seq, l.Kind, err)
	}
	return Event{l.Seq, clock.Instant{Mono: l.Mono, Wall: l.Wall}, l.Source, l.Link, l.Causes, body}, h, nil
}
