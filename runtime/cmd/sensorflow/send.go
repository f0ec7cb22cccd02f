package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

// send sends one reading, or those of standard input.
func send(s *session) (work, error) {
	if len(s.args) == 1 && s.args[0] == "-" {
		return s.sendInput, nil
	}
	if len(s.args) != 2 && len(s.args) != 3 {
		return nil, usagef("send takes EQUIPMENT VALUE [TIME], or - for standard input")
	}
	at := time.Now().UTC().Format(time.RFC3339Nano)
	if len(s.args) == 3 && s.args[2] != "now" {
		at = s.args[2]
	}
	r, err := toReading(s.args[0], at, s.args[1])
	if err != nil {
		return nil, usageError{err}
	}
	return func(ctx context.Context) error { return s.sendOne(ctx, r) }, nil
}

func (s *session) sendOne(ctx context.Context, r client.Reading) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c, err := s.connect()
	if err != nil {
		return err
	}
	id, err := c.Send(ctx, r)
	if err != nil {
		return asRejected(err)
	}
	s.out.columns("id", "equipmentId", "timestamp", "value")
	return s.out.row(text(id), text(string(r.EquipmentID)), moment(r.Timestamp), exact(r.Value))
}

// shownMax is how many rejects are shown one by one.
const shownMax = 20

// drainTimeout is how long readings that were read may take to be stored once the caller wants to end.
const drainTimeout = 10 * time.Second

// sendInput sends the readings of standard input in batches.
func (s *session) sendInput(ctx context.Context) error {
	c, err := s.connect()
	if err != nil {
		return err
	}
	var stored, bad atomic.Int64
	reject := func(what string) {
		switch n := bad.Add(1); {
		case n <= shownMax:
			s.progress.say("rejected: %s", what)
		case n == shownMax+1:
			s.progress.say("rejected: more, which are only counted")
		}
	}
	sending := context.WithoutCancel(ctx)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	sender := c.NewSender(sending, client.SenderOptions{
		Stored: func(n int) {
			s.progress.update("%s stored, %d rejected", counted(stored.Add(int64(n)), "reading"), bad.Load())
		},
		Rejected: func(r client.Reading, errors []client.FieldError) {
			reject(fmt.Sprintf("%s %s: %v", r.EquipmentID, r.Timestamp.Format(time.RFC3339Nano), firstOf(errors)))
		},
		Lost: func(_ []client.Reading, err error) { stop(err) }, // what follows would fare no better
	})
	read := make(chan error, 1)
	go func() {
		read <- readReadings(s.in, func(r client.Reading) error { return sender.Send(ctx, r) }, func(b badLine) { reject(b.Error()) })
	}()
	select { // where the caller wants to end, the one who reads ends with the process
	case err = <-read:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		sending, cancel = context.WithTimeout(sending, drainTimeout)
		defer cancel()
	}
	closed := sender.Close(sending)
	s.progress.say("%s stored, %d rejected", counted(stored.Load(), "reading"), bad.Load())
	return s.judge(err, closed, bad.Load())
}

// firstOf is the first fault of a reading.
func firstOf(errors []client.FieldError) string {
	if len(errors) == 0 {
		return "the service does not say why"
	}
	return errors[0].Error()
}

// judge makes one error of what came of an input.
func (s *session) judge(read, closed error, bad int64) error {
	var undelivered *client.UndeliveredError
	switch {
	case errors.As(closed, &undelivered) && undelivered.Lost > 0:
		return fmt.Errorf("%s could not be sent: %w", counted(undelivered.Lost, "reading"), undelivered.First)
	case read != nil:
		return read
	case bad > 0:
		return rejectedError{fmt.Errorf("rejected: %s", counted(bad, "reading"))}
	case undelivered == nil:
		return closed
	}
	return nil
}

func uploadFlags(s *settings, flags *flag.FlagSet) {
	flags.StringVar(&s.csvFormat, "format", "", "how the file differs from the strict form, as `JSON`, such as {\"delimiter\":\";\",\"decimal\":\",\"}")
	flags.StringVar(&s.rejectsFile, "rejects", "", "`file` for the rows that were rejected, - for standard error")
}

// upload sends a file and waits until it is processed.
func upload(s *session) (work, error) {
	if len(s.args) != 1 {
		return nil, usagef("upload takes one FILE, not %d", len(s.args))
	}
	if s.csvFormat != "" && json.Unmarshal([]byte(s.csvFormat), new(map[string]any)) != nil {
		return nil, usagef("-format must be a JSON object, got %s", s.csvFormat)
	}
	if info, err := os.Stat(s.args[0]); err != nil {
		return nil, usageError{fmt.Errorf("look at the file: %w", err)}
	} else if !info.Mode().IsRegular() {
		return nil, usagef("%s is not a file; sensorflow send - takes what comes by a pipe", s.args[0])
	}
	return s.upload, nil
}

func (s *session) upload(ctx context.Context) error {
	file, err := os.Open(s.args[0])
	if err != nil {
		return fmt.Errorf("open the file: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("look at the file: %w", err)
	}
	c, err := s.connect()
	if err != nil {
		return err
	}
	o := client.UploadOptions{Progress: s.showUpload}
	if s.csvFormat != "" {
		o.Format = json.RawMessage(s.csvFormat)
	}
	done, err := c.Upload(ctx, filepath.Base(s.args[0]), file, info.Size(), o)
	if done.Status == client.UploadFailed {
		return rejectedError{err}
	}
	if err != nil {
		return asRejected(err)
	}
	s.out.columns("uploadId", "status", "rowsAccepted", "rowsRejected")
	if err := s.out.row(text(done.ID), text(string(done.Status)), whole(done.RowsAccepted), whole(done.RowsRejected)); err != nil {
		return err
	}
	return s.rejects(ctx, c, done)
}

// showUpload shows how far a file is: its transfer and its processing take about as long as each other.
func (s *session) showUpload(p client.Progress) {
	if p.Sent < p.Bytes {
		s.progress.update("%s of %s sent", size(p.Sent), size(p.Bytes))
		return
	}
	s.progress.update("%s sent, %s processed, %s rejected", size(p.Bytes), size(p.Processed), counted(p.Rejected, "row"))
}

// size writes a number of bytes for people.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	default:
		return fmt.Sprintf("%d KiB", (bytes+1<<10-1)>>10)
	}
}

// rejects writes the rows that were rejected to where they are wanted.
func (s *session) rejects(ctx context.Context, c *client.Client, done client.Upload) error {
	if done.RowsRejected == 0 {
		s.progress.say("%s stored", counted(done.RowsAccepted, "row"))
		return nil
	}
	said := rejectedError{fmt.Errorf("rejected: %d of %s", done.RowsRejected, counted(done.RowsAccepted+done.RowsRejected, "row"))}
	if s.rejectsFile == "" {
		return rejectedError{fmt.Errorf("%w; -rejects FILE tells which", said.error)}
	}
	if s.rejectsFile == "-" {
		return errors.Join(c.Rejects(ctx, done, s.progress.to), said)
	}
	file, err := os.Create(s.rejectsFile)
	if err != nil {
		return fmt.Errorf("make the file of rejects: %w", err)
	}
	if err := errors.Join(c.Rejects(ctx, done, file), file.Close()); err != nil {
		return err
	}
	return rejectedError{fmt.Errorf("%w; they are in %s", said.error, s.rejectsFile)}
}
