package dynamo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/ingest"
)

// twice makes each call a second time as the SDK encodes it, and keeps both requests.
type twice struct {
	*dynamodb.Client
	requests []*http.Request
	bodies   []string
}

func (c *twice) BatchExecuteStatement(
	ctx context.Context, in *dynamodb.BatchExecuteStatementInput, o ...func(*dynamodb.Options),
) (*dynamodb.BatchExecuteStatementOutput, error) {
	if _, err := c.Client.BatchExecuteStatement(ctx, in); err != nil {
		return nil, err
	}
	return c.Client.BatchExecuteStatement(ctx, in, o...)
}

func newTwice(answer string) *twice {
	c := &twice{}
	c.Client = dynamodb.NewFromConfig(aws.Config{
		Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
		HTTPClient: transport(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			c.requests, c.bodies = append(c.requests, r), append(c.bodies, string(body))
			return &http.Response{
				StatusCode: http.StatusOK, ContentLength: int64(len(answer)), Body: io.NopCloser(bytes.NewReader([]byte(answer))),
				Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
			}, err
		}),
	})
	return c
}

// The requests that are encoded here are those that the SDK would have made of the same statements, signature apart.
func TestTry_SendsWhatTheSDKWouldSend(t *testing.T) {
	insert := attempt(t, "EQ-1", "12.5", 0)
	odd := attempt(t, "EQ-2", "-0.000000000000000000000000001", time.Nanosecond)
	odd.EquipmentID = "quotes \" and \\, a line\nbreak, \x00, \x7f, ü, \u2028 and <&>" // which no reading has, and an encoder must stand
	for name, attempts := range map[string][]ingest.Attempt{
		"an insertion": {insert}, "an update": {over(insert)}, "a tombstone": {deleting(insert)}, "over it": {over(deleting(insert))},
		"all kinds": {insert, over(odd), deleting(odd), over(deleting(insert)), insert, insert},
	} {
		for _, retention := range []time.Duration{0, 1000 * time.Hour} {
			c := newTwice(`{"Responses":[]}`)
			dynamo.NewReadings(c, `table "of" readings`, "eu-west-1", retention).Try(t.Context(), attempts)
			if len(c.bodies) != 2 {
				t.Fatalf("%s: %d requests", name, len(c.bodies))
			}
			var want, got any
			if err := json.Unmarshal([]byte(c.bodies[0]), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(c.bodies[1]), &got); err != nil {
				t.Fatalf("%s: %v in %s", name, err, c.bodies[1])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: body (-SDK +ours):\n%s", name, diff)
			}
			theirs, ours := c.requests[0], c.requests[1]
			if theirs.Method != ours.Method || theirs.URL.String() != ours.URL.String() {
				t.Errorf("%s: %s %s, want %s %s", name, ours.Method, ours.URL, theirs.Method, theirs.URL)
			}
			for _, r := range c.requests { // these tell of the moment, of the body's form and of the attempt
				for _, header := range []string{"Authorization", "X-Amz-Date", "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request", "User-Agent"} {
					if r.Header.Get(header) == "" && header != "Amz-Sdk-Request" {
						t.Errorf("%s: no header %s", name, header)
					}
					r.Header.Del(header)
				}
			}
			if diff := cmp.Diff(theirs.Header, ours.Header); diff != "" {
				t.Errorf("%s: headers (-SDK +ours):\n%s", name, diff)
			}
		}
	}
}

// What the service does not send itself goes the SDK's way.
func TestTry_LeavesWhatItDoesNotKnowToTheSDK(t *testing.T) {
	c := newTwice(`{"Responses":[]}`)
	unknown := changing{c, func(in *dynamodb.BatchExecuteStatementInput) {
		in.Statements[0].Parameters = append(in.Statements[0].Parameters, &types.AttributeValueMemberSS{Value: []string{"a"}})
		in.Statements[0].ConsistentRead = aws.Bool(true)
		in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	}}
	dynamo.NewReadings(unknown, "readings", "eu-west-1", 0).Try(t.Context(), []ingest.Attempt{attempt(t, "EQ-1", "1", 0)})
	if len(c.bodies) != 2 || c.bodies[0] != c.bodies[1] {
		t.Errorf("sent %q", c.bodies)
	}
}

type changing struct {
	*twice
	change func(*dynamodb.BatchExecuteStatementInput)
}

func (c changing) BatchExecuteStatement(
	ctx context.Context, in *dynamodb.BatchExecuteStatementInput, o ...func(*dynamodb.Options),
) (*dynamodb.BatchExecuteStatementOutput, error) {
	c.change(in)
	return c.twice.BatchExecuteStatement(ctx, in, o...)
}

// An answer is taken for a success of all of its statements only if it says so, however answers are changed at random.
func TestTry_TakesForMadeOnlyWhatTheTableSaysIsMade(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, seed := range []string{
		`{"Responses":[{"TableName":"t"},{"TableName":"arn:aws:dynamodb:eu-west-1:1:table/t_-.T"}]}`, `{"Responses":[]}`, `{}`, ``,
		`{"Responses":[{"TableName":"t","Error":{"Code":"DuplicateItem"}}]}`, `{"Responses":[{"TableName":"t"},{}]}`,
		`{"Responses":[{"TableName":"t"}],"ConsumedCapacity":[]}`,
	} {
		for change := range 5000 { // the first of which is none
			answer := []byte(seed)
			for range min(change, 1+random.IntN(3)) {
				at := random.IntN(len(answer) + 1)
				end := min(at+random.IntN(4), len(answer))
				answer = slices.Replace(answer, at, end, []byte(seed[random.IntN(len(seed)+1):])...)
				if len(answer) > 0 {
					answer[random.IntN(len(answer))] ^= byte(random.IntN(2) * random.IntN(256))
				}
			}
			holdsAllMade(t, answer)
		}
	}
	if made, ok := dynamo.AllMade([]byte(`{"Responses":[{"TableName":"t"},{"TableName":"t"}]}`)); made != 2 || !ok {
		t.Errorf("%d made, %t", made, ok)
	}
}

func holdsAllMade(t *testing.T, answer []byte) {
	t.Helper()
	made, ok := dynamo.AllMade(answer)
	if !ok {
		return
	}
	var said struct{ Responses []map[string]any }
	if err := json.Unmarshal(answer, &said); err != nil || len(said.Responses) != made {
		t.Fatalf("%d statements made, and %v says %q", made, err, answer)
	}
	for _, one := range said.Responses {
		if _, named := one["TableName"].(string); !named || len(one) != 1 {
			t.Fatalf("a statement was made, says %q", answer)
		}
	}
}
