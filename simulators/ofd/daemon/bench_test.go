package daemon

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kkmtest/kkmtest/cpcr"
)

// clients is how many registers sell at a time.
const clients = 64

// processorTime is what a process has used of processors, which says more than
// the clock on a machine that does other things as well.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	// Behind the name, which may have blanks: utime and stime are fields 14 and 15.
	f := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+2:]))
	const tick = time.Second / 100
	var sum time.Duration
	for _, s := range f[11:13] {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(n) * tick
	}
	return sum
}

// load sells n tickets over one connection of each register, each waiting for
// its answer. With pace above 0 a register begins a ticket every pace; the
// time of an answer then counts from when it was due. It returns how long all
// took, and the time of each answer.
func load(b *testing.B, addr string, regs []*register, n int, pace time.Duration) (time.Duration, []time.Duration) {
	b.Helper()
	frames := make([][]byte, len(regs))
	for i, r := range regs {
		if r.nc == nil {
			if err := r.dial(addr); err != nil {
				b.Fatal(err)
			}
		}
		frames[i] = frame(b, cpcr.Header{Version: cpcr.V204, ID: r.id}, sale(r.id, day, 12345))
	}
	times := make([][]time.Duration, len(regs))
	var wg sync.WaitGroup
	began := time.Now()
	for i, r := range regs {
		share := n / len(regs)
		if i < n%len(regs) {
			share++
		}
		wg.Go(func() {
			// Registers do not begin together.
			due := time.Now().Add(pace * time.Duration(i) / time.Duration(len(regs)))
			for range share {
				if pace > 0 {
					time.Sleep(time.Until(due))
				} else {
					due = time.Now()
				}
				r.address(frames[i])
				a, err := r.exchange(frames[i])
				if err != nil || !accepted(a) {
					b.Errorf("register %d: %v % x", r.id, err, a[:min(len(a), 40)])
					return
				}
				h, _ := cpcr.ParseHeader(a, cpcr.MaxResponse)
				r.token = h.Token
				times[i] = append(times[i], time.Since(due))
				due = due.Add(pace)
			}
		})
	}
	wg.Wait()
	return time.Since(began), slices.Concat(times...)
}

// BenchmarkTickets is tickets a second over loopback TCP, with an operator in a
// process of its own on one processor and on two, without a directory and with
// one; beside it in the same run the codec alone: the same request read, the
// same answer written. p99 is that of the answers at half of the load.
func BenchmarkTickets(b *testing.B) {
	b.Run("codec-alone", func(b *testing.B) {
		req := frame(b, cpcr.Header{Version: cpcr.V204, ID: 1, Token: firstToken, ReqNum: 1}, sale(1, day, 12345))
		p, ready := launch(b, "-", 1)
		if err := ready(); err != nil {
			b.Fatal(err)
		}
		r := &register{id: 1, token: firstToken}
		if err := r.dial(p.addr); err != nil {
			b.Fatal(err)
		}
		r.address(req)
		raw, err := r.exchange(req)
		if err != nil || !accepted(raw) {
			b.Fatalf("%v % x", err, raw)
		}
		h, answer, err := cpcr.DecodeResponse(raw)
		if err != nil {
			b.Fatal(err)
		}
		p.stop(b)
		before := processorTime(b, os.Getpid())
		defer func() {
			b.ReportMetric(float64((processorTime(b, os.Getpid())-before).Microseconds())/float64(b.N), "cpu-µs/ticket")
		}()
		for b.Loop() {
			if _, _, err := cpcr.DecodeRequest(req); err != nil {
				b.Fatal(err)
			}
			if _, err := cpcr.EncodeResponse(h, answer); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tickets/s")
	})
	for _, procs := range []int{1, 2} {
		for _, durable := range []bool{false, true} {
			name := map[bool]string{false: "memory", true: "durable"}[durable]
			b.Run(fmt.Sprintf("%s-%d-processors", name, procs), func(b *testing.B) {
				state := "-"
				if durable {
					state = b.TempDir()
				}
				p, ready := launch(b, state, clients, fmt.Sprint("GOMAXPROCS=", procs))
				if err := ready(); err != nil {
					b.Fatal(err)
				}
				defer p.stop(b)
				regs := make([]*register, clients)
				for i := range regs {
					regs[i] = &register{id: uint32(i + 1), token: firstToken}
				}
				load(b, p.addr, regs, 2*clients, 0) // connections open, caches warm
				b.ResetTimer()
				before := processorTime(b, p.cmd.Process.Pid)
				took, _ := load(b, p.addr, regs, b.N, 0)
				b.StopTimer()
				rate := float64(b.N) / took.Seconds()
				b.ReportMetric(rate, "tickets/s")
				b.ReportMetric(float64((processorTime(b, p.cmd.Process.Pid)-before).Microseconds())/float64(b.N), "cpu-µs/ticket")
				if b.N < 1000 {
					return
				}
				pace := time.Duration(float64(clients) / (rate / 2) * float64(time.Second))
				_, times := load(b, p.addr, regs, min(b.N, 10_000), pace)
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms-at-half")
				for _, r := range regs {
					_ = r.nc.Close()
				}
			})
		}
	}
}

// BenchmarkIdleConnections is what 10,000 connections that say nothing cost the
// operator's process, and whether a register beside them is answered.
func BenchmarkIdleConnections(b *testing.B) {
	const many = 10_000
	for b.Loop() {
		p, ready := launch(b, "-", 1)
		if err := ready(); err != nil {
			b.Fatal(err)
		}
		before := p.memory(b)
		open := idle(b, p.addr, many)
		r := &register{id: 1, token: firstToken}
		if err := r.dial(p.addr); err != nil {
			b.Fatal(err)
		}
		f := frame(b, cpcr.Header{Version: cpcr.V204, ID: 1}, sale(1, day, 12345))
		r.address(f)
		began := time.Now()
		a, err := r.exchange(f)
		if err != nil || !accepted(a) {
			b.Fatalf("%v % x", err, a)
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "answer-ms")
		after := p.memory(b)
		b.ReportMetric(float64(after)/(1<<20), "MB")
		b.ReportMetric(float64(after-before)/many, "bytes/connection")
		for _, c := range open {
			_ = c.Close()
		}
		_ = r.nc.Close()
		p.stop(b)
	}
}

// idle opens connections that say nothing.
func idle(t testing.TB, addr string, n int) []net.Conn {
	t.Helper()
	out := make([]net.Conn, 0, n)
	for range n {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("connection %d: %v", len(out)+1, err)
		}
		out = append(out, nc)
	}
	return out
}
