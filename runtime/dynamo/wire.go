package dynamo

import (
	"bytes"
	"time"

	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
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

// encode writes a call of attempts as the SDK would, as JSON.
func (s *Readings) encode(attempts []ingest.Attempt) []byte {
	dst := append(make(encoding, 0, 64+statementBytes*len(attempts)), `{"Statements":[`...)
	for i := range attempts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"Statement":`...)
		dst = append(dst, s.statements.of(&attempts[i]).json...)
		dst = append(dst, `,"Parameters":[`...)
		s.parameters(&dst, &attempts[i])
		dst[len(dst)-1] = ']' // in place of a comma
		if attempts[i].Over {
			dst = append(dst, `,"ReturnValuesOnConditionCheckFailure":"ALL_OLD"`...)
		}
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}

// statementBytes is about what a statement takes.
const statementBytes = 400

// encoding is a list of parameters as JSON. Each has a comma behind it.
type encoding []byte

func (e *encoding) text(t string) { *e = append(appendText(append(*e, `{"S":`...), t), `},`...) }
func (e *encoding) number(n string) {
	*e = append(append(append(*e, `{"N":"`...), n...), `"},`...)
}
func (e *encoding) moment(t time.Time) {
	*e = append(reading.AppendTimestamp(append(*e, `{"S":"`...), t), `"},`...)
}
func (e *encoding) yes() { *e = append(*e, `{"BOOL":true},`...) }

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
