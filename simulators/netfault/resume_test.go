package netfault

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
)

// A fault that is set again with its past goes on where it was.
func TestResume(t *testing.T) {
	// Flap: down 10 s, up 20 s. It was set 25 s ago: 5 s are left of 'up'.
	w := newWorld(t, Options{})
	if err := w.link.Resume("flap", Flap{Down: 10 * time.Second, Up: 20 * time.Second}, Past{Since: 25 * time.Second, Seen: 7, Struck: 3}); err != nil {
		t.Fatal(err)
	}
	w.connect()
	w.pass(4*time.Second + 999*ms)
	w.connect()
	w.pass(ms)
	late := w.dial()
	w.pass(500 * ms)
	if late.opened {
		t.Error("the link is up when it was to be down")
	}
	if text := w.events("fault.set")[0].Body.(history.FaultSet).Fault; !strings.Contains(text, "goes on after 25s, 7 packets seen, 3 struck") {
		t.Errorf("on record: %q", text)
	}
	if n := w.clear("flap"); n < 4 {
		t.Errorf("%d struck, want those before the stop too", n)
	}

	// An ordinal that had its packet does not strike again.
	for _, seen := range []int{1, 2} {
		w := newWorld(t, Options{})
		kkm, _ := w.connect()
		if err := w.link.Resume("nth", Drop{Match: Match{What: Data}, Pick: Pick{Nth: 2}}, Past{Since: time.Second, Seen: seen, Struck: seen - 1}); err != nil {
			t.Fatal(err)
		}
		kkm.conn.Send([]byte("x"))
		w.pass(time.Second)
		if n := w.clear("nth"); n != 1 {
			t.Errorf("%d seen before: %d struck in all, want 1", seen, n)
		}
	}

	// Chance goes on as well: the fifth packet is decided like the fifth packet.
	fate := func(past int) (out []bool) {
		w := newWorld(t, Options{})
		kkm, ofd := w.connect()
		if err := w.link.Resume("loss", Drop{Match: Match{Dir: ToOFD, What: Data, FirstTry: true}, Pick: Pick{Share: 0.5}}, Past{Seen: past}); err != nil {
			t.Fatal(err)
		}
		for range 20 - past {
			n := ofd.got.Len()
			kkm.conn.Send([]byte("x"))
			w.pass(100 * ms)
			out = append(out, ofd.got.Len() > n)
			w.pass(10 * time.Second)
		}
		return out
	}
	if all, rest := fate(0), fate(8); !reflect.DeepEqual(all[8:], rest) {
		t.Errorf("after 8 packets: %v\nin one run:      %v", rest, all[8:])
	}

	// Connections that are open are left alone.
	kkm, ofd := w.connect()
	if err := w.link.Resume("rst", CutRST{}, Past{Since: time.Hour}); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	if kkm.closed+ofd.closed != 0 {
		t.Error("a fault that goes on began anew")
	}
	if err := w.link.Resume("minus", Cut{}, Past{Since: -1}); err == nil {
		t.Error("a past in the future was taken")
	}
}

// A fault that never struck is told, and so on record.
func TestUnspent(t *testing.T) {
	w := newWorld(t, Options{})
	w.set("never", Drop{Match: Match{What: Fin}})
	w.set("lifted", Drop{Match: Match{What: Rst}})
	w.set("spent", Delay{Match: Match{What: Frames}, Fixed: ms})
	w.connect()
	w.clear("lifted")
	if got := w.link.Unspent(); !reflect.DeepEqual(got, []string{"lifted", "never"}) {
		t.Errorf("unspent %q", got)
	}
	if f := w.events("fault.cleared")[0].Body.(history.FaultCleared).Figure; f != "it never struck" {
		t.Errorf("on record: %q", f)
	}
	for _, id := range []string{"never", "spent"} {
		if w.link.Spent(id) != (id == "spent") {
			t.Errorf("%s: spent %v", id, w.link.Spent(id))
		}
	}
}
