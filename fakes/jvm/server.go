// Package jvm is a backend on a real JVM with a small heap, which can be filled: one Java file, on the JDK's own HTTP
// server. Server says how it runs, Build compiles it, Command starts it. It needs a JDK: Missing tells.
//
// A JVM whose heap is full collects garbage all the time and finds none. It burns a processor, keeps its port open, and hardly
// answers; it does not end unless it is told to (ExitOnOutOfMemoryError), which this one is not.
package jvm

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Fill is the path that fills the heap, by POST.
const Fill = "/fill"

//go:embed Backend.java
var source []byte

const class = "Backend"

// Server says how it runs. The zero value works.
type Server struct {
	Heap    int    `json:"heap,omitempty"`    // -Xmx in MB, 8 to 1024; 0: 32
	Name    string `json:"name,omitempty"`    // in X-Backend; empty: "jvm"
	Version string `json:"version,omitempty"` // in X-Version; empty: "1"
}

// Check tells what is wrong with the server.
func (s Server) Check() error {
	if s.Heap != 0 && (s.Heap < 8 || s.Heap > 1024) {
		return fmt.Errorf("heap %d is out of range: want 8 to 1024 MB", s.Heap)
	}
	return nil
}

// UnmarshalJSON reads a server and checks it; an unknown field is an error.
func (s *Server) UnmarshalJSON(data []byte) error {
	type plain Server
	*s = Server{} // an element of a list may hold a former one
	return script.DecodeChecked("JVM server", data, (*plain)(s), func() error { return s.Check() })
}

// Missing says why the server cannot run here, nil when it can.
func Missing() error {
	for _, program := range []string{"javac", "java"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("missing: %s, a JDK's (apt-get install default-jdk-headless)", program)
		}
	}
	return nil
}

// Build compiles the server into dir, which must exist, unless that is done already.
func Build(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, class+".class")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file := filepath.Join(dir, class+".java")
	if err := os.WriteFile(file, source, 0o644); err != nil {
		return fmt.Errorf("JVM server: %w", err)
	}
	out, err := exec.CommandContext(ctx, "javac", "-J-XX:TieredStopAtLevel=1", "-d", dir, file).CombinedOutput()
	if err != nil {
		return fmt.Errorf("JVM server: javac %s: %w: %s", file, err, out)
	}
	return nil
}

// Command gives what starts the server on addr, host:port, that was built in dir.
func (s Server) Command(dir, addr string) (path string, args []string, err error) {
	if err := s.Check(); err != nil {
		return "", nil, fmt.Errorf("JVM server: %w", err)
	}
	host, port, ok := strings.Cut(addr, ":")
	if !ok {
		return "", nil, fmt.Errorf("JVM server: address %q: want host:port", addr)
	}
	if path, err = exec.LookPath("java"); err != nil {
		return "", nil, fmt.Errorf("JVM server: %w", err)
	}
	heap := strconv.Itoa(cmp.Or(s.Heap, 32)) + "m"
	// The serial collector never gives up; the others would throw once most of the time is spent on collecting.
	return path, []string{"-Xmx" + heap, "-Xms" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", dir,
		class, host, port, cmp.Or(s.Name, "jvm"), cmp.Or(s.Version, "1")}, nil
}
