package main_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/google/uuid"
	"github.com/sensorflow/sensorflow/runtime/contract"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/test/await"
)

func attributes(name, value string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{name: &types.AttributeValueMemberS{Value: value}}
}

func attribute(item map[string]types.AttributeValue, name string) string {
	switch v := item[name].(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}

func event(id string) string {
	return fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":%q},"object":{"key":"uploads/%s.csv"}}}]}`, bucketName, id)
}

func TestFunction_StoresAFileOnceHoweverOftenItIsTold(t *testing.T) {
	const file = "value,equipmentId,timestamp\r\n" +
		"1.50,PRESS-1,2026-03-01T08:30:00Z\r\n" +
		"\"2\",\"PRESS-1\",2026-03-01T10:30:00+02:00\r\n" + // the same instant
		"3,PRESS 1,2026-03-01T08:30:00Z\r\n" +
		"4e1,PRESS-1,2026-03-01T08:31:00Z\r\n"
	id := shared.upload(t, strings.NewReader(file))
	u := shared.ended(t, id)
	if u.Status != csvfile.CompletedWithRejects || u.RowsAccepted != 3 || u.RowsRejected != 1 || u.BytesProcessed != int64(len(file)) {
		t.Errorf("%+v", u)
	}
	want := map[string]string{"2026-03-01T08:30:00.000000000Z": "2", "2026-03-01T08:31:00.000000000Z": "40"}
	if got := shared.values(t, "PRESS-1"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("stored %v, want %v", got, want)
	}
	rejects := shared.object(t, csvfile.RejectsKey(id))
	if !strings.HasPrefix(rejects, "line,reason,row\n4,") || strings.Count(rejects, "\n") != 2 {
		t.Errorf("rejects %q", rejects)
	}
	shared.idle(t)
	for range 2 {
		if _, err := shared.queue.Send(event(id)); err != nil {
			t.Fatal(err)
		}
	}
	shared.idle(t)
	if again := shared.read(t, id); again != u {
		t.Errorf("a repeated event changed the upload:\n%+v\n%+v", u, again)
	}
}

// TestFunction_HearsOfAFileByEventBridge is the way of a bucket that exists: from its event through the queue to the function. A key of
// EventBridge is not encoded, so that one with a per cent sign tells whether it is taken as it is.
func TestFunction_HearsOfAFileByEventBridge(t *testing.T) {
	id := "50%25-" + uuid.NewString()
	key := csvfile.UploadKey(id)
	shared.toldBy.Store(key, false)
	shared.put(t, id, strings.NewReader("equipmentId,timestamp,value\nBRIDGE-1,2026-03-01T00:00:00Z,5\nbad\n"))
	u := shared.ended(t, id)
	if u.Status != csvfile.CompletedWithRejects || u.RowsAccepted != 1 || u.RowsRejected != 1 {
		t.Errorf("%+v", u)
	}
	if told, _ := shared.toldBy.Load(key); told != true {
		t.Error("the file was processed by an event of S3")
	}
	if got := shared.values(t, "BRIDGE-1"); len(got) != 1 || got["2026-03-01T00:00:00.000000000Z"] != "5" {
		t.Errorf("stored %v", got)
	}
}

func TestFunction_EndsAFileThatIsNone(t *testing.T) {
	u := shared.ended(t, shared.upload(t, strings.NewReader("\x1f\x8b\x08 and so on")))
	if u.Status != csvfile.Failed || !strings.Contains(u.Reason, "gzip") {
		t.Errorf("%+v", u)
	}
}

// killedAmid kills the function once it has stored the first of so many rows, and returns the upload as it is then.
func (s *stack) killedAmid(t *testing.T, equipment string, rows int) csvfile.Upload {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("equipmentId,timestamp,value\n")
	for i := range rows {
		fmt.Fprintf(&b, "%s,2026-03-01T%02d:%02d:%02dZ,%d\n", equipment, i/3600, i/60%60, i%60, i)
	}
	fmt.Fprintf(&b, "%s,2026-03-01T00:00:00Z,7777\nbad\n", equipment)
	id := s.upload(t, bytes.NewReader(b.Bytes()))
	s.until(t, "the first readings", func() bool { return len(s.values(t, equipment)) > 0 })
	s.function.Kill()
	return s.read(t, id)
}

// TestFunction_GoesOnWithinAMinuteAfterItWasKilled kills it under a queue that hides messages for 16 minutes, as the deployed one does.
func TestFunction_GoesOnWithinAMinuteAfterItWasKilled(t *testing.T) {
	// It is to be killed between the first row and the last. How many rows that takes depends on the machine.
	rows, equipment := 2500, "KILLED-2500"
	began := time.Now()
	killed := shared.killedAmid(t, equipment, rows)
	for killed.Status.Ended() {
		if rows *= 2; rows > 100_000 {
			t.Fatalf("killed too late: %+v", killed)
		}
		equipment = fmt.Sprint("KILLED-", rows)
		began = time.Now()
		killed = shared.killedAmid(t, equipment, rows)
	}
	id, counting := killed.ID, time.Since(began) // as long as this machine takes to begin, at most
	await.NoError(t, time.Minute+counting, func() error {
		if u := shared.read(t, id); u.RowsAccepted <= killed.RowsAccepted {
			return fmt.Errorf("nothing more was counted than %d rows; logs:\n%s", killed.RowsAccepted, shared.logs)
		}
		return nil
	})
	u := shared.ended(t, id)
	if u.Status != csvfile.CompletedWithRejects || u.RowsAccepted != int64(rows)+1 || u.RowsRejected != 1 || u.RangesDone != 1 {
		t.Errorf("%+v", u)
	}
	got := shared.values(t, equipment)
	if len(got) != rows || got["2026-03-01T00:00:00.000000000Z"] != "7777" || got["2026-03-01T00:00:01.000000000Z"] != "1" {
		t.Errorf("%d readings, the first %s, the second %s", len(got), got["2026-03-01T00:00:00.000000000Z"], got["2026-03-01T00:00:01.000000000Z"])
	}
	shared.idle(t)
	if d := shared.dead.Depth(); d.Visible != 0 {
		t.Errorf("dead letters: %+v", d)
	}
}

// TestFunction_SharesALargeFileOutAsRanges uses rows that are rejected for most of the size: they cost no writes.
func TestFunction_SharesALargeFileOutAsRanges(t *testing.T) {
	filler := strings.Repeat("x", 4000) + "\n"
	var b bytes.Buffer
	b.WriteString("equipmentId,timestamp,value\n")
	lines := []int{}
	for n := 2; b.Len() < 2*contract.CSVRangeBytes+3<<20; n++ {
		if n%100 == 0 {
			fmt.Fprintf(&b, "LARGE-1,2026-03-01T08:30:%02dZ,%d\n", n/100%20, n)
			continue
		}
		lines = append(lines, n)
		b.WriteString(filler)
	}
	accepted := (lines[len(lines)-1] - len(lines))
	id := shared.upload(t, bytes.NewReader(b.Bytes()))
	u := shared.ended(t, id)
	if u.Status != csvfile.CompletedWithRejects || u.Plan.Ranges != 3 || u.RowsRejected != int64(len(lines)) || u.RowsAccepted != int64(accepted-1) {
		t.Errorf("%+v; want %d and %d", u, accepted-1, len(lines))
	}
	last := lines[len(lines)-1] / 100 * 100
	if got := shared.values(t, "LARGE-1"); len(got) != 20 || got[fmt.Sprintf("2026-03-01T08:30:%02d.000000000Z", last/100%20)] != fmt.Sprint(last) {
		t.Errorf("line %d is not the last word: %v", last, got)
	}
	got := strings.Split(strings.TrimSuffix(shared.object(t, csvfile.RejectsKey(id)), "\n"), "\n")[1:]
	if len(got) != len(lines) {
		t.Fatalf("%d rejects, want %d", len(got), len(lines))
	}
	for i, text := range got {
		if number, _, _ := strings.Cut(text, ","); number != fmt.Sprint(lines[i]) || !strings.HasSuffix(text, ","+filler[:4000]) {
			t.Fatalf("reject %d is %.60q, want line %d", i, text, lines[i])
		}
	}
	shared.idle(t)
	if keys := shared.rejectKeys(t, id); !slices.Equal(keys, []string{csvfile.RejectsKey(id)}) {
		t.Errorf("objects %v", keys)
	}
}
