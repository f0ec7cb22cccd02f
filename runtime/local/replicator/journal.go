package replicator

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sensorflow/sensorflow/runtime/local/datadir"
)

// entry is one thing that a tracker learns or intends. Its state is what its entries give, one after the other. The fields of
// one kind alone are set.
type entry struct {
	// Read is a change that the stream has shown: Met is the id of the write of replication that it looks like, 0 where the region
	// itself has written, and Key is the item then.
	Read uint64 `json:"read,omitempty"`
	Met  uint64 `json:"met,omitempty"`
	Key  digest `json:"key,omitzero"`

	// Expect is a write that replication is about to make. Nothing is written before its entry is kept.
	Expect *expectation `json:"expect,omitempty"`
	// Made and Dropped are the ids of writes that took place, and that did not.
	Made    uint64 `json:"made,omitempty"`
	Dropped uint64 `json:"dropped,omitempty"`

	// Stamp is the time of the last write of the item Key, made by the region itself if Own is set.
	Stamp uint64 `json:"stamp,omitempty"`
	Own   bool   `json:"own,omitempty"`

	// State begins a journal that was written anew.
	State *trackerState `json:"state,omitempty"`
}

// trackerState is what entries give beside stamps and expected writes.
type trackerState struct {
	Last       uint64   `json:"last"`
	Shard      string   `json:"shard"`
	Replicated []uint64 `json:"replicated"`
}

// MarshalText writes a digest in hexadecimal digits.
func (d digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// UnmarshalText reads what MarshalText has written.
func (d *digest) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(d) {
		return fmt.Errorf("a digest has %d bytes, got %q", len(d), text)
	}
	_, err := hex.Decode(d[:], text)
	return err
}

const (
	// JournalBytesDefault is what some ten thousand changes take.
	JournalBytesDefault = 1 << 20
	// compactTimes is how much larger than when it was last written anew a journal becomes at least.
	compactTimes = 4
)

// journal keeps the entries of one tracker in a file, one JSON object a line. Nil keeps nothing.
//
// An entry is in the file before anything is done that follows from it. It is not synced to the disk: as the journals of the queues,
// it outlives this process, however that ends, and not the machine.
type journal struct {
	path  string
	above int64 // from this size on it is worth writing it anew
	file  *os.File
	size  int64 // of all whole lines
	then  int64 // size after it was last written anew
}

// readJournal calls apply with the entries of a file, none where there is no file, and tells whether there was one. Its last line
// may be cut off: nothing has followed from that one.
func readJournal(path string, apply func(entry)) (found bool, err error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open the replicator's journal: %w", err)
	}
	defer func() { _ = file.Close() }() // it was read
	for decoder := json.NewDecoder(bufio.NewReader(file)); ; {
		var e entry
		err := decoder.Decode(&e)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("read the replicator's journal %s: %w", path, err)
		}
		apply(e)
	}
}

func (j *journal) append(e entry) error {
	if j == nil {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode an entry of the replicator's journal: %w", err)
	}
	line = append(line, '\n')
	if _, err := j.file.Write(line); err != nil {
		// Half a line must not be in front of the next one.
		return fmt.Errorf("write the replicator's journal: %w", errors.Join(err, j.file.Truncate(j.size)))
	}
	j.size += int64(len(line))
	return nil
}

// isLong tells whether it is worth writing the journal anew.
func (j *journal) isLong() bool {
	return j != nil && j.size > j.above && j.size > compactTimes*j.then
}

// rewrite replaces the journal by one that holds just these entries.
func (j *journal) rewrite(entries []entry) error {
	var content []byte
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode the replicator's journal: %w", err)
		}
		content = append(append(content, line...), '\n')
	}
	if err := datadir.WriteFile(j.path, content); err != nil {
		return fmt.Errorf("write the replicator's journal: %w", err)
	}
	file, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the replicator's journal: %w", err)
	}
	if j.file != nil {
		_ = j.file.Close() // it has been replaced
	}
	j.file, j.size = file, int64(len(content))
	j.then = j.size
	return nil
}

func (j *journal) close() error {
	if j == nil || j.file == nil {
		return nil
	}
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("close the replicator's journal: %w", err)
	}
	return nil
}
