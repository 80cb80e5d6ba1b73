// Command godriver is an example of a driver program (docs/driver-protocol.md):
// it drives a register that speaks the Shtrih-M host protocol over TCP, as
// simply as that can be done. It shows the shape of a driver and is tested
// against the emulated register; for real work the bench has its own driver.
//
//	kkmtest run --allow-exec --device 'exec:/path/to/godriver?arg=127.0.0.1:7778'
//
// Begin with main, which is the whole protocol with the bench; register.go is
// the protocol with the register.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// call is a line from the bench; only what this driver needs of it.
type call struct {
	ID        uint64 `json:"id"`
	Call      string `json:"call"`
	Passwords struct {
		Admin    string            `json:"admin"`
		Cashiers map[string]string `json:"cashiers"`
	} `json:"passwords"`
	Op op `json:"op"`
}

type op struct {
	Kind    string `json:"kind"`
	Cash    int64  `json:"cash"`
	Receipt *struct {
		Kind  string `json:"kind"`
		Total int64  `json:"total"`
		Lines []struct {
			Kind    string `json:"kind"`
			Name    string `json:"name"`
			Section int    `json:"section"`
			Qty     int64  `json:"qty"`
			Price   int64  `json:"price"`
		} `json:"lines"`
		Payments []struct {
			Kind string `json:"kind"`
			Sum  int64  `json:"sum"`
		} `json:"payments"`
		Discount int64 `json:"discount"`
		Markup   int64 `json:"markup"`
	} `json:"receipt"`
	As struct {
		Cashier  int    `json:"cashier"`
		Admin    bool   `json:"admin"`
		Password string `json:"password"`
	} `json:"as"`
}

// say writes a line to the bench. Standard output belongs to the protocol; what
// a person should read goes to standard error.
func say(v any) {
	raw, err := json.Marshal(v)
	if err == nil {
		_, err = os.Stdout.Write(append(raw, '\n'))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "godriver:", err)
		os.Exit(1)
	}
}

type object = map[string]any

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "godriver: want one argument, HOST:PORT of the register")
		os.Exit(2)
	}
	r := &register{address: os.Args[1], admin: 30, cashiers: map[int]uint32{}, clock: clock.NewReal()}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			fmt.Fprintln(os.Stderr, "godriver:", err)
			os.Exit(1)
		}
		result, err := answer(r, c)
		switch {
		case c.Call == "close":
			say(object{"id": c.ID, "result": object{}})
			return
		case errors.Is(err, errSilent):
			say(object{"id": c.ID, "error": object{"kind": "silent", "text": err.Error()}})
		case errors.Is(err, errNotAble):
			say(object{"id": c.ID, "error": object{"kind": "not-able", "text": err.Error()}})
		case err != nil:
			say(object{"id": c.ID, "error": object{"kind": "failed", "text": err.Error()}})
		default:
			say(object{"id": c.ID, "result": result})
		}
	}
}

var errNotAble = errors.New("this driver cannot do that")

func answer(r *register, c call) (object, error) {
	switch c.Call {
	case "hello":
		r.passwords(c)
		return object{"driver": "godriver", "version": "1", "protocol": 1, "can": []string{"printed"}}, nil
	case "identity":
		return r.identity()
	case "state":
		return r.state()
	case "printed":
		return r.printed()
	case "do":
		return r.do(c.Op)
	case "close":
		return nil, r.close()
	}
	return nil, fmt.Errorf("call %q: %w", c.Call, errNotAble)
}

func (r *register) passwords(c call) {
	if n, err := strconv.ParseUint(c.Passwords.Admin, 10, 32); err == nil {
		r.admin = uint32(n)
	}
	for k, v := range c.Passwords.Cashiers {
		who, err1 := strconv.Atoi(k)
		n, err2 := strconv.ParseUint(v, 10, 32)
		if err1 == nil && err2 == nil {
			r.cashiers[who] = uint32(n)
		}
	}
}

// password is what the operation is asked for with.
func (r *register) password(o op) (uint32, error) {
	if o.As.Password != "" {
		n, err := strconv.ParseUint(o.As.Password, 10, 32)
		if err != nil {
			return 0, fmt.Errorf("a password that is no number: %w", errNotAble)
		}
		return uint32(n), nil
	}
	who := max(o.As.Cashier, 1)
	switch {
	case o.As.Admin, o.As.Cashier == 0 && (o.Kind == "x-report" || o.Kind == "z-report"):
		return r.admin, nil
	case r.cashiers[who] != 0:
		return r.cashiers[who], nil
	}
	return uint32(who), nil
}

// do performs an operation. A refusal is a result; an answer that never came is
// errSilent, and the bench then knows that the effect may have happened.
func (r *register) do(o op) (object, error) {
	pw, err := r.password(o)
	if err != nil {
		return nil, err
	}
	var last reply
	r.final = o.Kind != "receipt" // a receipt ends with its closing command
	switch {
	case o.Kind == "receipt" && o.Receipt != nil:
		last, err = r.receipt(o, pw)
	case o.Kind == "deposit":
		last, err = r.command(0x50, pw, sum(o.Cash))
	case o.Kind == "withdraw":
		last, err = r.command(0x51, pw, sum(o.Cash))
	case o.Kind == "x-report":
		last, err = r.command(0x40, pw)
	case o.Kind == "z-report":
		last, err = r.command(0x41, pw)
	case o.Kind == "copy":
		last, err = r.command(0x8C, pw)
	default:
		return nil, fmt.Errorf("operation %q: %w", o.Kind, errNotAble)
	}
	if err != nil {
		return nil, err
	}
	if last.code != 0 {
		return object{"got": "refused", "code": int(last.code), "text": fmt.Sprintf("command %02Xh was refused", last.command)}, nil
	}
	blur, err := r.paper()
	if err != nil {
		return nil, err
	}
	return object{"got": "done", "blur_ms": blur.Milliseconds()}, nil
}

const (
	answerTime = 30 * time.Second
	pollTime   = 100 * time.Millisecond
	paperTime  = 60 * time.Second
)
