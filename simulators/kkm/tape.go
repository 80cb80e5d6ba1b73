package kkm

import (
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/clock"
)

// tape is the printing unit: documents one after another at the speed of the
// profile. Lines count as printed when their document is through, or when the
// paper went away behind them.
type tape struct {
	paper bool
	out   []string
	jobs  []job
	began time.Duration // of the running job, by the loop's clock
	timer clock.Timer
	watch []func(lines []string) // from outside, outlive the power
}

// put lets lines out of the printer.
func (t *tape) put(lines []string) {
	t.out = append(t.out, lines...)
	for _, f := range t.watch {
		f(lines)
	}
}

// OnPrint hands every line over as it leaves the printer: a printer tap, which
// no command of the host can empty. The lines are not to be changed.
func (r *Register) OnPrint(f func(lines []string)) { r.tape.watch = append(r.tape.watch, f) }

type job struct {
	lines []string
	doc   *document // nil for reports and notes
}

func (t *tape) busy() bool { return len(t.jobs) > 0 }

// printTime is how long a number of lines takes.
func (r *Register) printTime(lines int) time.Duration {
	return time.Duration(lines)*time.Second/time.Duration(r.profile.Printer.Speed) + r.q.slowPrint
}

// printEnd is when a document of so many lines will be through, behind what is
// in front of it.
func (r *Register) printEnd(lines int) time.Time {
	end := r.now().Add(r.printTime(lines))
	for _, j := range r.tape.jobs {
		end = end.Add(r.printTime(len(j.lines)))
	}
	return end
}

func (r *Register) print(lines []string) { r.printDoc(lines, nil) }

func (r *Register) printDoc(lines []string, d *document) {
	r.tape.jobs = append(r.tape.jobs, job{lines, d})
	if len(r.tape.jobs) == 1 {
		r.roll()
	}
}

// roll prints the first job.
func (r *Register) roll() {
	t := &r.tape
	if !t.paper || len(t.jobs) == 0 {
		return
	}
	t.began = r.loop.Now().Mono
	t.timer = r.after(r.printTime(len(t.jobs[0].lines)), func() {
		t.timer = nil
		j := t.jobs[0]
		t.jobs = t.jobs[1:]
		t.put(j.lines)
		if j.doc != nil && r.nv.unprinted == j.doc {
			r.write(&record{Step: stPaper})
		}
		r.roll()
	})
}

// setPaper: KZ 431 row 6. What was printed before the paper went stays printed;
// the rest comes when it is back.
func (r *Register) setPaper(in bool) {
	t := &r.tape
	if in == t.paper {
		return
	}
	t.paper = in
	if in {
		r.roll()
		return
	}
	if t.timer == nil {
		return
	}
	t.timer.Stop()
	t.timer = nil
	j := &t.jobs[0]
	n := int((r.loop.Now().Mono - t.began) * time.Duration(r.profile.Printer.Speed) / time.Second)
	n = min(max(n, 0), len(j.lines)-1)
	t.put(j.lines[:n])
	j.lines = j.lines[n:]
	r.show("ҚАҒАЗ ЖОҚ / НЕТ БУМАГИ")
}

// show writes on the display.
func (r *Register) show(lines ...string) {
	r.display = nil
	for _, l := range lines {
		r.display = append(r.display, strings.Split(l, "\n")...)
	}
}

// tell shows and prints, for registers whose cashier looks at the tape.
func (r *Register) tell(lines []string) {
	r.show(lines...)
	if r.q.displays {
		return
	}
	var all []string
	for _, l := range lines {
		for s := range strings.SplitSeq(l, "\n") {
			all = append(all, r.wrap(s)...)
		}
	}
	r.print(all)
}
