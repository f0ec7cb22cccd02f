package contract_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// What was seen to be wrong in the implementation that this one replaces, a test for each. The tokens that it did not check
// are in TestToken_ForgeriesAreRefused, beside the unit tests of package auth, which can sign with the right key; what it
// lost when throttled and what it stored after SIGTERM without an answer are in test/faults.

func TestReference_AnAcceptedFileIsNotEmpty(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	content := rows(id + "," + stamp(recent()) + ",1")
	got := decode[fileAnswer](t, c.good(fileCall(t, "file", "a.csv", content), http.StatusCreated))
	if u := c.ended(got.UploadID); u.Bytes != int64(len(content)) || u.BytesProcessed != u.Bytes || u.RowsAccepted != 1 {
		t.Errorf("of %d bytes: %+v", len(content), u)
	}
}

func TestReference_TheOffsetOfATimestampCounts(t *testing.T) {
	t.Parallel()
	c := machine(t)
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -2)
	at := day.Format("2006-01-02") + "T01:30:00-05:00"
	sixOClock := hourLine(day.Add(6*time.Hour), 1, "1")
	byAPI, byFile := equipment(t), equipment(t)
	c.good(probe.Call{Path: "/sensor-data", Body: []byte(oneReading(byAPI, at, "1"))}, http.StatusCreated)
	c.upload(rows(byFile + "," + at + ",1"))
	c.hours(byAPI, "1w", sixOClock)
	c.hours(byFile, "1w", sixOClock)
}

func TestReference_ACorrectionIsNotAddedUp(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	c.send(id, at, "10")
	c.hours(id, "24h", hourLine(at, 1, "10"))
	c.send(id, at, "12")
	c.hours(id, "24h", hourLine(at, 1, "12"))
}

func TestReference_AnOddTimestampIsRefusedAndStopsNothing(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	odd := []string{"20230215T013000Z", "2023-W07-3", "2023-02-31T01:30:00Z"}
	var lines []string
	for _, timestamp := range odd {
		c.bad(probe.Call{Path: "/sensor-data", Body: []byte(oneReading(id, timestamp, "1"))}, http.StatusBadRequest)
		lines = append(lines, id+","+timestamp+",1")
	}
	if u := c.upload(rows(append(lines, id+","+stamp(at)+",1")...)); u.RowsRejected != 3 || u.RowsAccepted != 1 {
		t.Errorf("upload %+v", u)
	}
	c.send(id, at.Add(time.Second), "2")
	c.hours(id, "24h", hourLine(at, 2, "3"))
}

func TestReference_AFileOfBadRowsIsNotCompleted(t *testing.T) {
	t.Parallel()
	c := machine(t)
	u := c.upload(rows("a b,x,y", "1,2,3", ",,1"))
	if u.Status != "completed-with-rejects" || u.RowsAccepted != 0 || u.RowsRejected != 3 {
		t.Errorf("upload %+v", u)
	}
	if got := readCSV(t, c.rejects(u)); len(got) != 4 {
		t.Errorf("rejects %q", got)
	}
}

func TestReference_NoNumberIsMadeOfText(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	at := stamp(recent())
	c.bad(probe.Call{Path: "/sensor-data", Body: []byte(oneReading(id, at, `"00123"`))}, http.StatusBadRequest)
	c.bad(probe.Call{Path: "/sensor-data", Body: []byte(oneReading(id, at, `00123`))}, http.StatusBadRequest)
	c.bad(array(oneReading(id, at, `"00123"`)), http.StatusBadRequest)
	if u := c.upload(rows(id+","+at+",00123", id+","+at+",\" 123\"", id+","+at+",123x")); u.RowsAccepted != 0 || u.RowsRejected != 3 {
		t.Errorf("upload %+v", u)
	}
	if got := c.stored(id); len(got) > 0 {
		t.Errorf("stored %q", got)
	}
}

func TestReference_NothingBeyondTheLimitsIsAccepted(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	at := stamp(recent())
	var lines, fileRows []string
	for _, one := range [][3]string{{"", at, "1"}, {strings.Repeat("x", 3000), at, "1"}, {id, at, "1e300"}, {id, "2999-01-01T00:00:00Z", "1"}} {
		line := oneReading(one[0], one[1], one[2])
		c.bad(probe.Call{Path: "/sensor-data", Body: []byte(line)}, http.StatusBadRequest)
		lines, fileRows = append(lines, line), append(fileRows, strings.Join(one[:], ","))
	}
	c.bad(array(lines...), http.StatusBadRequest)
	if u := c.upload(rows(fileRows...)); u.RowsAccepted != 0 || u.RowsRejected != 4 {
		t.Errorf("upload %+v", u)
	}
	if got := c.stored(id); len(got) > 0 {
		t.Errorf("stored %q", got)
	}
}

// Whatever way a reading comes, it is stored under the same names.
func TestReference_EveryColumnHasOneSpelling(t *testing.T) {
	t.Parallel()
	c, at := machine(t), recent()
	single, batch, file := equipment(t), equipment(t), equipment(t)
	c.send(single, at, "1.50")
	c.good(array(oneReading(batch, stamp(at), "1.50")), http.StatusCreated)
	c.upload(rows(file + "," + stamp(at) + ",1.50"))
	database := probe.NewDynamoDB(local.Region, local.DynamoDBEndpoint)
	table := local.Tables[contract.ReadingsTable().Name]
	for _, id := range []string{single, batch, file} {
		key := map[string]types.AttributeValue{
			"equipmentId": &types.AttributeValueMemberS{Value: id},
			"timestamp":   &types.AttributeValueMemberS{Value: at.Format("2006-01-02T15:04:05.000000000Z")},
		}
		got, err := database.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for name := range got.Item {
			names = append(names, name)
		}
		slices.Sort(names)
		if want := []string{"equipmentId", "expiresAt", "id", "region", "registerTime", "timestamp", "value"}; !slices.Equal(names, want) {
			t.Errorf("%s is stored as %q", id, names)
		}
		value, isNumber := got.Item["value"].(*types.AttributeValueMemberN)
		region, isText := got.Item["region"].(*types.AttributeValueMemberS)
		if !isNumber || value.Value != "1.5" || !isText || region.Value != local.Region {
			t.Errorf("%s is stored as %v", id, got.Item)
		}
	}
	if u := c.upload(fmt.Sprintf("equipmentId,equipmentid,timestamp,value\n%s,%s,%s,1\n", file, file, stamp(at))); u.Status != "failed" {
		t.Errorf("two spellings of one column: %+v", u)
	}
	answer := c.good(probe.Call{Path: "/sensor-data?equipmentId=" + file}, http.StatusOK)
	var page struct{ Items []map[string]json.RawMessage }
	if err := json.Unmarshal(answer.Body, &page); err != nil || len(page.Items) != 1 || len(page.Items[0]) != 4 {
		t.Errorf("the listing is %s", answer.Body)
	}
}
