package dynamodel

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// action is one clause of an update: it changes next, looking at the item as it was before.
type action func(s *scope, before, next Item) error

// update is an update expression that was parsed.
type update struct {
	actions []action
	targets []string // names or placeholders
	uses    []string
	rules   []rule
	err     error
}

func parseUpdate(text *string) *update {
	if text == nil {
		return &update{}
	}
	return parsed(&updates, *text, func(text string) *update {
		p, u := newParser(text), &update{}
		seen := map[string]bool{}
		for p.peek() != "" {
			clause := strings.ToUpper(p.next())
			if seen[clause] {
				p.fail() // "can only be used once in an update expression"
			}
			seen[clause] = true
			u.clause(p, clause)
			for p.take(",") {
				u.clause(p, clause)
			}
		}
		p.end()
		u.uses, u.rules, u.err = p.uses, p.rules, p.err
		return u
	})
}

// clause reads one action of a SET, ADD or REMOVE.
func (u *update) clause(p *parser, clause string) {
	name := p.name()
	u.targets = append(u.targets, name)
	switch clause {
	case "SET":
		p.expect("=")
		value := p.sum()
		u.actions = append(u.actions, func(s *scope, before, next Item) error {
			v, err := value(s, before)
			next[s.attribute(name)] = v
			return err
		})
	case "ADD":
		p.typed(p.peek(), isAddable)
		value := p.operand()
		u.actions = append(u.actions, func(s *scope, before, next Item) error {
			v, err := added(before[s.attribute(name)], value(s, before), false)
			next[s.attribute(name)] = v
			return err
		})
	case "REMOVE":
		u.actions = append(u.actions, func(s *scope, _, next Item) error {
			delete(next, s.attribute(name))
			return nil
		})
	default:
		p.fail()
	}
}

// computed is what SET assigns.
type computed func(s *scope, item Item) (types.AttributeValue, error)

// sum reads a value, or two with a sign between them.
func (p *parser) sum() computed {
	first := p.peek()
	left := p.assignable()
	minus := p.peek() == "-"
	if !p.take("+") && !p.take("-") {
		return left
	}
	p.typed(first, isNumber)
	p.typed(p.peek(), isNumber)
	right := p.assignable()
	return func(s *scope, item Item) (types.AttributeValue, error) {
		a, err := left(s, item)
		if err != nil {
			return nil, err
		}
		b, err := right(s, item)
		if err != nil {
			return nil, err
		}
		return added(a, b, minus)
	}
}

// assignable reads a value that must exist, or if_not_exists.
func (p *parser) assignable() computed {
	if p.take("if_not_exists") {
		p.expect("(")
		name := p.name()
		p.expect(",")
		other := p.operand()
		p.expect(")")
		return func(s *scope, item Item) (types.AttributeValue, error) {
			if v := item[s.attribute(name)]; v != nil {
				return v, nil
			}
			return required(other(s, item))
		}
	}
	value := p.operand()
	return func(s *scope, item Item) (types.AttributeValue, error) { return required(value(s, item)) }
}

func required(v types.AttributeValue) (types.AttributeValue, error) {
	if v == nil {
		return nil, invalid("The provided expression refers to an attribute that does not exist in the item")
	}
	return v, nil
}

// added adds numbers, or the numbers of sets to a set; a missing first one counts as 0 or as an empty set.
func added(a, b types.AttributeValue, minus bool) (types.AttributeValue, error) {
	if more, isSet := b.(*types.AttributeValueMemberNS); isSet {
		return united(a, more)
	}
	y, isNumber := b.(*types.AttributeValueMemberN)
	if !isNumber {
		return nil, invalid("Incorrect operand type for operator or function")
	}
	second := y.Value
	if minus {
		second = negateNumber(second)
	}
	if a == nil {
		return &types.AttributeValueMemberN{Value: second}, nil
	}
	x, isNumber := a.(*types.AttributeValueMemberN)
	if !isNumber {
		return nil, invalid("An operand in the update expression has an incorrect data type")
	}
	total, err := addNumbers(x.Value, second)
	if err != nil {
		return nil, invalid("%v", err)
	}
	return &types.AttributeValueMemberN{Value: total}, nil
}

// united returns the union of two sets of numbers.
func united(a types.AttributeValue, more *types.AttributeValueMemberNS) (types.AttributeValue, error) {
	if a == nil {
		return more, nil
	}
	set, isSet := a.(*types.AttributeValueMemberNS)
	if !isSet {
		return nil, invalid("An operand in the update expression has an incorrect data type")
	}
	all := slices.Concat(set.Value, more.Value)
	slices.SortFunc(all, compareNumbers)
	return &types.AttributeValueMemberNS{Value: slices.Compact(all)}, nil
}

// check refuses updates of keys, two actions on one attribute, and values that cannot be added.
func (u *update) check(t *table, s *scope) error {
	if err := obey(s, u.rules); err != nil {
		return err
	}
	for i, target := range u.targets {
		name := s.attribute(target)
		if name == t.definition.Key.Partition || name == t.definition.Key.Sort {
			return invalid("One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", name)
		}
		for _, other := range u.targets[:i] {
			if s.attribute(other) == name {
				return invalid("Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [%s], path two: [%s]", name, name)
			}
		}
	}
	return nil
}

// apply returns the item as the update leaves it.
func (u *update) apply(t *table, key Key, s *scope, before Item) (Item, error) {
	var next Item
	if before == nil {
		next = t.keyItem(key)
	} else {
		next = maps.Clone(before)
	}
	for _, act := range u.actions {
		if err := act(s, before, next); err != nil {
			return nil, err
		}
	}
	return next, t.check(next)
}
