package sqslocal

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// journal is a file of what was sent and deleted, one JSON object a line. A nil journal keeps nothing.
//
// It is not synced to the disk at each message: it outlives the process, which is what a restart of the local stack needs,
// and not the machine.
type journal struct{ file *os.File }

type journalLine struct {
	Sent    *journalMessage `json:"sent,omitempty"`
	Deleted string          `json:"deleted,omitempty"`
}

type journalMessage struct {
	ID     string    `json:"id"`
	Body   string    `json:"body"`
	SentAt time.Time `json:"sentAt"`
}

// openJournal returns the messages that were sent and not deleted, and starts a file that holds just these.
func openJournal(path string) ([]*entry, *journal, error) {
	kept, err := readJournal(path)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, fmt.Errorf("make the journal's folder: %w", err)
	}
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("start the journal: %w", err)
	}
	j := &journal{file}
	for _, e := range kept {
		if err := j.sent(e); err != nil {
			return nil, nil, errors.Join(err, file.Close())
		}
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("start the journal: %w", err), file.Close())
	}
	return kept, j, nil
}

func readJournal(path string) ([]*entry, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	defer func() { _ = file.Close() }()

	var order []string
	sent := map[string]*entry{}
	for decoder := json.NewDecoder(bufio.NewReader(file)); ; {
		var line journalLine
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break // the last line may be cut off: its writer was killed before it answered
		}
		if err != nil {
			return nil, fmt.Errorf("read the journal %s: %w", path, err)
		}
		if m := line.Sent; m != nil {
			order = append(order, m.ID)
			sent[m.ID] = &entry{Message: Message{ID: m.ID, Body: m.Body, SentAt: m.SentAt}}
		}
		delete(sent, line.Deleted)
	}
	var kept []*entry
	for _, id := range order {
		if e, ok := sent[id]; ok {
			kept = append(kept, e)
		}
	}
	return kept, nil
}

func (j *journal) sent(e *entry) error {
	return j.append(journalLine{Sent: &journalMessage{ID: e.ID, Body: e.Body, SentAt: e.SentAt}})
}

func (j *journal) deleted(e *entry) error { return j.append(journalLine{Deleted: e.ID}) }

func (j *journal) append(line journalLine) error {
	if j == nil {
		return nil
	}
	encoded, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode a journal line: %w", err)
	}
	if _, err := j.file.Write(append(encoded, '\n')); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("close the journal: %w", err)
	}
	return nil
}
