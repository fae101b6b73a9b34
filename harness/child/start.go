package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// Spec says what to start.
type Spec struct {
	Name string   // for logs, callbacks and the log file; need not be unique: "consumer/0"
	Path string   // program; without a slash it is looked up in the harness's PATH
	Args []string // arguments after the program's name
	Env  []string // complete environment as NAME=value; the last of equal names counts
	Dir  string   // working directory; "" means the group's

	InheritEnv    bool // put Env on top of the harness's own environment
	Stdin         bool // give it a pipe, written by Process.Stdin; otherwise /dev/null
	CaptureStdout bool // keep the first 1 MB of stdout lines for Process.Stdout

	// Edit sees every line first, from the goroutine that reads the output; it must not block. The
	// line goes on to the log file and to OnLine as it returns it, or not at all. nil changes nothing.
	Edit func(line string) (edited string, keep bool)
}

// Start starts a process: its own process group (a Ctrl-C does not reach it), the group's mark in its
// environment, dead when the harness is dead.
func (g *Group) Start(s Spec) (*Process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, fmt.Errorf("child: start %s: %w", s.Name, ErrClosed)
	}
	p, err := g.launch(s)
	if err != nil {
		return nil, fmt.Errorf("child: start %s: %w", s.Name, err)
	}
	g.procs[p] = struct{}{}
	return p, nil
}

func (g *Group) launch(s Spec) (*Process, error) {
	pipes, err := openPipes(s.Stdin)
	if err != nil {
		return nil, err
	}
	defer pipes.closeTheirs()
	logFile, err := g.openLog(s.Name)
	if err != nil {
		pipes.closeOurs()
		return nil, err
	}
	cmd := g.command(s)
	cmd.Stdout, cmd.Stderr = pipes.stdoutW, pipes.stderrW
	if s.Stdin {
		cmd.Stdin = pipes.stdinR
	}
	if err := g.fork.do(cmd.Start); err != nil {
		pipes.closeOurs()
		if logFile != nil {
			logFile.Close()
		}
		return nil, err
	}
	p := &Process{g: g, spec: s, cmd: cmd, pid: cmd.Process.Pid, stdin: pipes.stdinW, done: make(chan struct{}), exit: Exit{Code: Running}}
	p.out = &output{name: s.Name, log: g.o.Log, edit: s.Edit, file: logFile}
	if s.CaptureStdout {
		p.out.capture = new(bytes.Buffer)
	}
	if g.o.OnStart != nil {
		g.o.OnStart(s.Name, p.pid, shown(s))
	}
	p.out.run(pipes.stdoutR, pipes.stderrR, g.o.OnLine)
	go p.watch()
	return p, nil
}

var password = regexp.MustCompile(`(://[^/?#@\s]*:)[^/?#@\s]*@`)

// shown is the command for people to read, without the passwords of URLs.
func shown(s Spec) string {
	return password.ReplaceAllString(strings.Join(append([]string{s.Path}, s.Args...), " "), "${1}xxxxx@")
}

func (g *Group) command(s Spec) *exec.Cmd {
	cmd := exec.Command(s.Path, s.Args...)
	cmd.Dir = s.Dir
	if cmd.Dir == "" {
		cmd.Dir = g.dir
	}
	if s.InheritEnv {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(append(cmd.Env, s.Env...), g.mark())
	// Between fork and exec the child checks that its parent is still there, after asking for
	// PDEATHSIG, so there is no moment at which a dead harness leaves it alive.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// openLog gives nil when the group keeps no log files.
func (g *Group) openLog(name string) (*os.File, error) {
	if g.o.LogDir == "" {
		return nil, nil
	}
	file := filepath.Join(g.o.LogDir, fileName(name)+".log")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open its log file: %w", err)
	}
	return f, nil
}

// fileName makes a name fit for one path element: "consumer/0" becomes "consumer-0".
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("._-", r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
}

// pipes are a child's three streams: R and W are the two ends. stdin is nil when it is not wanted.
type pipes struct {
	stdinR, stdinW, stdoutR, stdoutW, stderrR, stderrW *os.File
}

func openPipes(stdin bool) (*pipes, error) {
	var p pipes
	var err error
	pipe := func() (r, w *os.File) {
		if err != nil {
			return nil, nil
		}
		r, w, err = os.Pipe()
		return r, w
	}
	p.stdoutR, p.stdoutW = pipe()
	p.stderrR, p.stderrW = pipe()
	if stdin {
		p.stdinR, p.stdinW = pipe()
	}
	if err != nil {
		p.closeOurs()
		p.closeTheirs()
		return nil, errors.Join(errors.New("open its pipes"), err)
	}
	return &p, nil
}

func (p *pipes) closeTheirs() { closeAll(p.stdinR, p.stdoutW, p.stderrW) }
func (p *pipes) closeOurs()   { closeAll(p.stdinW, p.stdoutR, p.stderrR) }

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
