package dynamo_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// change decodes a record whose dynamodb part is given, as Lambda does.
func change(t *testing.T, identity, part string) (aggregate.Change, error) {
	t.Helper()
	var record events.DynamoDBEventRecord
	if err := json.Unmarshal([]byte(`{`+identity+`"dynamodb":`+part+`}`), &record); err != nil {
		t.Fatal(err)
	}
	return dynamo.ChangeFromEvent(record)
}

const (
	newImage = `{"equipmentId":{"S":"EQ-1"},"timestamp":{"S":"2026-03-01T08:00:00.000000001Z"},"value":{"N":"-1.50"},` +
		`"region":{"S":"eu-west-1"},"registerTime":{"S":"2026-03-01T08:00:00.000000001Z"},"expiresAt":{"N":"1772352000"}}`
	oldImage = `{"equipmentId":{"S":"EQ-1"},"timestamp":{"S":"2026-03-01T08:00:00.000000001Z"},"value":{"N":"1E-27"},` +
		`"region":{"S":"us-east-1"}}`
)

func TestChangeFromEvent_DecodesBothImages(t *testing.T) {
	got, err := change(t, "", `{"SequenceNumber":"100000000000000000001","ApproximateCreationDateTime":1772352001,
		"NewImage":`+newImage+`,"OldImage":`+oldImage+`}`)
	if err != nil {
		t.Fatal(err)
	}
	one := reading.Reading{EquipmentID: "EQ-1", Timestamp: firstHour.Add(1), Value: decimal(t, "-1.5")}
	before := one
	before.Value = decimal(t, "0.000000000000000000000000001")
	want := aggregate.Change{
		Sequence: "100000000000000000001", At: time.Unix(1772352001, 0).UTC(),
		New: &aggregate.Image{Reading: one, Region: "eu-west-1", ExpiresAt: time.Unix(1772352000, 0).UTC()},
		Old: &aggregate.Image{Reading: before, Region: "us-east-1"},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b reading.Decimal) bool { return a == b })); diff != "" {
		t.Errorf("change (-want +got):\n%s", diff)
	}
}

func TestChangeFromEvent_KnowsWhoRemovesExpiredItems(t *testing.T) {
	part := `{"SequenceNumber":"1","OldImage":` + oldImage + `}`
	for identity, want := range map[string]bool{
		``: false,
		`"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"},`: true,
		`"userIdentity":{"type":"Service","principalId":"somebody"},`:               false,
	} {
		got, err := change(t, identity, part)
		if err != nil || got.Expired != want || got.New != nil || got.Old == nil || !got.At.IsZero() {
			t.Errorf("%s: got %+v, %v", identity, got, err)
		}
	}
}

func TestChangeFromEvent_TakesTombstonesForNothing(t *testing.T) {
	const tombstone = `{"equipmentId":{"S":"EQ-1"},"timestamp":{"S":"2026-03-01T08:00:00.000000001Z"},"deleted":{"BOOL":true},` +
		`"region":{"S":"eu-west-1"},"registerTime":{"S":"2026-03-01T09:00:00.000000001Z"},"expiresAt":{"N":"1772352000"}}`
	for name, c := range map[string]struct {
		images            string
		old, now, deleted bool
	}{
		"deleted":               {`"OldImage":` + oldImage + `,"NewImage":` + tombstone, true, false, true},
		"deleted before it was": {`"NewImage":` + tombstone, false, false, true},
		"deleted again":         {`"OldImage":` + tombstone + `,"NewImage":` + tombstone, false, false, true},
		"written again":         {`"OldImage":` + tombstone + `,"NewImage":` + newImage, false, true, false},
		"expired":               {`"OldImage":` + tombstone, false, false, false},
	} {
		got, err := change(t, "", `{"SequenceNumber":"7",`+c.images+`}`)
		if err != nil || (got.Old != nil) != c.old || (got.New != nil) != c.now || got.Deleted != c.deleted {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	// A recount would count what has a value, and so must the stream.
	half := strings.Replace(tombstone, `{"equipmentId"`, `{"value":{"N":"1"},"equipmentId"`, 1)
	if got, err := change(t, "", `{"SequenceNumber":"7","NewImage":`+half+`}`); err != nil || got.New == nil || got.Deleted {
		t.Errorf("half an item: got %+v, %v", got, err)
	}
}

func TestChangeFromEvent_RejectsWhatIsNoReading(t *testing.T) {
	attribute := func(name, value string) string {
		fields := map[string]string{
			"equipmentId": `{"S":"EQ-1"}`, "timestamp": `{"S":"2026-03-01T08:00:00.000000001Z"}`, "value": `{"N":"1"}`, "region": `{"S":"eu-west-1"}`,
		}
		if fields[name] = value; value == "" {
			delete(fields, name)
		}
		text := ""
		for field, v := range fields {
			text += fmt.Sprintf(",%q:%s", field, v)
		}
		return "{" + text[1:] + "}"
	}
	for name, image := range map[string]string{
		"no equipment": attribute("equipmentId", ""), "a bad equipment": attribute("equipmentId", `{"S":"FLEET#0"}`),
		"no timestamp": attribute("timestamp", ""), "a timestamp with an offset": attribute("timestamp", `{"S":"2026-03-01T08:00:00.000000001+00:00"}`),
		"a short timestamp": attribute("timestamp", `{"S":"2026-03-01T08:00:00Z"}`), "no timestamp at all": attribute("timestamp", `{"S":"20230215T013000Z"}`),
		"no value": attribute("value", ""), "a text as value": attribute("value", `{"S":"1"}`), "a null value": attribute("value", `{"NULL":true}`),
		"a value beyond the limits": attribute("value", `{"N":"1E+27"}`), "no region": attribute("region", ""), "an empty region": attribute("region", `{"S":""}`),
		"a broken expiry": attribute("expiresAt", `{"N":"1.5"}`), "a text as expiry": attribute("expiresAt", `{"S":"1"}`),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := change(t, "", `{"SequenceNumber":"7","NewImage":`+image+`,"OldImage":`+oldImage+`}`)
			if fault.KindOf(err) != fault.Invalid || got.Sequence != "7" || got.New != nil || got.Old == nil {
				t.Errorf("written: got %+v, %v; want an error, and the old reading", got, err)
			}
			if got, err := change(t, "", `{"SequenceNumber":"7","NewImage":`+newImage+`,"OldImage":`+image+`}`); err != nil || got.Old != nil || got.New == nil {
				t.Errorf("put right: got %+v, %v", got, err)
			}
			if got, err := change(t, "", `{"SequenceNumber":"7","OldImage":`+image+`}`); err != nil || got.Old != nil || got.New != nil {
				t.Errorf("removed: got %+v, %v", got, err)
			}
		})
	}
	for name, part := range map[string]string{
		"no image": `{"SequenceNumber":"7"}`, "no sequence number": `{"NewImage":` + newImage + `}`, "a bad sequence number": `{"SequenceNumber":"7a","NewImage":` + newImage + `}`,
	} {
		if _, err := change(t, "", part); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
