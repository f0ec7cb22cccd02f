package main

import (
	"flag"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
)

const portDefault = 8080

// settings are what flags and environment say.
type settings struct {
	demo       bool
	port       int
	dataDir    string
	retention  time.Duration
	root       string // the module's
	state      string // folder of stack.json and the logs
	verbose    bool
	foreground bool
	environ    []string
}

// parse reads the environment, then the flags.
func parse(args, environ []string, out printer) (settings, error) {
	s := settings{port: portDefault, environ: environ}
	if len(args) > 0 && args[0] == "demo" {
		s.demo, args = true, args[1:]
	}
	if err := s.readEnvironment(); err != nil {
		return s, err
	}
	var err error
	if s.root, err = checkout.Root(); err != nil {
		return s, err
	}
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.IntVar(&s.port, "port", s.port, "port of the API on 127.0.0.1, 0 for a free one (PORT)")
	flags.StringVar(&s.dataDir, "data-dir", s.dataDir, "folder that keeps the data over a restart (DATA_DIR; default: in memory)")
	flags.DurationVar(&s.retention, "retention", s.retention, "how long readings are kept, such as 720h (RETENTION; default: for ever)")
	flags.StringVar(&s.state, "state", filepath.Join(s.root, ".local"), "folder of stack.json and the logs")
	flags.BoolVar(&s.verbose, "log", false, "also print what the parts log")
	flags.BoolVar(&s.foreground, "foreground", false, "take the terminal from make, so that it ends with status 0 on Ctrl-C")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unknown argument %q; there is only demo, which comes first", flags.Arg(0))
	}
	if s.port < 0 || s.port > 65535 {
		return s, fmt.Errorf("PORT must be 1 to 65535, got %d", s.port)
	}
	if s.state, err = filepath.Abs(s.state); err != nil {
		return s, fmt.Errorf("find the state folder: %w", err)
	}
	return s, nil
}

func (s *settings) readEnvironment() error {
	for _, pair := range s.environ {
		key, value, _ := strings.Cut(pair, "=")
		var err error
		switch {
		case value == "":
		case key == "PORT":
			if s.port, err = strconv.Atoi(value); err != nil {
				return fmt.Errorf("PORT must be 1 to 65535, got %q", value)
			}
		case key == "DATA_DIR":
			s.dataDir = value
		case key == contract.EnvRetention:
			if s.retention, err = time.ParseDuration(value); err != nil {
				return fmt.Errorf("%s must be a duration such as 720h, got %q", key, value)
			}
		}
	}
	return nil
}
