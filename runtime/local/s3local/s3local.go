// Package s3local runs an S3 on this machine as a child process, for the local system and for tests: it builds and starts
// the program in s3gateway. That one is a module of its own because of what it requires, so that nothing imports it.
package s3local

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/child"
)

const (
	program = "s3gateway"
	// module is the program's folder in the checkout.
	module     = "runtime/local/s3local/" + program
	stopWithin = 3 * time.Second
)

// Options configure a server.
type Options struct {
	// Root is the checkout's root. Default: found upward from the working directory.
	Root string
	// Bin is the folder of the program, as Build returns it. Default: Start builds it.
	Bin string
	// Dir is the folder of the buckets, made if missing. Required.
	Dir string
	// AccessKey and SecretKey are the credentials that requests must be signed with. Required.
	AccessKey, SecretKey string
	// Region is the one that requests must be signed for. Required.
	Region string
	// Webhook is the address that receives events; it must listen already. Default: nobody is told.
	Webhook string
	// Output receives what the process prints. Default: discarded.
	Output io.Writer
}

// Server is a running S3.
type Server struct {
	Endpoint string // http://127.0.0.1:port
	process  *child.Process
}

// Build brings the program up to date and returns its folder, for several servers.
func Build(ctx context.Context, root string) (bin string, err error) {
	if bin, err = checkout.Build(ctx, root, module, "."); err != nil {
		return "", fmt.Errorf("build the local S3: %w", err)
	}
	return bin, nil
}

// Start runs the server on a free loopback port and returns once it answers. The process is killed with its parent.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Root == "" {
		root, err := checkout.Root()
		if err != nil {
			return nil, err
		}
		o.Root = root
	}
	if o.Bin == "" {
		bin, err := Build(ctx, o.Root)
		if err != nil {
			return nil, err
		}
		o.Bin = bin
	}
	port, err := child.FreePort(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("start the local S3: %w", err)
	}
	process, err := child.Start(child.Program{
		Path: filepath.Join(o.Bin, program),
		Args: []string{"-port", strconv.Itoa(port), "-dir", o.Dir, "-access", o.AccessKey, "-region", o.Region, "-webhook", o.Webhook},
		Env:  []string{"S3GATEWAY_SECRET=" + o.SecretKey}, Output: o.Output,
	})
	if err != nil {
		return nil, fmt.Errorf("start the local S3: %w", err)
	}
	s := &Server{Endpoint: "http://127.0.0.1:" + strconv.Itoa(port), process: process}
	if err := process.WaitServing(ctx, s.Endpoint+"/healthz"); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start the local S3: %w", err)
	}
	return s, nil
}

// Stop ends the process and waits for it.
func (s *Server) Stop() {
	_ = s.process.Stop(stopWithin) // what is stored is stored, however it ends
}

// Exited is closed once the process has ended.
func (s *Server) Exited() <-chan struct{} { return s.process.Exited() }

// PID is the process id, to measure memory by.
func (s *Server) PID() int { return s.process.PID() }
