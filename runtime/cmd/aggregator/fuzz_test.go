package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/function"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// FuzzRecord holds that no record of the stream makes the decoder panic, and that an image which counts is that of a reading
// as the service stores it: what the text says, and nothing that a recount would not count; and that the decoder of plain records
// says what the one of all records does.
func FuzzRecord(f *testing.F) {
	image := stored("EQ-1", timestamp, "-1.50")
	f.Add([]byte(record("100000000000000000001", image, stored("EQ-1", timestamp, "1E-27"))))
	f.Add([]byte(record("1", stored("EQ-1", timestamp, ""), image)))
	f.Add([]byte(record("3", image, "")))
	f.Add([]byte(plainRecord))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return // the batch would not have been taken apart
		}
		c, err := decodeRecord(raw)
		if plain, length := dynamo.PlainChange(raw); length > 0 {
			record, rest := raw[:length], bytes.TrimSpace(raw[length:])
			if all, err := decodeAnyRecord(record); err != nil || !reflect.DeepEqual(plain, all) || len(rest) > 0 {
				t.Errorf("%q is plain, %+v, and not %+v, %v, before %q", record, plain, all, err, rest)
			}
		}
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

// plainRecord is one of an expiry, with everything that a plain record may hold.
const plainRecord = `{"eventID":"7de3041dd709b024af6f29e4fa13d34c","eventName":"REMOVE","eventVersion":"1.1","eventSource":"aws:dynamodb",` +
	`"awsRegion":"eu-west-1","dynamodb":{"ApproximateCreationDateTime":1772354000,"Keys":{"equipmentId":{"S":"EQ-1"},` +
	`"timestamp":{"S":"2026-03-01T08:30:00.000000000Z"}},"NewImage":{"equipmentId":{"S":"EQ-1"},"timestamp":{"S":"2026-03-01T08:30:00.000000000Z"},` +
	`"value":{"N":"20.25"},"registerTime":{"S":"2026-03-01T08:30:01.000000001Z"},"region":{"S":"eu-west-1"},"id":{"S":"0b5f9c3e-0000-4000-8000-1"},` +
	`"expiresAt":{"N":"1780130700"},"seen":{"BOOL":false}},"OldImage":{"equipmentId":{"S":"EQ-1"},"timestamp":{"S":"2026-03-01T08:30:00.000000000Z"},` +
	`"value":{"N":"-1"},"region":{"S":"eu-central-1"}},"SequenceNumber":"000000000000000000017","SizeBytes":0,` +
	`"StreamViewType":"NEW_AND_OLD_IMAGES"},"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"},` +
	`"eventSourceARN":"arn:aws:dynamodb:eu-west-1:111122223333:table/readings/stream/2026-03-01T00:00:00.000"}`

// A decoder of plain records that took none would make the function ten times as slow and fail no other test.
func TestPlainChange_TakesWhatTheServiceWrites(t *testing.T) {
	image := stored("EQ-1", timestamp, "1.5")
	for name, raw := range map[string]string{
		"an expiry": plainRecord, "a new reading": string(record("1", "", image)), "a correction": string(record("2", image, stored("EQ-1", timestamp, "-2"))),
		"a removal": string(record("3", image, "")), "blanks": strings.ReplaceAll(plainRecord, `":`, "\" :\n\t"),
		"a moment with a fraction": strings.Replace(plainRecord, "1772354000", "1.7723540005E9", 1),
	} {
		got, length := dynamo.PlainChange([]byte(raw + ",{}"))
		want, err := decodeAnyRecord(json.RawMessage(raw))
		if length != len(raw) || err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v of %d bytes, want %+v of %d, %v", name, got, length, want, len(raw), err)
		}
	}
}

func TestPlainChange_LeavesTheRestToTheDecoderOfAllRecords(t *testing.T) {
	change := func(old, next string) string { return strings.Replace(plainRecord, old, next, 1) }
	for name, raw := range map[string]string{
		"nothing": "", "no object": "[]", "a member that is unknown": change(`"eventID"`, `"eventIDs"`), "one twice": change(`"OldImage"`, `"NewImage"`),
		"an escape": change("EQ-1", `EQ\u002d1`), "what is not ASCII": change("7de3", "ä"), "no change": `{"eventID":"1"}`, "no image": change(`"NewImage":{`, `"NewImage":{},"x":{`),
		"a value that is text": change(`{"N":"20.25"}`, `{"S":"20.25"}`), "two kinds": change(`{"N":"20.25"}`, `{"N":"20.25","S":"a"}`),
		"an unknown kind": change(`{"BOOL":false}`, `{"NULL":true}`), "no region": change(`"region":{"S":"eu-west-1"},`, ""),
		"a value that is none": change(`"20.25"`, `"1e99"`), "a sequence number that is none": change(`"000000000000000000017"`, `"x"`),
		"a moment that is none": change("1772354000", "01772354000"), "cut off": plainRecord[:len(plainRecord)-1], "a comma too many": change(`{"N":"-1"}`, `{"N":"-1",}`),
		"a timestamp in another form": strings.ReplaceAll(plainRecord, "08:30:00.000000000Z", "08:30:00Z"), "an expiry that is no moment": change("1780130700", "1.5"),
	} {
		if got, length := dynamo.PlainChange([]byte(raw)); length != 0 {
			t.Errorf("%s: got %+v of %d bytes", name, got, length)
		}
	}
}

// Records after one that is not plain are decoded as well, and each once.
func TestDecode_GoesOnAfterARecordThatIsNotPlain(t *testing.T) {
	f := newHandler()
	odd := json.RawMessage(strings.Replace(string(record("2", "", stored("B", timestamp, "2"))), `"eventID":"1"`, `"eventID":"\u0031"`, 1))
	got := f.failed(t, record("1", "", stored("A", timestamp, "1")), odd, record("3", "", stored("C", timestamp, "")), record("4", "", stored("D", timestamp, "4")))
	if len(got) != 1 || got[0] != "3" {
		t.Errorf("failed %v", got)
	}
	for id, value := range map[string]string{"A": "1", "B": "2", "D": "4"} {
		f.wantSum(t, id, value)
	}
	for _, event := range []string{"", "{", `{"Records":[` + plainRecord, `{"Records":[` + plainRecord + ",]}", `{"Records":[` + plainRecord + "]}]"} {
		if _, err := f.handle(t.Context(), function.Payload(event)); err == nil {
			t.Errorf("%q is taken for an event", event)
		}
	}
}
