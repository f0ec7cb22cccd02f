package main

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/replicator"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
)

const portDefault = 8080

// The commands beside the running of the system.
const (
	commandDemo = "demo"
	commandCut  = "cut"
	commandHeal = "heal"
	// commandRunning fails where nothing runs.
	commandRunning = "running"
)

// settings are what flags and environment say.
type settings struct {
	command    string // empty runs the system
	region     string // of cut and heal
	regions    int
	delay      time.Duration // between regions
	port       int
	dataDir    string
	retention  time.Duration
	root       string // the module's
	state      string // folder of stack.json and the logs
	verbose    bool
	foreground bool
	// given are the pairs of the environment that say how a system is started.
	given   []string
	environ []string
}

// parse reads the environment, then the flags.
func parse(args, environ []string, out printer) (settings, error) {
	s := settings{port: portDefault, regions: 1, delay: replicator.DelayDefault, environ: environ}
	if len(args) > 0 && slices.Contains([]string{commandDemo, commandCut, commandHeal, commandRunning}, args[0]) {
		s.command, args = args[0], args[1:]
	}
	if err := s.readEnvironment(); err != nil {
		return s, err
	}
	s.given = given(environ)
	var err error
	if s.root, err = checkout.Root(); err != nil {
		return s, err
	}
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.IntVar(&s.port, "port", s.port, "port of the API on 127.0.0.1, 0 for a free one (PORT)")
	flags.StringVar(&s.dataDir, "data-dir", s.dataDir, "folder that keeps the data over a restart (DATA_DIR; default: in memory)")
	flags.DurationVar(&s.retention, "retention", s.retention, "how long readings are kept, such as 720h (RETENTION; default: for ever)")
	flags.IntVar(&s.regions, "regions", s.regions, "how many regions run, 1 to 4 (REGIONS)")
	flags.DurationVar(&s.delay, "regions-delay", s.delay, "how long a write takes from region to region at least (REGIONS_DELAY)")
	flags.StringVar(&s.region, "region", "", "the region to cut off or to bring back")
	flags.StringVar(&s.state, "state", filepath.Join(s.root, ".local"), "folder of stack.json and the logs")
	flags.BoolVar(&s.verbose, "log", false, "also print what the parts log")
	flags.BoolVar(&s.foreground, "foreground", false, "take the terminal from make, so that it ends with status 0 on Ctrl-C")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unknown argument %q; there are demo, cut, heal and running, which come first", flags.Arg(0))
	}
	if err := s.check(); err != nil {
		return s, err
	}
	if s.state, err = filepath.Abs(s.state); err != nil {
		return s, fmt.Errorf("find the state folder: %w", err)
	}
	return s, nil
}

func (s *settings) check() error {
	switch {
	case s.port < 0 || s.port > 65535:
		return fmt.Errorf("PORT must be 1 to 65535, got %d", s.port)
	case s.regions < 1 || s.regions > stack.RegionsMax:
		return fmt.Errorf("REGIONS must be 1 to %d, got %d", stack.RegionsMax, s.regions)
	case s.delay < 0 || s.delay > replicator.DelayMax:
		return fmt.Errorf("REGIONS_DELAY must be 0s to %v, got %v", replicator.DelayMax, s.delay)
	}
	return nil
}

// given are the pairs of the environment that say how a system is started.
func given(environ []string) (pairs []string) {
	for _, pair := range environ {
		key, value, _ := strings.Cut(pair, "=")
		if value != "" && slices.Contains([]string{"PORT", "DATA_DIR", "REGIONS", "REGIONS_DELAY", contract.EnvRetention}, key) {
			pairs = append(pairs, pair)
		}
	}
	return pairs
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
		case key == "REGIONS":
			if s.regions, err = strconv.Atoi(value); err != nil {
				return fmt.Errorf("REGIONS must be 1 to %d, got %q", stack.RegionsMax, value)
			}
		case key == "REGIONS_DELAY":
			if s.delay, err = time.ParseDuration(value); err != nil {
				return fmt.Errorf("REGIONS_DELAY must be a duration such as 2s, got %q", value)
			}
		case key == contract.EnvRetention:
			if s.retention, err = time.ParseDuration(value); err != nil {
				return fmt.Errorf("%s must be a duration such as 720h, got %q", key, value)
			}
		}
	}
	return nil
}
