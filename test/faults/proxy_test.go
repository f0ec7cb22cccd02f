package faults_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
)

// calls of DynamoDB's protocol, by the header that names them.
const (
	targetHeader  = "X-Amz-Target"
	targetPrefix  = "DynamoDB_20120810."
	opStatements  = "BatchExecuteStatement"
	opTransaction = "TransactWriteItems"
)

func operation(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get(targetHeader), targetPrefix)
}

// readBody takes a request's body and leaves another to be read.
func readBody(r *http.Request) []byte {
	body, _ := io.ReadAll(r.Body) // a body that breaks off reaches DynamoDB as it is
	setBody(r, body)
	return body
}

func setBody(r *http.Request, body []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

// refuse answers like DynamoDB does.
func refuse(w http.ResponseWriter, status int, kind string, more map[string]any) {
	members := map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + kind, "message": "made up by a test"}
	for name, value := range more {
		members[name] = value
	}
	body, _ := json.Marshal(members) // strings and lists only
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// unreliable is a DynamoDB that throttles, also single statements of a batch, and that fails with and without having done what it
// was asked for.
type unreliable struct {
	dice *dice
	// perMille of the calls fail; while brownOut is set, all do.
	perMille atomic.Int64
	brownOut atomic.Bool
	// starving throttles every write of the starved equipment, however often it comes.
	starving atomic.Bool

	throttled, failed, failedAfter, cancelled, cut atomic.Int64
	// transactions counts those that were sent, of which there are too few to leave it to chance that one is cancelled.
	transactions atomic.Int64
}

// alwaysCancelled is the number of a transaction that is cancelled whatever the random numbers are.
const alwaysCancelled = 20

func (u *unreliable) wrap(forward http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chance := int(u.perMille.Load())
		if u.brownOut.Load() {
			chance = 1000
		}
		op := operation(r)
		switch {
		case op == opTransaction && chance > 0 && u.transactions.Add(1) == alwaysCancelled:
			u.cancel(w, readBody(r))
		case u.dice.happens(chance):
			u.fail(w, r, forward, op)
		case op == opStatements && (u.dice.happens(2*chance) || u.starving.Load()):
			u.leaveSome(w, r, forward)
		default:
			forward.ServeHTTP(w, r)
		}
	})
}

func (u *unreliable) fail(w http.ResponseWriter, r *http.Request, forward http.Handler, op string) {
	switch u.dice.below(4) {
	case 0, 1:
		if op == opTransaction && u.dice.happens(500) {
			u.cancel(w, readBody(r))
			return
		}
		u.throttled.Add(1)
		refuse(w, http.StatusBadRequest, "ProvisionedThroughputExceededException", nil)
	case 2:
		u.failed.Add(1)
		refuse(w, http.StatusInternalServerError, "InternalServerError", nil)
	default: // what it did will never be known
		u.failedAfter.Add(1)
		forward.ServeHTTP(httptest.NewRecorder(), r)
		refuse(w, http.StatusInternalServerError, "InternalServerError", nil)
	}
}

// cancel answers a transaction as one of whose items was throttled.
func (u *unreliable) cancel(w http.ResponseWriter, body []byte) {
	u.cancelled.Add(1)
	var in struct{ TransactItems []json.RawMessage }
	_ = json.Unmarshal(body, &in) // what is not JSON has no items
	reasons := make([]map[string]string, len(in.TransactItems))
	for i := range reasons {
		reasons[i] = map[string]string{"Code": "None"}
	}
	if len(reasons) > 0 {
		reasons[u.dice.below(len(reasons))] = map[string]string{"Code": "ThrottlingError", "Message": "made up by a test"}
	}
	refuse(w, http.StatusBadRequest, "TransactionCanceledException", map[string]any{"CancellationReasons": reasons})
}

// leaveSome takes statements out of a batch before it is forwarded and answers that they were throttled.
func (u *unreliable) leaveSome(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	var in map[string]json.RawMessage
	var statements []json.RawMessage
	if err := json.Unmarshal(readBody(r), &in); err != nil {
		panic(fmt.Sprintf("a batch that is no JSON: %v", err)) // the SDK makes it
	}
	if err := json.Unmarshal(in["Statements"], &statements); err != nil {
		panic(fmt.Sprintf("a batch without statements: %v", err))
	}
	chance := 500
	if u.starving.Load() {
		chance = int(u.perMille.Load())
	}
	responses := make([]json.RawMessage, len(statements))
	var kept []json.RawMessage
	var places []int
	for i, statement := range statements {
		if u.dice.happens(chance) || u.starving.Load() && bytes.Contains(statement, []byte(`"`+starved+`"`)) {
			responses[i] = json.RawMessage(`{"Error":{"Code":"ThrottlingError","Message":"made up by a test"}}`)
		} else {
			kept, places = append(kept, statement), append(places, i)
		}
	}
	u.cut.Add(1)
	if len(kept) > 0 {
		in["Statements"], _ = json.Marshal(kept) // it was JSON before
		body, _ := json.Marshal(in)
		setBody(r, body)
		recorder := httptest.NewRecorder()
		forward.ServeHTTP(recorder, r)
		if recorder.Code != http.StatusOK {
			w.WriteHeader(recorder.Code)
			_, _ = w.Write(recorder.Body.Bytes())
			return
		}
		var out struct{ Responses []json.RawMessage }
		_ = json.Unmarshal(recorder.Body.Bytes(), &out)
		for i, response := range out.Responses {
			responses[places[i]] = response
		}
	}
	body, _ := json.Marshal(map[string]any{"Responses": responses})
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_, _ = w.Write(body) // without the checksum of what DynamoDB answered
}
