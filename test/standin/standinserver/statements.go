package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/standin"
)

// Answers to single statements.
const (
	statementMade      = `{"TableName":"readings"}`
	statementThrottled = `{"TableName":"readings","Error":{"Code":"ThrottlingError","Message":"The stand-in is throttling."}}`
	statementDuplicate = `{"TableName":"readings","Error":{"Code":"DuplicateItem","Message":"Duplicate primary key exists in table"}}`
	statementRefused   = `{"TableName":"readings","Error":{"Code":"ConditionalCheckFailed","Message":"The conditional request failed"}}`
)

// statements judges the statements of a batch. Those that are throttled are its last ones, or any by chance.
func (b *backend) statements(body []byte, o *standin.Options, now time.Time) answer {
	if o.Remember {
		return b.judged(body, o, now)
	}
	// A quotation mark inside of a JSON text has a backslash before it, so this finds the members alone.
	n := bytes.Count(body, []byte(`"Statement":`))
	if n == 1 && asksForRights(body) {
		b.counted.refused.Add(1)
		return responses([]string{statementRefused})
	}
	answers := make([]string, n)
	for i := range answers {
		if b.admit(1, o, now) == 0 {
			answers[i] = statementThrottled
			continue
		}
		answers[i] = statementMade
		b.counted.accepted.Add(1)
	}
	return responses(answers)
}

// asksForRights tells whether a call is the one by which the service asks whether it may write. No equipment has that name.
func asksForRights(body []byte) bool {
	return bytes.Contains(body, []byte(`"UPDATE `)) && bytes.Contains(body, []byte(`{"S":"#"}`))
}

func responses(answers []string) answer {
	return answer{http.StatusOK, []byte(`{"Responses":[` + strings.Join(answers, ",") + `]}`)}
}

// value is an attribute's, of the types that readings have.
type value struct {
	S    string `json:",omitempty"`
	N    string `json:",omitempty"`
	BOOL bool   `json:",omitempty"`
}

// The places of parameters in the statements that package dynamo writes.
var (
	insertParameters = regexp.MustCompile(`'(\w+)': \?`)
	updateParameters = regexp.MustCompile(`"(\w+)" [=<] \?`)
)

// judged judges the statements of a batch by the versions that are remembered.
func (b *backend) judged(body []byte, o *standin.Options, now time.Time) answer {
	var in struct {
		Statements []struct {
			Statement  string
			Parameters []value
		}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return answer{http.StatusBadRequest, []byte(malformed)}
	}
	answers := make([]string, len(in.Statements))
	for i, s := range in.Statements {
		if b.admit(1, o, now) == 0 {
			answers[i] = statementThrottled
			continue
		}
		if answers[i] = b.judge(s.Statement, s.Parameters); answers[i] == statementMade {
			b.counted.accepted.Add(1)
		} else {
			b.counted.refused.Add(1)
		}
	}
	return responses(answers)
}

// judge stores what a statement writes, or refuses it.
func (b *backend) judge(statement string, parameters []value) string {
	insert := strings.HasPrefix(statement, "INSERT ")
	places := updateParameters
	if insert {
		places = insertParameters
	}
	given := map[string]value{} // the last of an UPDATE's two versions is the same as the first
	for i, name := range places.FindAllStringSubmatch(statement, -1) {
		if i < len(parameters) {
			given[name[1]] = parameters[i]
		}
	}
	k := key{given[contract.AttrEquipmentID].S, given[contract.AttrTimestamp].S}
	next := standin.Reading{Version: given[contract.AttrRegisterTime].S, Value: given[contract.AttrValue].N}
	old, found, stored := b.memory.put(k, next, func(old standin.Reading, found bool) bool {
		return found != insert && (insert || old.Version < next.Version)
	})
	switch {
	case stored:
		return statementMade
	case insert:
		return statementDuplicate
	case !found:
		return statementRefused
	}
	return refusedBy(k, old)
}

// refusedBy is a refusal that brings the item along, as DynamoDB does where it is asked to.
func refusedBy(k key, r standin.Reading) string {
	text, err := json.Marshal(itemOf(k, r))
	if err != nil {
		panic(err) // texts alone
	}
	return strings.TrimSuffix(statementRefused, "}}") + `,"Item":` + string(text) + "}}"
}

func itemOf(k key, r standin.Reading) map[string]value {
	item := map[string]value{
		contract.AttrEquipmentID: {S: k.equipmentID}, contract.AttrTimestamp: {S: k.timestamp}, contract.AttrRegisterTime: {S: r.Version},
	}
	if r.Value == "" {
		item[contract.AttrDeleted] = value{BOOL: true}
	} else {
		item[contract.AttrValue] = value{N: r.Value}
	}
	return item
}

// look answers with the readings that are remembered.
func (b *backend) look(body []byte, o *standin.Options) answer {
	var in struct {
		RequestItems map[string]struct{ Keys []map[string]value }
	}
	found := map[string][]map[string]value{}
	if o.Remember {
		if err := json.Unmarshal(body, &in); err != nil {
			return answer{http.StatusBadRequest, []byte(malformed)}
		}
	}
	for table, wanted := range in.RequestItems {
		for _, one := range wanted.Keys {
			k := key{one[contract.AttrEquipmentID].S, one[contract.AttrTimestamp].S}
			if r, is := b.memory.find(k); is {
				found[table] = append(found[table], itemOf(k, r))
			}
		}
	}
	text, err := json.Marshal(map[string]any{"Responses": found, "UnprocessedKeys": struct{}{}})
	if err != nil {
		return answer{http.StatusBadRequest, []byte(malformed)}
	}
	return answer{http.StatusOK, text}
}
