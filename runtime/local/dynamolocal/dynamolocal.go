// Package dynamolocal runs Amazon's DynamoDB Local as a child process, for the local stack and for tests. The Makefile's
// setup target brings the program; this package finds and starts it.
package dynamolocal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/child"
)

// Home is where `make setup` puts DynamoDB Local, below the module's root.
const Home = ".local/dynamodb"

// Options configure a server.
type Options struct {
	// Home is the folder that holds DynamoDBLocal.jar. Default: Home below the enclosing module's root.
	Home string
	// DataDir is a folder, made if missing, that keeps the tables. Default: in memory.
	DataDir string
	// HeapMegabytes is the Java heap. Default: 512.
	HeapMegabytes int
	// Output receives what the process prints. Default: discarded.
	Output io.Writer
}

// ErrNoJava means that there is no Java on this machine.
var ErrNoJava = errors.New("java was not found; install Java 17 or newer (Debian and Ubuntu: openjdk-17-jre-headless, " +
	"Fedora: java-17-openjdk-headless, Homebrew: openjdk@17)")

// Server is a running DynamoDB Local.
type Server struct {
	Endpoint string // http://127.0.0.1:port, for DynamoDB and DynamoDB Streams
	process  *child.Process
}

// Start runs DynamoDB Local on a free port and returns once it answers. It listens on all addresses of the machine, since it has
// no option for that, and checks no signature. The process is killed with its parent.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Home == "" {
		root, err := checkout.Root()
		if err != nil {
			return nil, err
		}
		o.Home = filepath.Join(root, Home)
	}
	if _, err := os.Stat(filepath.Join(o.Home, "DynamoDBLocal.jar")); err != nil {
		return nil, fmt.Errorf("DynamoDB Local is not in %s: run `make setup` first (%w)", o.Home, err)
	}
	if o.HeapMegabytes == 0 {
		o.HeapMegabytes = 512
	}
	if o.DataDir != "" {
		if err := makeDatabase(o.DataDir); err != nil {
			return nil, err
		}
	}
	port, err := child.FreePort(ctx, 0)
	if err != nil {
		return nil, err
	}

	process, err := child.Start(child.Program{
		Path: "java", Args: o.arguments(port), Output: o.Output,
		Dir: os.TempDir(), // it leaves a metadata file in its working folder
	})
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("start DynamoDB Local: %w", ErrNoJava)
	}
	if err != nil {
		return nil, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	s := &Server{Endpoint: "http://127.0.0.1:" + strconv.Itoa(port), process: process}
	err = process.WaitServing(ctx, s.Endpoint) // an unsigned request gets 400
	if errors.Is(err, child.ErrEnded) {
		return nil, errors.New("DynamoDB Local ended while starting; is Java 17 or newer installed?")
	}
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	return s, nil
}

func (o Options) arguments(port int) []string {
	args := []string{
		"-Djava.library.path=" + filepath.Join(o.Home, "DynamoDBLocal_lib"),
		"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx" + strconv.Itoa(o.HeapMegabytes) + "m",
		"-jar", filepath.Join(o.Home, "DynamoDBLocal.jar"), "-sharedDb", "-disableTelemetry", "-port", strconv.Itoa(port),
	}
	if o.DataDir == "" {
		return append(args, "-inMemory")
	}
	return append(args, "-dbPath", o.DataDir)
}

// Stop ends the process and waits for it.
func (s *Server) Stop() {
	_ = s.process.Stop(3 * time.Second) // Java always ends with status 143 on SIGTERM
}

// Exited is closed once the process has ended.
func (s *Server) Exited() <-chan struct{} { return s.process.Exited() }

// PID is the process id, to measure memory by.
func (s *Server) PID() int { return s.process.PID() }
