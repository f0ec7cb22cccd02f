package dynamodel

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// BatchExecuteStatement runs at most 25 statements on items of distinct keys, each judged by itself. Of PartiQL it knows what the
// service says: INSERT of an item, and UPDATE of one by its key and a condition, with all values as parameters.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.batching.html
func (d *Database) BatchExecuteStatement(_ context.Context, in *dynamodb.BatchExecuteStatementInput, _ ...option) (*dynamodb.BatchExecuteStatementOutput, error) {
	prepared, err := d.prepareStatements(in.Statements)
	if err != nil {
		return nil, err
	}
	out := &dynamodb.BatchExecuteStatementOutput{}
	for _, p := range prepared {
		response := types.BatchStatementResponse{TableName: p.name}
		err := p.err
		if err == nil {
			_, _, err = d.run(p.operation)
		}
		response.Error = p.failure(err)
		out.Responses = append(out.Responses, response)
	}
	return out, nil
}

// CheckStatements tells whether BatchExecuteStatement would refuse the batch as a whole, and runs nothing.
func (d *Database) CheckStatements(in *dynamodb.BatchExecuteStatementInput) error {
	_, err := d.prepareStatements(in.Statements)
	return err
}

// preparedStatement is a statement that was checked; err is what is wrong with it alone.
type preparedStatement struct {
	operation
	name   *string
	insert bool
	err    error
}

func (d *Database) prepareStatements(requests []types.BatchStatementRequest) ([]preparedStatement, error) {
	if n := len(requests); n == 0 || n > contract.BatchStatementsMax {
		return nil, invalid("1 validation error detected: the batch has %d statements, must have 1 to %d", n, contract.BatchStatementsMax)
	}
	type place struct {
		table *table
		key   Key
	}
	seen := map[place]bool{}
	reads := 0
	for _, request := range requests {
		if strings.HasPrefix(aws.ToString(request.Statement), "SELECT ") {
			reads++
		}
	}
	if reads > 0 && reads < len(requests) {
		return nil, invalid("The batch must consist of either read statements or write statements")
	}
	prepared := make([]preparedStatement, len(requests))
	for i, request := range requests {
		for _, value := range request.Parameters {
			if _, err := normalizeValue(value); err != nil {
				return nil, invalid("%v", err) // of the whole call
			}
		}
		p := d.prepareStatement(request)
		if p.err == nil {
			at := place{p.table, p.key}
			if seen[at] {
				return nil, invalid("Provided list of item keys contains duplicates")
			}
			seen[at] = true
		}
		prepared[i] = p
	}
	return prepared, nil
}

func (d *Database) prepareStatement(request types.BatchStatementRequest) (p preparedStatement) {
	s := parsed(&statements, aws.ToString(request.Statement), parseStatement)
	if p.err = s.err; p.err != nil {
		return p
	}
	if len(request.Parameters) != s.parameters {
		p.err = invalid("Number of parameters in request and statement don't match.")
		return p
	}
	p.name, p.insert = &s.table, s.insert
	if s.insert {
		item := Item{}
		for i, name := range s.names {
			item[name] = request.Parameters[i]
		}
		t, err := d.table(p.name)
		if err != nil {
			p.err = err
			return p
		}
		condition := "attribute_not_exists(" + t.definition.Key.Partition + ")"
		p.operation, p.err = d.preparePut(p.name, item, &condition, nil, nil)
		return p
	}
	key, values := Item{}, Item{}
	for i, value := range request.Parameters {
		if name, is := s.keys[i]; is {
			key[name] = value
		} else {
			values[placeholder(i)] = value
		}
	}
	p.operation, p.err = d.prepareUpdate(p.name, key, &s.update, &s.condition, s.placeholders, values)
	p.returnOld = request.ReturnValuesOnConditionCheckFailure == types.ReturnValuesOnConditionCheckFailureAllOld
	return p
}

// failure is what the response says of an error.
func (p preparedStatement) failure(err error) *types.BatchStatementError {
	var failed *types.ConditionalCheckFailedException
	var api smithy.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed) && p.insert:
		return &types.BatchStatementError{
			Code: types.BatchStatementErrorCodeEnumDuplicateItem, Message: aws.String("Duplicate primary key exists in table"),
		}
	case errors.As(err, &failed):
		return &types.BatchStatementError{
			Code: types.BatchStatementErrorCodeEnumConditionalCheckFailed, Message: failed.Message, Item: failed.Item,
		}
	case errors.As(err, &api) && api.ErrorCode() == "ResourceNotFoundException":
		return &types.BatchStatementError{Code: types.BatchStatementErrorCodeEnumResourceNotFound, Message: aws.String(api.ErrorMessage())}
	default:
		return &types.BatchStatementError{Code: types.BatchStatementErrorCodeEnumValidationError, Message: aws.String(err.Error())}
	}
}

// statement is one that was parsed. What it does to an item is said in the language of expressions.
type statement struct {
	table      string
	insert     bool
	names      []string // of what is inserted, in the order of the parameters
	parameters int

	update, condition string
	placeholders      map[string]string // of names
	keys              map[int]string    // key attributes by the parameter that gives them
	err               error
}

func placeholder(i int) string { return fmt.Sprintf(":p%d", i) }

// statementParser reads a statement from left to right.
type statementParser struct {
	text, rest string
	s          *statement
}

func parseStatement(text string) *statement {
	p := &statementParser{text: text, rest: text, s: &statement{placeholders: map[string]string{}, keys: map[int]string{}}}
	switch {
	case p.take("INSERT INTO"):
		p.s.insert, p.s.table = true, p.quoted('"')
		p.insertion()
	case p.take("UPDATE"):
		p.s.table = p.quoted('"')
		p.changes()
	default:
		p.fail()
	}
	if p.rest != "" {
		p.fail()
	}
	return p.s
}

func (p *statementParser) fail() {
	if p.s.err == nil {
		p.s.err = invalid("Statement wasn't well formed, can't be processed: %q at %q", p.text, p.rest)
	}
	p.rest = ""
}

// take consumes words or a sign, if they are next.
func (p *statementParser) take(words string) bool {
	rest, found := strings.CutPrefix(strings.TrimLeft(p.rest, " "), words)
	if found {
		p.rest = rest
	}
	return found
}

func (p *statementParser) expect(words string) {
	if !p.take(words) {
		p.fail()
	}
}

// quoted reads a name between quotes.
func (p *statementParser) quoted(quote byte) string {
	p.expect(string(quote))
	name, rest, found := strings.Cut(p.rest, string(quote))
	if !found || name == "" {
		p.fail()
		return "?"
	}
	p.rest = rest
	return name
}

// name reads an attribute's name and returns its placeholder.
func (p *statementParser) name() string {
	name := p.quoted('"')
	p.s.placeholders["#"+name] = name
	return "#" + name
}

// parameter reads a question mark and returns its number.
func (p *statementParser) parameter() int {
	p.expect("?")
	p.s.parameters++
	return p.s.parameters - 1
}

func (p *statementParser) insertion() {
	p.expect("VALUE")
	p.expect("{")
	for {
		p.s.names = append(p.s.names, p.quoted('\''))
		p.expect(":")
		p.parameter()
		if !p.take(",") {
			break
		}
	}
	p.expect("}")
}

func (p *statementParser) changes() {
	var sets, removes []string
	for p.s.err == nil && !p.take("WHERE") {
		switch {
		case p.take("SET"):
			name := p.name()
			p.expect("=")
			sets = append(sets, name+" = "+placeholder(p.parameter()))
		case p.take("REMOVE"):
			removes = append(removes, p.name())
		default:
			p.fail()
		}
	}
	if len(sets) > 0 {
		p.s.update = "SET " + strings.Join(sets, ", ")
	}
	if len(removes) > 0 {
		p.s.update += " REMOVE " + strings.Join(removes, ", ")
	}
	first := p.key()
	p.expect("AND")
	p.key()
	p.s.condition = "attribute_exists(" + first + ")"
	if p.take("AND") {
		p.s.condition += " AND " + p.conditions()
	}
	for placeholder := range p.s.placeholders { // those of the key stand in no expression
		if !strings.Contains(p.s.update+p.s.condition, placeholder) {
			delete(p.s.placeholders, placeholder)
		}
	}
}

// key reads the equality of a key attribute and returns its placeholder.
func (p *statementParser) key() string {
	name := p.name()
	p.expect("=")
	p.s.keys[p.parameter()] = name[1:]
	return name
}

// conditions reads a condition, or several in brackets of which one must hold.
func (p *statementParser) conditions() string {
	if !p.take("(") {
		return p.comparison()
	}
	text := p.comparison()
	for p.take("OR") {
		text += " OR " + p.comparison()
	}
	p.expect(")")
	return "(" + text + ")"
}

func (p *statementParser) comparison() string {
	name := p.name()
	if p.take("IS MISSING") {
		return "attribute_not_exists(" + name + ")"
	}
	p.expect("<")
	return name + " < " + placeholder(p.parameter())
}
