package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
)

var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func journal(limit int) *Journal { return New(clock.NewVirtual(day, nil), limit) }

func (j *Journal) add(t testing.TB, b history.Body, causes ...history.Seq) history.Seq {
	t.Helper()
	n, err := j.Append(history.OFD, b, causes...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func request(t testing.TB, m *canon.Request) []byte {
	t.Helper()
	b, err := cpcr.EncodeLoose(cpcr.Header{Version: cpcr.V204, ID: 7, Token: 1, ReqNum: 2}, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func system(t testing.TB) []byte {
	return request(t, &canon.Request{Command: canon.CommandTypeEnum_COMMAND_SYSTEM.Enum()})
}

// The record is bounded by bytes, the oldest go first, and a reader is told how
// many he missed.
func TestForgetsTheOldest(t *testing.T) {
	j := journal(10 * (200 + 20))
	for range 25 {
		j.add(t, history.Frame{Dir: history.FromDevice, Bytes: make([]byte, 20)})
	}
	ctx := context.Background()
	for _, tt := range []struct {
		after history.Seq
		most  int
		first history.Seq
		n     int
		lost  uint64
	}{{0, 100, 16, 10, 15}, {15, 100, 16, 10, 0}, {14, 100, 16, 10, 1}, {20, 3, 21, 3, 0}, {24, 100, 25, 1, 0}} {
		ev, lost, err := j.Since(ctx, tt.after, tt.most)
		if err != nil || len(ev) != tt.n || ev[0].Seq != tt.first || lost != tt.lost {
			t.Errorf("after %d: %d events from %v, %d lost, %v", tt.after, len(ev), ev, lost, err)
		}
	}
	if j.held > j.limit || j.Last() != 25 {
		t.Errorf("%d bytes held, last %d", j.held, j.Last())
	}
	// One event larger than the bound is still kept: it is the latest.
	j.add(t, history.Frame{Bytes: make([]byte, 100000)})
	if ev, lost, _ := j.Since(ctx, 25, 9); len(ev) != 1 || lost != 0 {
		t.Errorf("%d events, %d lost", len(ev), lost)
	}
}

func TestSinceWaits(t *testing.T) {
	j := journal(1 << 20)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	got := make(chan history.Seq, 2)
	for range 2 {
		wg.Go(func() {
			ev, _, err := j.Since(ctx, 0, 9)
			if err != nil || len(ev) == 0 {
				t.Errorf("%v, %v", ev, err)
				return
			}
			got <- ev[0].Seq
		})
	}
	j.add(t, history.Conn{ID: 1, State: "open"})
	wg.Wait()
	if a, b := <-got, <-got; a != 1 || b != 1 {
		t.Errorf("events %d and %d", a, b)
	}
	cancel()
	if _, _, err := j.Since(ctx, 1, 9); err == nil {
		t.Error("a reader who left still waits")
	}
}

func TestExchanges(t *testing.T) {
	j := journal(1 << 20)
	first := j.add(t, history.Frame{Conn: 1, Dir: history.FromDevice, Bytes: system(t)})
	j.add(t, history.Scripted{ID: "r", Action: "a"}, first)
	second := j.add(t, history.Frame{Conn: 2, Dir: history.FromDevice, Bytes: system(t)})
	j.add(t, history.Observation{Field: "f"}, first)
	j.add(t, history.Observation{Field: "g"}, first)
	j.add(t, history.Booked{Device: 7, What: "accepted"}, second)
	j.add(t, history.Booked{Device: 7, What: "refused", Code: 2}, first)
	j.add(t, history.Frame{Conn: 1, Dir: history.ToDevice, Bytes: []byte{1}}, first)
	j.add(t, history.Conn{ID: 1, State: "closed"})
	all := j.Exchanges(nil, 9)
	if len(all) != 2 || all[0].Request.Seq != second || all[0].Answer != nil || all[0].Booked.What != "accepted" {
		t.Fatalf("%+v, want the second one first and unanswered", all)
	}
	x := all[1]
	if x.Booked.Code != 2 || len(x.Observed) != 2 || len(x.Scripted) != 1 || x.Answer == nil || x.Answered == nil || x.Header().ID != 7 {
		t.Errorf("%+v", x)
	}
	if some := j.Exchanges(func(x Exchange) bool { return len(x.Observed) > 0 }, 9); len(some) != 1 || some[0].Request.Seq != first {
		t.Errorf("with observations: %+v", some)
	}
	if some := j.Exchanges(nil, 1); len(some) != 1 || some[0].Request.Seq != second {
		t.Errorf("the newest: %+v", some)
	}
	if _, ok := j.Exchange(first); !ok {
		t.Error("not found by its number")
	}
	if _, ok := j.Exchange(first + 1); ok {
		t.Error("an event that is no request was found")
	}
}

// The password of a login is nowhere: not in the bytes, not in the text, also
// when the message is cut off, has it twice or hides its command.
func TestPasswordsAreBlotted(t *testing.T) {
	secret := "құпия-5512"
	m := &canon.Request{Command: canon.CommandTypeEnum_COMMAND_AUTH.Enum(), Auth: &canon.AuthRequest{Login: proto.String("asan"), Password: proto.String(secret)}}
	whole := request(t, m)
	payload := whole[cpcr.HeaderSize:]
	h := cpcr.Header{Version: cpcr.V204, ID: 7}
	framed := func(p []byte) []byte {
		h.Size = uint32(cpcr.HeaderSize + len(p))
		return append(h.Append(nil), p...)
	}
	for name, f := range map[string][]byte{
		"whole":             whole,
		"twice":             framed(append(bytes.Clone(payload), payload...)),
		"command last":      framed(append(bytes.Clone(payload[2:]), payload[:2]...)),
		"another command":   framed(append([]byte{8, 0}, payload[2:]...)),
		"cut in the secret": whole[:len(whole)-3],
	} {
		was := bytes.Clone(f)
		j := journal(1 << 20)
		j.add(t, history.Frame{Dir: history.FromDevice, Bytes: f})
		ev, _, _ := j.Since(context.Background(), 0, 1)
		kept := ev[0].Body.(history.Frame)
		raw, err := JSON(ev[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{secret, secret[:12]} {
			if bytes.Contains(kept.Bytes, []byte(part)) || bytes.Contains(raw, []byte(part)) || strings.Contains(Text(kept), part) {
				t.Errorf("%s: the password is there", name)
			}
		}
		if len(kept.Bytes) != len(f) || !bytes.Equal(f, was) || !bytes.Contains(kept.Bytes, []byte("asan")) {
			t.Errorf("%s: more than the password was touched, or the caller's bytes", name)
		}
	}
	j := journal(1 << 20)
	plain := system(t)
	j.add(t, history.Frame{Dir: history.FromDevice, Bytes: plain})
	if ev, _, _ := j.Since(context.Background(), 0, 1); !bytes.Equal(ev[0].Body.(history.Frame).Bytes, plain) {
		t.Error("a message without a password was changed")
	}
}

func TestJSON(t *testing.T) {
	j := journal(1 << 20)
	j.add(t, history.Frame{Conn: 3, Dir: history.FromDevice, Bytes: system(t)})
	j.add(t, history.Booked{Device: 7, Command: "SYSTEM", What: "refused", Code: 2}, 1)
	ev, _, _ := j.Since(context.Background(), 0, 9)
	var frame, booked map[string]any
	for i, into := range []*map[string]any{&frame, &booked} {
		raw, err := JSON(ev[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	body := frame["body"].(map[string]any)
	if frame["kind"] != "frame" || frame["time"] != "2026-03-02T09:00:00.000Z" || !strings.HasPrefix(body["hex"].(string), "a281cc00") || !strings.Contains(body["text"].(string), "COMMAND_SYSTEM") {
		t.Errorf("%v", frame)
	}
	if booked["kind"] != "booked" || booked["body"].(map[string]any)["code"] != 2.0 || booked["causes"].([]any)[0] != 1.0 {
		t.Errorf("%v", booked)
	}
}

// FuzzBlot: whatever the bytes, the length stays and nothing but asterisks is new.
func FuzzBlot(f *testing.F) {
	f.Add(request(f, &canon.Request{Command: canon.CommandTypeEnum_COMMAND_AUTH.Enum(), Auth: &canon.AuthRequest{Login: proto.String("a"), Password: proto.String("b")}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		was := bytes.Clone(b)
		out := blot(b)
		if !bytes.Equal(b, was) || len(out) != len(b) {
			t.Fatal("the caller's bytes were changed")
		}
		for i := range out {
			if out[i] != b[i] && out[i] != '*' {
				t.Fatalf("byte %d: % x", i, out[i])
			}
		}
	})
}
