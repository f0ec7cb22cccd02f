package main

import (
	"context"
	"fmt"
	"io"
)

// serve starts what the settings name, tells how to reach it in two lines for a shell, and keeps it until ctx ends.
func serve(ctx context.Context, s settings, out io.Writer) error {
	starting, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	t, err := findTarget(starting, s)
	if err != nil {
		return err
	}
	defer t.stop()
	if err := t.ready(starting); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "URL=%s\nTOKEN=%s\n", t.url, t.token); err != nil {
		return fmt.Errorf("tell the address: %w", err)
	}
	<-ctx.Done()
	return nil
}
