package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/sensorflow/sensorflow/runtime/client"
)

func exportFlags(s *settings, flags *flag.FlagSet) {
	windowFlags(s, flags)
	flags.BoolVar(&s.aggregates, "aggregates", false, "export aggregates, not readings")
	flags.StringVar(&s.destination, "file", "", "`file` to write (default standard output)")
	s.format = formatCSV
	flags.StringVar(&s.format, "o", s.format, "`form` of what is written; there is no other than csv")
}

// exporter writes what is exported.
type exporter func(ctx context.Context, c *client.Client, to io.Writer) error

// export writes CSV.
func export(s *session) (work, error) {
	if s.format != formatCSV {
		return nil, usagef("-o %s does not do: export writes CSV; query prints tables and JSON", s.format)
	}
	write, err := s.exporter()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		if s.destination == "" {
			return write(ctx, c, s.out.out)
		}
		return s.exportFile(ctx, c, write)
	}, nil
}

// exportFile writes a file. One that is not whole would pass for one that is: it gets its name at the end.
func (s *session) exportFile(ctx context.Context, c *client.Client, write exporter) error {
	partial := s.destination + ".partial"
	file, err := os.Create(partial)
	if err != nil {
		return fmt.Errorf("make the file: %w", err)
	}
	if err := cmp.Or(write(ctx, c, file), file.Close()); err != nil {
		_ = os.Remove(partial) // of no use to anybody
		return err
	}
	if err := os.Rename(partial, s.destination); err != nil {
		return fmt.Errorf("name the file: %w", err)
	}
	s.progress.say("wrote %s", s.destination)
	return nil
}

func (s *session) exporter() (exporter, error) {
	if s.aggregates || s.interval != "" {
		w, err := s.window()
		return func(ctx context.Context, c *client.Client, to io.Writer) error { return c.ExportAggregates(ctx, w, to) }, err
	}
	if err := s.without("it is for -aggregates", "granularity", "timezone"); err != nil {
		return nil, err
	}
	if len(s.args) != 1 {
		return nil, usagef("name one equipment, not %d; -aggregates takes any number of them", len(s.args))
	}
	wanted, err := s.readings()
	return func(ctx context.Context, c *client.Client, to io.Writer) error {
		return c.ExportReadings(ctx, wanted, to)
	}, err
}
