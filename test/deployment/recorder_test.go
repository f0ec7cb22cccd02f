package deployment_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// call is one kind of call: an action of IAM, on a resource, by a role.
type call struct{ Role, Action, Resource string }

// recorder notes which role calls what.
type recorder struct {
	mu    sync.Mutex
	roles []string
	// streams are the emulator's streams by region and the ARN that DynamoDB Local gives to its own; followed is the stream that a role
	// read last, since an iterator does not tell whose it is.
	streams  map[string]string
	followed map[string]string
	// calls have the keys of conditions that a call is made with.
	calls map[call]map[string]string
	// strange are requests that the recorder does not understand.
	strange []string
}

func newRecorder() *recorder {
	return &recorder{streams: map[string]string{}, followed: map[string]string{}, calls: map[call]map[string]string{}}
}

// accessKey is one for a role, by which its calls are known. DynamoDB Local takes letters and digits alone.
func (r *recorder) accessKey(role string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.roles, role)
	if i < 0 {
		i, r.roles = len(r.roles), append(r.roles, role)
	}
	return fmt.Sprintf("ROLE%d", i)
}

// record notes a call, by the name of its role.
func (r *recorder) record(role, action, resource string, conditions map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[call{role, action, resource}] = conditions
}

// stream notes which stream of the emulator one of DynamoDB Local stands for.
func (r *recorder) stream(region, local, emulated string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams[region+" "+local] = emulated
}

// credential finds whose request it is, in its header or its presigned address.
var credential = regexp.MustCompile(`(?:Credential=|^)ROLE(\d+)/`)

// observe notes the calls that a request is. The body stays readable.
func (r *recorder) observe(region string, request *http.Request) {
	from := request.Header.Get("Authorization")
	if presigned := request.URL.Query().Get("X-Amz-Credential"); presigned != "" {
		from = presigned
	}
	match := credential.FindStringSubmatch(from)
	if match == nil {
		return
	}
	r.mu.Lock()
	var i int
	_, _ = fmt.Sscan(match[1], &i) // the pattern lets digits through alone
	role := r.roles[i]
	r.mu.Unlock()
	target := request.Header.Get("X-Amz-Target")
	var body []byte
	if target != "" || request.Method == http.MethodPost && request.URL.Query().Has("delete") {
		body, _ = io.ReadAll(request.Body) // what breaks off is passed on as it is
		request.Body = io.NopCloser(bytes.NewReader(body))
	}
	for _, c := range r.understand(region, role, target, request, body) {
		if c.Resource == "" {
			r.mu.Lock()
			r.strange = append(r.strange, fmt.Sprintf("%s %s %s %.200s", request.Method, request.URL.Path, target, body))
			r.mu.Unlock()
			continue
		}
		r.record(role, c.Action, c.Resource, nil)
	}
}

// understand tells what a request needs the right to. A call without a resource is one that is not understood.
func (r *recorder) understand(region, role, target string, request *http.Request, body []byte) []call {
	service, operation, _ := strings.Cut(target, ".")
	switch {
	case strings.HasPrefix(service, "DynamoDBStreams_"):
		return []call{{Action: "dynamodb:" + operation, Resource: r.streamRead(region, role, body)}}
	case strings.HasPrefix(service, "DynamoDB_"):
		return tableCalls(region, operation, body)
	case service == "AmazonSQS":
		var in struct{ QueueUrl string } //nolint:revive // SQS writes it so
		_ = json.Unmarshal(body, &in)    // without an address it is not understood
		arn := ""
		if in.QueueUrl != "" {
			arn = "arn:aws:sqs:" + region + ":" + account + ":" + in.QueueUrl[strings.LastIndex(in.QueueUrl, "/")+1:]
		}
		return []call{{Action: "sqs:" + strings.TrimSuffix(operation, "Batch"), Resource: arn}}
	case target == "":
		return objectCalls(request, body)
	}
	return []call{{}}
}

func (r *recorder) streamRead(region, role string, body []byte) string {
	var in struct{ StreamArn string }
	_ = json.Unmarshal(body, &in) // GetRecords has none
	r.mu.Lock()
	defer r.mu.Unlock()
	if in.StreamArn != "" {
		r.followed[role] = r.streams[region+" "+in.StreamArn]
	}
	return r.followed[role]
}

// statement is the beginning of a statement of PartiQL.
var statement = regexp.MustCompile(`^\s*(INSERT INTO|UPDATE|DELETE FROM|SELECT .* FROM)\s+"?([A-Za-z0-9_.-]+)`)

var statementActions = map[string]string{
	"INSERT INTO": "PartiQLInsert", "UPDATE": "PartiQLUpdate", "DELETE FROM": "PartiQLDelete",
}

var transactActions = map[string]string{
	"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem", "Get": "GetItem",
}

// tableCalls are the rights that a call of DynamoDB needs: those to what its statements and transactions do, not one of its own.
func tableCalls(region, operation string, body []byte) (calls []call) {
	var in struct {
		TableName, IndexName string
		RequestItems         map[string]any
		Statements           []struct{ Statement string }
		TransactItems        []map[string]struct{ TableName string }
	}
	_ = json.Unmarshal(body, &in) // what is no JSON names no table
	add := func(action, table string) {
		arn := ""
		if table != "" {
			arn = "arn:aws:dynamodb:" + region + ":" + account + ":table/" + table
		}
		calls = append(calls, call{Action: "dynamodb:" + action, Resource: arn})
	}
	for table := range in.RequestItems {
		add(operation, table)
	}
	for _, s := range in.Statements {
		match := append(statement.FindStringSubmatch(s.Statement), "", "", "")
		action, known := statementActions[match[1]]
		if !known {
			action = "PartiQLSelect"
		}
		add(action, match[2])
	}
	for _, item := range in.TransactItems {
		for kind, what := range item {
			add(transactActions[kind], what.TableName)
		}
	}
	if len(calls) == 0 {
		table := in.TableName
		if in.IndexName != "" {
			table += "/index/" + in.IndexName
		}
		add(operation, table)
	}
	return calls
}

// objectCalls are the rights that a call of S3 needs, of those that are made here.
func objectCalls(request *http.Request, body []byte) []call {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	query, arn := request.URL.Query(), "arn:aws:s3:::"+bucket
	if key == "" {
		switch {
		case request.Method == http.MethodHead || query.Has("list-type"):
			return []call{{Action: "s3:ListBucket", Resource: arn}}
		case query.Has("delete"):
			var in struct {
				Keys []string `xml:"Object>Key"`
			}
			_ = xml.Unmarshal(body, &in) // without keys nothing is deleted
			var calls []call
			for _, k := range in.Keys {
				calls = append(calls, call{Action: "s3:DeleteObject", Resource: arn + "/" + k})
			}
			return calls
		}
		return []call{{}}
	}
	arn += "/" + key
	switch request.Method {
	case http.MethodGet, http.MethodHead:
		return []call{{Action: "s3:GetObject", Resource: arn}}
	case http.MethodDelete:
		if query.Has("uploadId") {
			return []call{{Action: "s3:AbortMultipartUpload", Resource: arn}}
		}
		return []call{{Action: "s3:DeleteObject", Resource: arn}}
	case http.MethodPut, http.MethodPost:
		calls := []call{{Action: "s3:PutObject", Resource: arn}}
		if from := request.Header.Get("X-Amz-Copy-Source"); from != "" {
			calls = append(calls, call{Action: "s3:GetObject", Resource: "arn:aws:s3:::" + strings.TrimPrefix(from, "/")})
		}
		return calls
	}
	return []call{{}}
}

// addresses are where the programs of a region reach the services: proxies that record, before DynamoDB Local and the emulator, and the
// user pool.
func (w *world) addresses(ctx context.Context, region string) (map[string]string, error) {
	addresses := map[string]string{"AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": w.pool.address}
	for name, to := range map[string]struct{ service, address string }{
		"DYNAMODB": {"dynamodb", w.database.Endpoint}, "DYNAMODB_STREAMS": {"dynamodb", w.database.Endpoint},
		"S3": {"s3", w.emulator.endpoint}, "SQS": {"sqs", w.emulator.endpoint},
	} {
		target, err := url.Parse(to.address)
		if err != nil {
			return nil, fmt.Errorf("read the address of %s: %w", name, err)
		}
		forward := &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				// By the host the emulator knows the service where an address is presigned.
				r.Out.Host = to.service + "." + region + ".amazonaws.com"
			},
			ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) },
		}
		addresses["AWS_ENDPOINT_URL_"+name], err = w.serve(ctx, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.recorder.observe(region, r)
			forward.ServeHTTP(rw, r)
		}))
		if err != nil {
			return nil, err
		}
	}
	return addresses, nil
}
