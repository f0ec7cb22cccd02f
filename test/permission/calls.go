package permission

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"regexp"
	"strings"
)

// Account is the one that all resources are in.
const Account = "111122223333"

// arnOf is the name of a resource of a region.
func arnOf(service, region, resource string) string {
	return "arn:aws:" + service + ":" + region + ":" + Account + ":" + resource
}

// understand tells what a request needs the right to. A call without a resource is one that is not understood.
func understand(region, target string, request *http.Request, body []byte) []Call {
	service, operation, _ := strings.Cut(target, ".")
	switch {
	case strings.HasPrefix(service, "DynamoDB_"):
		return tableCalls(region, operation, body)
	case service == "AmazonSQS":
		var in struct {
			Address string `json:"QueueUrl"`
		}
		_ = json.Unmarshal(body, &in) // without an address it is not understood
		arn := ""
		if in.Address != "" {
			arn = arnOf("sqs", region, in.Address[strings.LastIndex(in.Address, "/")+1:])
		}
		return []Call{{Action: "sqs:" + strings.TrimSuffix(operation, "Batch"), Resource: arn}}
	case service == "secretsmanager":
		var in struct {
			ID string `json:"SecretId"`
		}
		_ = json.Unmarshal(body, &in) // without a secret it is not understood
		return []Call{{Action: service + ":" + operation, Resource: in.ID}}
	case target == "":
		return objectCalls(request, body)
	}
	return []Call{{}}
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
func tableCalls(region, operation string, body []byte) (calls []Call) {
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
			arn = arnOf("dynamodb", region, "table/"+table)
		}
		calls = append(calls, Call{Action: "dynamodb:" + action, Resource: arn})
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
func objectCalls(request *http.Request, body []byte) []Call {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	query, arn := request.URL.Query(), "arn:aws:s3:::"+bucket
	if key == "" {
		switch {
		case request.Method == http.MethodHead || query.Has("list-type"):
			return []Call{{Action: "s3:ListBucket", Resource: arn}}
		case query.Has("delete"):
			var in struct {
				Keys []string `xml:"Object>Key"`
			}
			_ = xml.Unmarshal(body, &in) // without keys nothing is deleted
			var calls []Call
			for _, k := range in.Keys {
				calls = append(calls, Call{Action: "s3:DeleteObject", Resource: arn + "/" + k})
			}
			return calls
		}
		return []Call{{}}
	}
	arn += "/" + key
	switch request.Method {
	case http.MethodGet, http.MethodHead:
		if query.Has("uploadId") {
			return []Call{{Action: "s3:ListMultipartUploadParts", Resource: arn}}
		}
		return []Call{{Action: "s3:GetObject", Resource: arn}}
	case http.MethodDelete:
		if query.Has("uploadId") {
			return []Call{{Action: "s3:AbortMultipartUpload", Resource: arn}}
		}
		return []Call{{Action: "s3:DeleteObject", Resource: arn}}
	case http.MethodPut, http.MethodPost:
		calls := []Call{{Action: "s3:PutObject", Resource: arn}}
		if from := request.Header.Get("X-Amz-Copy-Source"); from != "" {
			calls = append(calls, Call{Action: "s3:GetObject", Resource: "arn:aws:s3:::" + strings.TrimPrefix(from, "/")})
		}
		return calls
	}
	return []Call{{}}
}
