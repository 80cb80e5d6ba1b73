package tap

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// tcpLatency is how late the bench notices bytes on a socket of its own.
const tcpLatency = 2 * time.Millisecond

// dialTime is how long the printer may take to accept a connection.
const dialTime = 5 * time.Second

// serve takes the place of a printer on TCP, or stands before it.
func (t *Tap) serve(l net.Listener, to string) {
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	closed := false
	keep := func(c net.Conn) bool {
		mu.Lock()
		defer mu.Unlock()
		if closed {
			_ = c.Close()
			return false
		}
		open[c] = true
		return true
	}
	drop := func(c net.Conn) {
		mu.Lock()
		delete(open, c)
		mu.Unlock()
		_ = c.Close()
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if !keep(c) {
				return
			}
			all.Go(func() {
				defer drop(c)
				if to == "" {
					t.sink(c)
					return
				}
				p, err := net.DialTimeout("tcp", to, dialTime)
				if err != nil {
					return // the till is hung up on, as the printer would do
				}
				if !keep(p) {
					return
				}
				defer drop(p)
				all.Go(func() { _, _ = io.Copy(c, p); drop(c); drop(p) }) // statuses of the printer
				t.copy(p, c)
			})
		}
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.addr = l.Addr().String()
	t.stop = append(t.stop, func() error {
		err := l.Close()
		mu.Lock()
		closed = true
		for c := range open {
			err = errors.Join(err, c.Close())
		}
		mu.Unlock()
		all.Wait()
		if errors.Is(err, net.ErrClosed) {
			err = nil
		}
		return err
	})
}

// Addr is where a tap on TCP listens.
func (t *Tap) Addr() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.addr
}

// copy hands bytes on and takes them down; what is taken down first is in the
// record even when the printer is gone.
func (t *Tap) copy(to io.Writer, from io.Reader) {
	p := make([]byte, 4096)
	for {
		n, err := from.Read(p)
		if n > 0 {
			t.Receive(p[:n])
			if _, err := to.Write(p[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// online is the status byte of a printer that has nothing to complain of.
const online = 0x12

// sink stands for the printer: it answers the questions that some tills put
// before they send a receipt (DLE EOT, GS r).
func (t *Tap) sink(c net.Conn) {
	p := make([]byte, 4096)
	var tail []byte
	for {
		n, err := c.Read(p)
		if n > 0 {
			t.Receive(p[:n])
			var answer []byte
			tail, answer = questions(append(tail, p[:n]...))
			if len(answer) > 0 {
				if _, err := c.Write(answer); err != nil {
					return
				}
			}
		}
		if err != nil {
			return
		}
	}
}

// questions finds status requests in what came and keeps a beginning that may be
// one. Raster data may hold the same bytes; an answer too many does no harm.
func questions(p []byte) (tail, answer []byte) {
	for i := 0; i < len(p); i++ {
		if p[i] != 0x10 && p[i] != 0x1D {
			continue
		}
		if i+2 >= len(p) {
			return append([]byte(nil), p[i:]...), answer
		}
		switch {
		case p[i] == 0x10 && p[i+1] == 0x04:
			answer = append(answer, online)
		case p[i] == 0x1D && p[i+1] == 'r':
			answer = append(answer, 0)
		}
	}
	return nil, answer
}
