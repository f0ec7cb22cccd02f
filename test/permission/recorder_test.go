package permission

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
)

// signed makes a request as a program would send it.
func signed(method, address, target, body string) *http.Request {
	r := httptest.NewRequest(method, address, strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=ROLE0/20261126/eu-west-1/s3/aws4_request, …")
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	return r
}

func TestRecorder_UnderstandsWhatProgramsCall(t *testing.T) {
	const dynamo, table, bucket = "DynamoDB_20120810.", "arn:aws:dynamodb:REGION:" + Account + ":table/", "arn:aws:s3:::b"
	copying := signed("PUT", "http://s3/b/rejects/1?partNumber=1", "", "")
	copying.Header.Set("X-Amz-Copy-Source", "b/rejects/0")
	unsigned := signed("OPTIONS", "http://s3/b/uploads/1", "", "")
	unsigned.Header.Del("Authorization")
	const presignedBy = "X-Amz-Credential=ROLE0%2F20261126&x-id="
	for name, c := range map[string]struct {
		request *http.Request
		want    []string // actions and resources; none where nothing needs a right
	}{
		"a call on a table":   {signed("POST", "http://db/", dynamo+"Query", `{"TableName":"T"}`), []string{"dynamodb:Query " + table + "T"}},
		"a call on an index":  {signed("POST", "http://db/", dynamo+"Query", `{"TableName":"T","IndexName":"i"}`), []string{"dynamodb:Query " + table + "T/index/i"}},
		"a batch of requests": {signed("POST", "http://db/", dynamo+"BatchGetItem", `{"RequestItems":{"T":{}}}`), []string{"dynamodb:BatchGetItem " + table + "T"}},
		"statements": {
			signed("POST", "http://db/", dynamo+"BatchExecuteStatement", `{"Statements":[{"Statement":"INSERT INTO \"T\" VALUE {}"},{"Statement":"UPDATE \"T\" SET x=1"},{"Statement":"SELECT * FROM \"T\""}]}`),
			[]string{"dynamodb:PartiQLInsert " + table + "T", "dynamodb:PartiQLSelect " + table + "T", "dynamodb:PartiQLUpdate " + table + "T"},
		},
		"a transaction": {
			signed("POST", "http://db/", dynamo+"TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"T"}},{"Update":{"TableName":"U"}}]}`),
			[]string{"dynamodb:PutItem " + table + "T", "dynamodb:UpdateItem " + table + "U"},
		},
		"a message": {
			signed("POST", "http://sqs/", "AmazonSQS.SendMessageBatch", `{"QueueUrl":"http://sqs/q"}`), []string{"sqs:SendMessage arn:aws:sqs:REGION:" + Account + ":q"},
		},
		"a secret":                    {signed("POST", "http://sm/", "secretsmanager.GetSecretValue", `{"SecretId":"arn:secret"}`), []string{"secretsmanager:GetSecretValue arn:secret"}},
		"an object":                   {signed("PUT", "http://s3/b/uploads/1?x-id=PutObject", "", ""), []string{"s3:PutObject " + bucket + "/uploads/1"}},
		"a part that is copied":       {copying, []string{"s3:GetObject " + bucket + "/rejects/0", "s3:PutObject " + bucket + "/rejects/1"}},
		"the parts of an upload":      {signed("GET", "http://s3/b/uploads/1?uploadId=2", "", ""), []string{"s3:ListMultipartUploadParts " + bucket + "/uploads/1"}},
		"an upload that is given up":  {signed("DELETE", "http://s3/b/uploads/1?uploadId=2", "", ""), []string{"s3:AbortMultipartUpload " + bucket + "/uploads/1"}},
		"objects that are deleted":    {signed("POST", "http://s3/b?delete", "", `<Delete><Object><Key>x</Key></Object></Delete>`), []string{"s3:DeleteObject " + bucket + "/x"}},
		"a presigned address":         {httptest.NewRequest(http.MethodPut, "http://s3/b/uploads/1?"+presignedBy+"PutObject", nil), []string{"s3:PutObject " + bucket + "/uploads/1"}},
		"a presigned address misused": {httptest.NewRequest(http.MethodDelete, "http://s3/b/uploads/1?"+presignedBy+"PutObject", nil), nil},
		"what nobody signs":           {unsigned, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRecorder()
			r.AccessKey("Role")
			want, _ := io.ReadAll(c.request.Body)
			c.request.Body = io.NopCloser(strings.NewReader(string(want)))
			r.Observe("REGION", c.request)
			var got []string
			for call := range maps.Keys(r.calls) {
				got = append(got, call.Action+" "+call.Resource)
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) || len(r.Strange()) > 0 {
				t.Errorf("it is understood as %q, %q is strange", got, r.Strange())
			}
			if left, _ := io.ReadAll(c.request.Body); string(left) != string(want) {
				t.Errorf("the body is %q then", left)
			}
		})
	}
}

func TestRecorder_SaysWhatItDoesNotUnderstand(t *testing.T) {
	r := NewRecorder()
	for _, request := range []*http.Request{
		signed("POST", "http://kms/", "TrentService.Decrypt", `{}`), signed("POST", "http://sqs/", "AmazonSQS.SendMessage", `{}`),
		signed("PUT", "http://s3/b?policy", "", ""), signed("POST", "http://db/", "DynamoDBStreams_20120810.GetRecords", `{}`),
	} {
		r.ObserveAs("Role", "REGION", request)
	}
	if got := r.Strange(); len(got) != 4 {
		t.Errorf("strange are %q", got)
	}
}

// TestRecorder_LeavesAloneWhatBreaksOff is about a program that is killed while it calls.
func TestRecorder_LeavesAloneWhatBreaksOff(t *testing.T) {
	r := NewRecorder()
	request := signed("POST", "http://db/", "DynamoDB_20120810.TransactWriteItems", "")
	request.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"Transact`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	r.ObserveAs("Role", "REGION", request)
	if len(r.Strange()) > 0 || len(r.Roles()) > 0 {
		t.Errorf("strange are %q, and called have %q", r.Strange(), r.Roles())
	}
	if body, err := io.ReadAll(request.Body); string(body) != `{"Transact` || err == nil {
		t.Errorf("passed on is %q, %v", body, err)
	}
}

// TestWatch_FindsWhatNoLineAllows lets a part call what its role may, then what it may not.
func TestWatch_FindsWhatNoLineAllows(t *testing.T) {
	w := NewWatch("nobody")
	call := func(part, operation, table string) {
		w.Observe(part, signed("POST", "http://db/", "DynamoDB_20120810."+operation, `{"TableName":"SensorFlow-`+table+`"}`))
	}
	stream := `{"StreamArn":"arn:aws:dynamodb:ddblocal:000000000000:table/SensorFlow-Readings/stream/2026-11-26T07:16:32.269"}`
	w.Observe(stack.PartAggregator, signed("POST", "http://db/", "DynamoDBStreams_20120810.GetShardIterator", stream))
	w.Observe(stack.PartAggregator, signed("POST", "http://db/", "DynamoDBStreams_20120810.GetRecords", `{}`))
	call(stack.PartAPI, "Query", "Readings")
	if problems, err := w.Problems(false); err != nil || len(problems) > 0 {
		t.Errorf("calls that are allowed: %q, %v", problems, err)
	}
	call(stack.PartAPI, "DeleteItem", "Readings")
	call(stack.PartAggregator, "Query", "Revocations")
	call("stranger", "Query", "Readings")
	problems, err := w.Problems(false)
	if err != nil || len(problems) != 3 {
		t.Fatalf("calls that are not: %q, %v", problems, err)
	}
	for i, want := range []string{
		theTask + " to call dynamodb:DeleteItem on", "AggregatorRole to call dynamodb:Query on arn:aws:dynamodb:REGION:" + Account + ":table/Revocations",
		"stranger to call",
	} {
		if all := strings.Join(problems, "\n"); !strings.Contains(all, want) {
			t.Errorf("%d: %q is not found: %s", i, want, all)
		}
	}
}
