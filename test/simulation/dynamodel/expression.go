package dynamodel

import (
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// operand yields a value for an item, nil where there is none.
type operand func(s *scope, item Item) types.AttributeValue

// predicate tells whether an item meets a condition.
type predicate func(s *scope, item Item) bool

// condition is a condition that was parsed.
type condition struct {
	holds predicate
	uses  []string
	names []string // of attributes, or their placeholders
	rules []rule
	err   error
}

// keyRange is a key condition that was parsed: a partition and, if sort is set, a condition on the sort key.
type keyRange struct {
	partition, sort string // attribute names or their placeholders
	equals          string // the placeholder of the partition's value
	within          predicate
	uses            []string
	rules           []rule
	err             error
}

// Expressions are few and recur, so that each is parsed once.
//
//nolint:gochecknoglobals // caches of pure functions
var (
	conditions sync.Map
	updates    sync.Map
	keyRanges  sync.Map
	statements sync.Map
)

func parsed[T any](cache *sync.Map, text string, parse func(string) T) T {
	if known, has := cache.Load(text); has {
		return known.(T)
	}
	value := parse(text)
	cache.Store(text, value)
	return value
}

func parseCondition(text *string) *condition {
	if text == nil {
		return &condition{holds: func(*scope, Item) bool { return true }}
	}
	return parsed(&conditions, *text, func(text string) *condition {
		p := newParser(text)
		c := &condition{holds: p.or()}
		p.end()
		c.uses, c.names, c.rules, c.err = p.uses, p.names, p.rules, p.err
		return c
	})
}

// parser reads expressions by recursive descent. After the first fault it goes on without effect.
type parser struct {
	text   string
	tokens []string
	uses   []string
	names  []string
	rules  []rule
	err    error
}

func newParser(text string) *parser {
	p := &parser{text: text}
	p.tokens, p.err = tokenize(text)
	return p
}

// tokenize cuts an expression into names, placeholders and signs.
func tokenize(text string) (tokens []string, err error) {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ':
			i++
		case isWord(c) || c == '#' || c == ':':
			j := i + 1
			for j < len(text) && isWord(text[j]) {
				j++
			}
			tokens, i = append(tokens, text[i:j]), j
		case strings.HasPrefix(text[i:], "<>"), strings.HasPrefix(text[i:], "<="), strings.HasPrefix(text[i:], ">="):
			tokens, i = append(tokens, text[i:i+2]), i+2
		case strings.IndexByte("(),=<>+-", c) >= 0:
			tokens, i = append(tokens, text[i:i+1]), i+1
		default:
			return nil, invalid("Invalid expression: Syntax error; token: %q in %q", text[i:i+1], text)
		}
	}
	return tokens, nil
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

func (p *parser) peek() string {
	if p.err != nil || len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	t := p.peek()
	if t == "" {
		p.fail()
		return ""
	}
	p.tokens = p.tokens[1:]
	return t
}

// take consumes a word or sign if it is next.
func (p *parser) take(word string) bool {
	if !strings.EqualFold(p.peek(), word) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) expect(word string) {
	if !p.take(word) {
		p.fail()
	}
}

func (p *parser) fail() {
	if p.err == nil {
		p.err = invalid("Invalid expression: Syntax error near %q in %q", strings.Join(p.tokens, " "), p.text)
	}
}

func (p *parser) end() {
	if len(p.tokens) > 0 {
		p.fail()
	}
}

// typed demands that a value is of a type, if it is a value and not an attribute.
func (p *parser) typed(token string, of func(types.AttributeValue) bool) {
	if strings.HasPrefix(token, ":") {
		p.rules = append(p.rules, func(s *scope) error {
			if of(s.values[token]) {
				return nil
			}
			return invalid("Incorrect operand type for operator or function; value: %s in %q", token, p.text)
		})
	}
}

// bounds demands that two values are the ends of a range that is not empty.
func (p *parser) bounds(low, high string) {
	if strings.HasPrefix(low, ":") && strings.HasPrefix(high, ":") {
		p.rules = append(p.rules, func(s *scope) error {
			if ordered(s.values[low], s.values[high], "<=") {
				return nil
			}
			return invalid("The BETWEEN operator requires upper bound to be greater than or equal to lower bound")
		})
	}
}

func (p *parser) or() predicate {
	left := p.and()
	for p.take("OR") {
		a, b := left, p.and()
		left = func(s *scope, item Item) bool { return a(s, item) || b(s, item) }
	}
	return left
}

func (p *parser) and() predicate {
	left := p.not()
	for p.take("AND") {
		a, b := left, p.not()
		left = func(s *scope, item Item) bool { return a(s, item) && b(s, item) }
	}
	return left
}

func (p *parser) not() predicate {
	if p.take("NOT") {
		inner := p.not()
		return func(s *scope, item Item) bool { return !inner(s, item) }
	}
	if p.take("(") {
		inner := p.or()
		p.expect(")")
		return inner
	}
	return p.comparison()
}

func (p *parser) comparison() predicate {
	switch strings.ToLower(p.peek()) {
	case "attribute_exists", "attribute_not_exists":
		return p.existence()
	case "contains":
		return p.contains()
	case "begins_with":
		p.next()
		p.expect("(")
		whole := p.operand()
		p.expect(",")
		p.typed(p.peek(), isText)
		prefix := p.operand()
		p.expect(")")
		return func(s *scope, item Item) bool {
			w, isText := whole(s, item).(*types.AttributeValueMemberS)
			f, alsoText := prefix(s, item).(*types.AttributeValueMemberS)
			return isText && alsoText && strings.HasPrefix(w.Value, f.Value)
		}
	}
	first := p.peek()
	left := p.operand()
	switch sign := strings.ToUpper(p.next()); sign {
	case "BETWEEN":
		from := p.peek()
		low := p.operand()
		p.expect("AND")
		p.bounds(from, p.peek())
		high := p.operand()
		return func(s *scope, item Item) bool {
			return ordered(left(s, item), low(s, item), ">=") && ordered(left(s, item), high(s, item), "<=")
		}
	case "IN":
		return p.in(left)
	case "=", "<>", "<", "<=", ">", ">=":
		if sign != "=" && sign != "<>" {
			p.typed(first, isOrdered)
			p.typed(p.peek(), isOrdered)
		}
		right := p.operand()
		return func(s *scope, item Item) bool { return ordered(left(s, item), right(s, item), sign) }
	default:
		p.fail()
		return nil
	}
}

func (p *parser) existence() predicate {
	wanted := strings.EqualFold(p.next(), "attribute_exists")
	p.expect("(")
	name := p.name()
	p.expect(")")
	return func(s *scope, item Item) bool { return (item[s.attribute(name)] != nil) == wanted }
}

// contains reads the test whether a text holds another one, or a set a number. What is missing holds nothing.
func (p *parser) contains() predicate {
	p.next()
	p.expect("(")
	whole := p.operand()
	p.expect(",")
	part := p.operand()
	p.expect(")")
	return func(s *scope, item Item) bool {
		switch w := whole(s, item).(type) {
		case *types.AttributeValueMemberS:
			one, isText := part(s, item).(*types.AttributeValueMemberS)
			return isText && strings.Contains(w.Value, one.Value)
		case *types.AttributeValueMemberNS:
			one, isNumber := part(s, item).(*types.AttributeValueMemberN)
			return isNumber && slices.Contains(w.Value, one.Value)
		default:
			return false
		}
	}
}

func (p *parser) in(left operand) predicate {
	p.expect("(")
	among := []operand{p.operand()}
	for p.take(",") {
		among = append(among, p.operand())
	}
	p.expect(")")
	return func(s *scope, item Item) bool {
		for _, one := range among {
			if equalValues(left(s, item), one(s, item)) {
				return true
			}
		}
		return false
	}
}

// ordered compares as DynamoDB does: values of different types, or that are missing, are unequal and have no order.
func ordered(a, b types.AttributeValue, sign string) bool {
	switch sign {
	case "=":
		return a != nil && equalValues(a, b)
	case "<>":
		return a == nil || !equalValues(a, b)
	}
	order, ok := compareValues(a, b)
	if !ok {
		return false
	}
	switch sign {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default:
		return order >= 0
	}
}

// name reads an attribute name or its placeholder.
func (p *parser) name() string {
	t := p.next()
	switch {
	case t == "" || !isWord(t[0]) && t[0] != '#':
		p.fail()
		return "?"
	case t[0] == '#':
		p.uses = append(p.uses, t)
	case slices.Contains(reserved, strings.ToLower(t)) && p.err == nil:
		p.err = invalid("Attribute name is a reserved keyword; reserved keyword: %s", t)
	}
	p.names = append(p.names, t)
	return t
}

// operand reads a name or a value's placeholder.
func (p *parser) operand() operand {
	if t := p.peek(); t != "" && t[0] == ':' {
		p.next()
		p.uses = append(p.uses, t)
		return func(s *scope, _ Item) types.AttributeValue { return s.values[t] }
	}
	name := p.name()
	return func(s *scope, item Item) types.AttributeValue { return item[s.attribute(name)] }
}

// parseKeyRange reads a key condition: the partition key equals a value, and perhaps a condition on the sort key.
func parseKeyRange(text string) *keyRange {
	return parsed(&keyRanges, text, func(text string) *keyRange {
		p := newParser(text)
		k := &keyRange{partition: p.name()}
		p.expect("=")
		k.equals = p.next()
		if !strings.HasPrefix(k.equals, ":") {
			p.fail()
		}
		p.uses = append(p.uses, k.equals)
		if p.take("AND") {
			rest := p.tokens
			k.within = p.comparison()
			for _, t := range rest { // the sort key is what the comparison names first
				if isWord(t[0]) && !strings.EqualFold(t, "begins_with") || t[0] == '#' {
					k.sort = t
					break
				}
			}
		}
		p.end()
		k.uses, k.rules, k.err = p.uses, p.rules, p.err
		return k
	})
}
