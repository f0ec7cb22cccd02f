package dynamo

import (
	"bytes"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// allMade reads an answer that tells of each statement that it was made, and nothing else but its table; ok is false for any other.
// It returns how many there are.
func allMade(answer []byte) (statements int, ok bool) {
	rest, ok := bytes.CutPrefix(answer, []byte(`{"Responses":[`))
	for ok {
		if rest, ok = bytes.CutPrefix(rest, []byte(`{"TableName":"`)); !ok {
			return 0, false
		}
		end := 0
		for end < len(rest) && isNameByte(rest[end]) {
			end++
		}
		if rest, ok = bytes.CutPrefix(rest[end:], []byte(`"}`)); !ok {
			return 0, false
		}
		statements++
		if string(rest) == `]}` {
			return statements, true
		}
		rest, ok = bytes.CutPrefix(rest, []byte(`,`))
	}
	return 0, false
}

// isNameByte tells whether a byte may stand in the name of a table, or in its ARN.
func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= ':' || c == '-' || c == '_' || c == '.' || c == '/'
}

// encodeCall writes a call as JSON. ok is false where it holds what is not foreseen here.
func encodeCall(call *dynamodb.BatchExecuteStatementInput) (text []byte, ok bool) {
	if len(call.Statements) == 0 {
		return nil, false
	}
	// A parameter takes about 50 bytes, and a text of a statement grows by its quotes.
	size := 64
	for i := range call.Statements {
		size += 96 + len(aws.ToString(call.Statements[i].Statement))*5/4 + 50*len(call.Statements[i].Parameters)
	}
	dst := append(make([]byte, 0, size), `{"Statements":[`...)
	var same *string  // the statement before, which is usually the same
	var from, end int // where that is in dst
	for i := range call.Statements {
		one := &call.Statements[i]
		if one.Statement == nil || one.ConsistentRead != nil {
			return nil, false
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"Statement":`...)
		if one.Statement == same {
			start := len(dst)
			dst = append(dst, dst[from:end]...)
			from, end = start, len(dst)
		} else {
			from = len(dst)
			dst = appendText(dst, *one.Statement)
			same, end = one.Statement, len(dst)
		}
		if dst, ok = appendParameters(dst, one.Parameters); !ok {
			return nil, false
		}
		if one.ReturnValuesOnConditionCheckFailure != "" {
			dst = appendText(append(dst, `,"ReturnValuesOnConditionCheckFailure":`...), string(one.ReturnValuesOnConditionCheckFailure))
		}
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	if call.ReturnConsumedCapacity != "" {
		dst = appendText(append(dst, `,"ReturnConsumedCapacity":`...), string(call.ReturnConsumedCapacity))
	}
	return append(dst, '}'), true
}

func appendParameters(dst []byte, parameters []types.AttributeValue) (text []byte, ok bool) {
	for i, one := range parameters {
		if i == 0 {
			dst = append(dst, `,"Parameters":[`...)
		} else {
			dst = append(dst, ',')
		}
		switch v := one.(type) {
		case *types.AttributeValueMemberS:
			dst = append(appendText(append(dst, `{"S":`...), v.Value), '}')
		case *types.AttributeValueMemberN:
			dst = append(appendText(append(dst, `{"N":`...), v.Value), '}')
		case *types.AttributeValueMemberBOOL:
			dst = append(dst, `{"BOOL":`...)
			dst = append(strconv.AppendBool(dst, v.Value), '}')
		default:
			return nil, false
		}
	}
	if len(parameters) > 0 {
		dst = append(dst, ']')
	}
	return dst, true
}

const hexDigits = "0123456789abcdef"

// appendText appends a JSON string.
func appendText(dst []byte, text string) []byte {
	dst = append(dst, '"')
	done := 0
	for i := range len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[done:i]...)
		if done = i + 1; c < ' ' {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		} else {
			dst = append(dst, '\\', c)
		}
	}
	return append(append(dst, text[done:]...), '"')
}
