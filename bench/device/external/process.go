package external

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/bench/device"
	"github.com/kkmtest/kkmtest/bench/history"
)

// Bench choices about the program.
const (
	endTime  = 2 * time.Second // for a program to end by itself after close
	lastWord = 2 << 10         // of its standard error, kept for messages
)

// Check looks at a program before a run: an absolute path to a regular file
// that may be executed and that not everybody may rewrite.
func Check(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("driver %q: want an absolute path, such as exec:/opt/vendor/driver", path)
	}
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("driver: %w", err)
	case !st.Mode().IsRegular():
		return fmt.Errorf("driver %s: it is no file: want a program", path)
	case st.Mode()&0o111 == 0:
		return fmt.Errorf("driver %s: it may not be executed: chmod +x %s", path, path)
	case st.Mode()&0o002 != 0:
		return fmt.Errorf("driver %s: everybody may rewrite it, so nobody knows what would run: chmod o-w %s", path, path)
	}
	return nil
}

// process is a running program. Its reader works on its own goroutine and
// writes down what is reported as it arrives.
type process struct {
	loop clock.Loop
	j    history.Journal
	cmd  *exec.Cmd
	in   io.WriteCloser

	mu    sync.Mutex
	want  uint64        // the call that waits, 0: none
	got   chan reply    // of that call
	cause history.Seq   // Intent under way
	input clock.Instant // when the program said that the input was complete
	err   error         // why it is over
	words bytes.Buffer  // last words on standard error

	over chan struct{} // the reader has ended and err is set
	died chan struct{} // the process has been waited for
	exit error         // of it, when died is closed
}

type reply struct {
	result json.RawMessage
	err    error
}

// environment is all that a program gets of the bench's environment: enough to
// find an interpreter and to read Cyrillic.
func environment() []string {
	env := []string{"LANG=C.UTF-8", "PYTHONUNBUFFERED=1"}
	for _, k := range []string{"PATH", "HOME", "TMPDIR", "TZ"} {
		if v, ok := os.LookupEnv(k); ok {
			env = append(env, k+"="+v)
		}
	}
	return env
}

func start(loop clock.Loop, j history.Journal, o Options) (*process, error) {
	cmd := exec.Command(o.Path, o.Args...)
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that its own children end with it
	p := &process{loop: loop, j: j, cmd: cmd, over: make(chan struct{}), died: make(chan struct{})}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("driver %s: %w", o.Path, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("driver %s: %w", o.Path, err)
	}
	p.in, cmd.Stderr, cmd.WaitDelay = in, (*lastWords)(p), endTime
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("driver: %w", err)
	}
	go func() {
		err := p.read(out)
		if err != nil && !errors.Is(err, io.EOF) {
			p.kill() // it does not keep to the protocol: nothing more of it counts
		}
		_, _ = io.Copy(io.Discard, out)
		p.exit = cmd.Wait()
		close(p.died)
		p.mu.Lock()
		if errors.Is(err, io.EOF) {
			err = ErrEnded
			if p.exit != nil {
				err = fmt.Errorf("%w: %w", ErrEnded, p.exit)
			}
		}
		if s := p.said(); s != "" {
			err = fmt.Errorf("%w; its last words: %s", err, s)
		}
		p.err = err
		p.mu.Unlock()
		close(p.over)
	}()
	return p, nil
}

// lastWords keeps the end of standard error.
type lastWords process

func (w *lastWords) Write(b []byte) (int, error) {
	p := (*process)(w)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.words.Write(b)
	if over := p.words.Len() - lastWord; over > 0 {
		p.words.Next(over)
	}
	return len(b), nil
}

// said is what the program wrote on standard error, fit for a message.
func (p *process) said() string {
	s := strings.Map(func(r rune) rune {
		if r == '\n' {
			return '|'
		}
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.TrimSpace(p.words.String()))
	return s
}

// read takes lines until the program ends or breaks the protocol.
func (p *process) read(out io.Reader) error {
	lines := bufio.NewScanner(out)
	lines.Buffer(make([]byte, 4096), maxLine)
	for lines.Scan() {
		raw := bytes.TrimSpace(lines.Bytes())
		if len(raw) == 0 {
			continue
		}
		s, err := parse(raw)
		if err != nil {
			return err
		}
		if err := p.take(s, raw); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line of more than %d bytes", maxLine)
	}
	if err := lines.Err(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return io.EOF
}

func (p *process) take(s said, raw []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var causes []history.Seq
	if p.cause != 0 {
		causes = []history.Seq{p.cause}
	}
	switch {
	case s.Event == "bytes":
		_, err := p.j.Append(history.Driver, history.HostBytes{Dir: history.Dir(s.Dir), Data: s.Data, Note: s.Note}, causes...)
		return err
	case s.Event == "entered":
		p.input = p.loop.Now()
		return nil
	case s.ID != p.want:
		// The call was given up; what came of it still is evidence.
		_, err := p.j.Append(history.Driver, history.HostBytes{Dir: history.FromDevice, Data: append([]byte(nil), raw...),
			Note: fmt.Sprintf("answer of the driver program to call %d, which was given up", s.ID)}, causes...)
		return err
	}
	r := reply{result: append(json.RawMessage(nil), s.Result...)}
	if s.Error != nil {
		r.err = s.Error.err()
	}
	p.want = 0
	p.got <- r
	return nil
}

// begin ties what is reported from now on to an Intent; 0: to none.
func (p *process) begin(intent history.Seq) {
	p.mu.Lock()
	p.cause, p.input = intent, clock.Instant{}
	p.mu.Unlock()
}

// entered is when the input was complete; zero when the program did not say.
func (p *process) entered() clock.Instant {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.input
}

func (p *process) send(c call) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, err = p.in.Write(append(raw, '\n'))
	return err
}

// call writes a line and waits for the answer of the same number.
func (p *process) call(ctx context.Context, limit time.Duration, c call, into any) error {
	got := make(chan reply, 1)
	p.mu.Lock()
	p.want, p.got = c.ID, got
	p.mu.Unlock()
	late := make(chan struct{})
	defer p.loop.AfterFunc(limit, func() { close(late) }).Stop()
	// A program that reads nothing must not hold the bench, and one that has closed
	// its input shows by its end or its silence.
	go func() { _ = p.send(c) }()
	finish := func(r reply) error {
		if r.err != nil {
			return r.err
		}
		if err := strict(r.result, into); err != nil {
			return fmt.Errorf("result %.200q: %w", r.result, err)
		}
		return nil
	}
	select {
	case r := <-got:
		return finish(r)
	case <-late:
		p.giveUp()
		return fmt.Errorf("no answer within %v: %w", limit, device.ErrSilent)
	case <-ctx.Done():
		p.giveUp()
		return ctx.Err()
	case <-p.over:
		select {
		case r := <-got: // its last line
			return finish(r)
		default:
			return p.reason()
		}
	}
}

func (p *process) giveUp() {
	p.mu.Lock()
	p.want = 0
	p.mu.Unlock()
}

func (p *process) reason() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// kill ends the program and what it has started.
func (p *process) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// end closes the program's input and waits for it; one that stays is killed.
func (p *process) end(c call) error {
	go func() {
		_ = p.send(c) // it may be gone already
		_ = p.in.Close()
	}()
	late := make(chan struct{})
	defer p.loop.AfterFunc(endTime, func() { close(late) }).Stop()
	select {
	case <-p.over:
	case <-late:
		select {
		case <-p.died: // its number may belong to somebody else now
		default:
			p.kill()
		}
		<-p.over
	}
	return nil
}
