package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// FuzzRecord holds that no record of the stream makes the decoder panic, and that an image which counts is that of a reading
// as the service stores it: what the text says, and nothing that a recount would not count.
func FuzzRecord(f *testing.F) {
	image := stored("EQ-1", timestamp, "-1.50")
	f.Add([]byte(record("100000000000000000001", image, stored("EQ-1", timestamp, "1E-27"))))
	f.Add([]byte(record("1", stored("EQ-1", timestamp, ""), image)))
	f.Add([]byte(record("3", image, "")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return // the batch would not have been taken apart
		}
		c, err := decodeRecord(raw)
		if err == nil && c.New == nil && c.Old == nil && !bytes.Contains(bytes.ToLower(raw), []byte("image")) {
			t.Errorf("%q is a change without images", raw)
		}
		if _, bad := aggregate.SequenceKey(c.Sequence); err == nil && bad != nil {
			t.Errorf("%q has the sequence number %q", raw, c.Sequence)
		}
		for _, i := range []*aggregate.Image{c.New, c.Old} {
			if i == nil {
				continue
			}
			when := reading.FormatTimestamp(i.Timestamp)
			again, faults := reading.Parse(string(i.EquipmentID), when, i.Value.String(), reading.Limits{Now: i.Timestamp})
			if len(faults) > 0 || again != i.Reading || i.Region == "" {
				t.Errorf("%q counts as %+v: %v", raw, i, faults)
			}
		}
	})
}
