package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// logs keeps a file for each part, new at each start.
type logs struct {
	dir  string
	echo *printer // nil to print nothing

	mu    sync.Mutex
	files map[string]io.WriteCloser
}

func newLogs(dir string, verbose bool, out printer) (*logs, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the logs: %w", err)
	}
	l := &logs{dir: dir, files: map[string]io.WriteCloser{}}
	if verbose {
		l.echo = &out
	}
	return l, nil
}

func (l *logs) path(part string) string { return filepath.Join(l.dir, part+".log") }

// writer is the part's log. One that cannot be written is replaced by none: the system runs without logs, too.
func (l *logs) writer(part string) io.Writer {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w, ok := l.files[part]; ok {
		return w
	}
	file, err := os.OpenFile(l.path(part), os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return io.Discard
	}
	w := io.WriteCloser(file)
	if l.echo != nil {
		w = &echo{logs: l, file: file, prefix: part + " | "}
	}
	l.files[part] = w
	return w
}

func (l *logs) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.files {
		_ = w.Close() // what was written is written
	}
}

// echo prints each line behind the part's name, besides keeping it.
type echo struct {
	logs   *logs
	file   *os.File
	prefix string
}

func (e *echo) Write(p []byte) (int, error) {
	e.logs.mu.Lock()
	defer e.logs.mu.Unlock()
	for line := range bytes.Lines(p) {
		e.logs.echo.printf("%s%s\n", e.prefix, bytes.TrimRight(line, "\r\n"))
	}
	return e.file.Write(p)
}

func (e *echo) Close() error { return e.file.Close() }
