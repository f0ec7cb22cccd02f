package main

import (
	"context"
	"fmt"
	"io"
)

// serve finds or starts what the settings name, tells in three lines how to reach it and for how many seconds to load it, and keeps it
// until ctx ends. So another client has the rules, the refusals and the tokens of this one.
func serve(ctx context.Context, s settings, out io.Writer) error {
	starting, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	t, err := readyTarget(starting, s)
	if err != nil {
		return err
	}
	defer t.stop()
	if _, err := fmt.Fprintf(out, "URL=%s\nTOKEN=%s\nDURATION=%gs\n", t.url, t.token, s.measured.Seconds()); err != nil {
		return fmt.Errorf("tell the address: %w", err)
	}
	<-ctx.Done()
	return nil
}
