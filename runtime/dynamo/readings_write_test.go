package dynamo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// attempt is an insertion of one instant's reading, taken so many nanoseconds after a moment.
func attempt(t *testing.T, equipmentID, value string, after time.Duration) ingest.Attempt {
	t.Helper()
	r := stored(t, equipmentID, "2026-03-01T08:00:00Z", value)
	return ingest.Attempt{Write: reading.Write{Reading: r.Reading, Version: reading.VersionAt(r.RegisterTime.Add(after))}}
}

func over(a ingest.Attempt) ingest.Attempt { a.Over = true; return a }

func deleting(a ingest.Attempt) ingest.Attempt { a.Deleted = true; return a }

// try makes attempts, whose results are compared.
func try(t *testing.T, readings *dynamo.Readings, attempts []ingest.Attempt, want ...ingest.Result) {
	t.Helper()
	var got []ingest.Result
	for _, o := range readings.Try(t.Context(), attempts) {
		if got = append(got, o.Result); (o.Err != nil) != (o.Result != ingest.Made && o.Result != ingest.Refused) {
			t.Errorf("result %v with error %v", o.Result, o.Err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func look(t *testing.T, readings *dynamo.Readings, equipmentIDs ...string) []ingest.Found {
	t.Helper()
	var keys []reading.Key
	for _, id := range equipmentIDs {
		keys = append(keys, attempt(t, id, "0", 0).Key())
	}
	found, err := readings.Look(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// items are what a table holds by equipment, as texts.
func items(t *testing.T, table string) map[string]map[string]string {
	t.Helper()
	out, err := localClient.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for _, stored := range out.Items {
		texts := map[string]string{}
		for name, value := range stored {
			switch v := value.(type) {
			case *types.AttributeValueMemberS:
				texts[name] = v.Value
			case *types.AttributeValueMemberN:
				texts[name] = v.Value
			case *types.AttributeValueMemberBOOL:
				texts[name] = fmt.Sprint(v.Value)
			}
		}
		all[texts[contract.AttrEquipmentID]] = texts
	}
	return all
}

func TestTry_JudgesEachWriteByItself(t *testing.T) {
	readings := dynamo.NewReadings(localClient, newTable(t, contract.ReadingsTable()), "eu-west-1", 0)
	try(t, readings, []ingest.Attempt{attempt(t, "A", "1", 5), attempt(t, "B", "2", 5), over(attempt(t, "C", "3", 5))}, ingest.Made, ingest.Made, ingest.Refused)
	try(t, readings, []ingest.Attempt{
		attempt(t, "A", "4", 9), over(attempt(t, "B", "5", 5)), attempt(t, "C", "6", 0),
	}, ingest.Refused, ingest.Refused, ingest.Made)
	row := over(attempt(t, "B", "8", 5))
	row.Version = row.Version.Row(7)
	try(t, readings, []ingest.Attempt{over(attempt(t, "A", "7", 6)), row, over(attempt(t, "C", "9", -1))}, ingest.Made, ingest.Made, ingest.Refused)
	want := []ingest.Found{
		{Exists: true, Version: attempt(t, "A", "7", 6).Version, Value: decimal(t, "7")}, {Exists: true, Version: row.Version, Value: decimal(t, "8")},
		{Exists: true, Version: attempt(t, "C", "6", 0).Version, Value: decimal(t, "6")}, {},
	}
	if diff := cmp.Diff(want, look(t, readings, "A", "B", "C", "none"), compareDecimals); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	stored, _ := newest(t, readings, "B", 1)
	if len(stored) != 1 || stored[0].RegisterTime.Nanosecond() != 123456794 {
		t.Errorf("a row of a file is listed as %v", stored)
	}
}

// What a write leaves out, the item before it would keep.
func TestTry_StatesTheWholeItem(t *testing.T) {
	table := newTable(t, contract.ReadingsTable())
	forever, expiring := dynamo.NewReadings(localClient, table, "eu-west-1", 0), dynamo.NewReadings(localClient, table, "us-east-1", 24*time.Hour)
	common := func(a ingest.Attempt, region string) map[string]string {
		return map[string]string{
			"equipmentId": string(a.EquipmentID), "timestamp": "2026-03-01T08:00:00.000000000Z", "registerTime": string(a.Version), "region": region, "id": a.ID(),
		}
	}
	with := func(m map[string]string, name, value string) map[string]string { m[name] = value; return m }
	at, _ := attempt(t, "A", "1", 0).ExpiresAt(24 * time.Hour)
	expires := fmt.Sprint(at.Unix())
	check := func(what string, a ingest.Attempt, want map[string]string) {
		t.Helper()
		if diff := cmp.Diff(want, items(t, table)[string(a.EquipmentID)]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	first := attempt(t, "A", "1", 0)
	try(t, expiring, []ingest.Attempt{first}, ingest.Made)
	check("inserted", first, with(with(common(first, "us-east-1"), "value", "1"), "expiresAt", expires))
	second := over(attempt(t, "A", "2", 1))
	try(t, forever, []ingest.Attempt{second}, ingest.Made)
	check("no longer expiring", second, with(common(second, "eu-west-1"), "value", "2"))
	for i, write := range []ingest.Attempt{over(deleting(attempt(t, "A", "0", 2))), deleting(attempt(t, "B", "0", 2))} {
		began := time.Now()
		try(t, forever, []ingest.Attempt{write}, ingest.Made)
		got := items(t, table)[string(write.EquipmentID)]
		var gone int64
		_, _ = fmt.Sscan(got["expiresAt"], &gone)
		if least := began.Add(contract.TombstoneLifetime).Unix(); gone < least || gone > least+60 {
			t.Errorf("the tombstone goes at %d, want %d", gone, least)
		}
		check(fmt.Sprint("tombstone ", i), write, with(with(common(write, "eu-west-1"), "deleted", "true"), "expiresAt", got["expiresAt"]))
	}
	for _, id := range []string{"A", "B"} {
		again := over(attempt(t, id, "3", 3))
		try(t, forever, []ingest.Attempt{again}, ingest.Made)
		check("over a tombstone", again, with(common(again, "eu-west-1"), "value", "3"))
		last := over(attempt(t, id, "4", 4))
		try(t, expiring, []ingest.Attempt{last}, ingest.Made)
		check("expiring again", last, with(with(common(last, "us-east-1"), "value", "4"), "expiresAt", expires))
	}
}

func TestTry_KeepsOlderWritesFromATombstone(t *testing.T) {
	readings := dynamo.NewReadings(localClient, newTable(t, contract.ReadingsTable()), "eu-west-1", 0)
	try(t, readings, []ingest.Attempt{deleting(attempt(t, "A", "0", 5))}, ingest.Made)
	try(t, readings, []ingest.Attempt{attempt(t, "A", "1", 4)}, ingest.Refused)
	try(t, readings, []ingest.Attempt{over(attempt(t, "A", "1", 5))}, ingest.Refused)
	if diff := cmp.Diff([]ingest.Found{{Exists: true, Version: attempt(t, "A", "0", 5).Version, Deleted: true}}, look(t, readings, "A"), compareDecimals); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if got, more := newest(t, readings, "A", 10); len(got) > 0 || more {
		t.Errorf("a deleted reading is listed: %v", got)
	}
}

// An item that somebody else put into the place of a reading has no version, and every write takes its place.
func TestTry_TakesThePlaceOfWhatIsNoReading(t *testing.T) {
	table := newTable(t, contract.ReadingsTable())
	readings := dynamo.NewReadings(localClient, table, "eu-west-1", 0)
	if _, err := localClient.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: map[string]types.AttributeValue{
		"equipmentId": &types.AttributeValueMemberS{Value: "A"}, "timestamp": &types.AttributeValueMemberS{Value: "2026-03-01T08:00:00.000000000Z"},
		"value": &types.AttributeValueMemberS{Value: "a note"},
	}}); err != nil {
		t.Fatal(err)
	}
	try(t, readings, []ingest.Attempt{attempt(t, "A", "1", 0)}, ingest.Refused)
	if found := look(t, readings, "A"); !found[0].Exists || found[0].Version != "" {
		t.Errorf("found %v", found)
	}
	try(t, readings, []ingest.Attempt{over(attempt(t, "A", "1", 0))}, ingest.Made)
}

func TestTry_TellsWhatIsKnownOfAnAttempt(t *testing.T) {
	answer := func(code, item string) string {
		return fmt.Sprintf(`{"Responses":[{"TableName":"r"},{"TableName":"r","Error":{"Code":%q,"Message":"secret words"%s}}]}`, code, item)
	}
	for name, test := range map[string]struct {
		status int
		body   string
		want   ingest.Result // of the second of two attempts
		kind   fault.Kind
		calls  int
	}{
		"a duplicate":                    {200, answer("DuplicateItem", ""), ingest.Refused, 0, 1},
		"a condition":                    {200, answer("ConditionalCheckFailed", ""), ingest.Refused, 0, 1},
		"a throttle":                     {200, answer("ThrottlingError", ""), ingest.Busy, fault.Unavailable, 1},
		"no throughput":                  {200, answer("ProvisionedThroughputExceeded", ""), ingest.Busy, fault.Unavailable, 1},
		"a limit of requests":            {200, answer("RequestLimitExceeded", ""), ingest.Busy, fault.Unavailable, 1},
		"a conflict with a transaction":  {200, answer("TransactionConflict", ""), ingest.Busy, fault.Unavailable, 1},
		"a fault of the table's":         {200, answer("InternalServerError", ""), ingest.Unknown, fault.Unavailable, 1},
		"a statement that is wrong":      {200, answer("ValidationError", ""), ingest.Impossible, fault.Internal, 1},
		"no right to it":                 {200, answer("AccessDenied", ""), ingest.Impossible, fault.Internal, 1},
		"no table":                       {200, answer("ResourceNotFound", ""), ingest.Impossible, fault.Internal, 1},
		"answers that are too few":       {200, `{"Responses":[{"TableName":"r"}]}`, ingest.Unknown, fault.Unavailable, 1},
		"a throttle of the whole call":   {400, errorBody("ProvisionedThroughputExceededException"), ingest.Unknown, fault.Unavailable, 1},
		"too many requests":              {400, errorBody("ThrottlingException"), ingest.Unknown, fault.Unavailable, 1},
		"a call that is wrong":           {400, errorBody("ValidationException"), ingest.Impossible, fault.Internal, 1},
		"a fault of the table's own":     {500, errorBody("InternalServerError"), ingest.Unknown, fault.Unavailable, 1},
		"a table that is down":           {503, errorBody("ServiceUnavailable"), ingest.Unknown, fault.Unavailable, 1},
		"an answer that cannot be read":  {200, `{"Responses":`, ingest.Unknown, fault.Unavailable, 1},
		"a condition, and what is there": {200, answer("ConditionalCheckFailed", `,"Item":{"registerTime":{"S":"v"},"deleted":{"BOOL":true}}`), ingest.Refused, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			client := answering(t, func(operation string, body []byte) (int, string) {
				if calls++; operation != "BatchExecuteStatement" {
					t.Errorf("a call of %s", operation)
				}
				var in struct{ Statements []json.RawMessage }
				if err := json.Unmarshal(body, &in); err != nil || len(in.Statements) != 2 {
					t.Errorf("%d statements, %v", len(in.Statements), err)
				}
				return test.status, test.body
			})
			out := dynamo.NewReadings(client, "r", "eu-west-1", 0).Try(t.Context(), []ingest.Attempt{attempt(t, "A", "1", 0), over(attempt(t, "B", "1", 0))})
			got := out[1]
			if got.Result != test.want || (got.Err != nil) != (test.want != ingest.Refused) || got.Err != nil && fault.KindOf(got.Err) != test.kind {
				t.Errorf("got %+v, want result %d of kind %d", got, test.want, test.kind)
			}
			if (got.Found != nil) != strings.Contains(test.body, "Item\":{") || got.Found != nil && (got.Found.Version != "v" || !got.Found.Deleted || !got.Found.Exists) {
				t.Errorf("found %+v", got.Found)
			}
			if calls != test.calls { // a second one would hide what became of the first
				t.Errorf("%d calls, want %d", calls, test.calls)
			}
		})
	}
}

func TestTry_KnowsNothingOfCallsWithoutAnAnswer(t *testing.T) {
	var calls atomic.Int64 // a broken connection orders nothing between its ends
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		calls.Add(1)
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	readings := dynamo.NewReadings(clientOf(server.URL), "r", "eu-west-1", 0)
	if got := readings.Try(t.Context(), []ingest.Attempt{attempt(t, "A", "1", 0)}); got[0].Result != ingest.Unknown || fault.KindOf(got[0].Err) != fault.Unavailable || calls.Load() != 1 {
		t.Errorf("a connection that breaks: %+v after %d calls", got, calls.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := readings.Try(ctx, []ingest.Attempt{attempt(t, "A", "1", 0)}); got[0].Result != ingest.Unknown || got[0].Err == nil {
		t.Errorf("a caller that has left: %+v", got)
	}
}

func TestLook_IsUnavailableWhereKeysAreLeft(t *testing.T) {
	client := answering(t, func(string, []byte) (int, string) {
		return http.StatusOK, `{"Responses":{},"UnprocessedKeys":{"r":{"Keys":[{"equipmentId":{"S":"A"},"timestamp":{"S":"t"}}]}}}`
	})
	_, err := dynamo.NewReadings(client, "r", "eu-west-1", 0).Look(t.Context(), []reading.Key{{EquipmentID: "A", Timestamp: "t"}})
	wantKind(t, "look", err, fault.Unavailable)
}
