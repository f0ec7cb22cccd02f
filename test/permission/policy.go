package permission

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Call is one kind of call: an action of IAM, on a resource, by a role.
type Call struct{ Role, Action, Resource string }

// List is one text, or several, as policies have both.
type List []string

// UnmarshalJSON reads either form.
func (l *List) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = List{one}
		return nil
	}
	var several []string
	if err := json.Unmarshal(data, &several); err != nil {
		return fmt.Errorf("read %s: %w", data, err)
	}
	*l = several
	return nil
}

// Statement is a statement of a role's policy.
type Statement struct {
	Effect           string
	Action, Resource List
	NotResource      List // in place of Resource
	Condition        map[string]map[string]List
}

// Statements reads the statements of a policy's document, as JSON decodes to. What this reader does not know is an error, not ignored.
func Statements(document any) ([]Statement, error) {
	holder, _ := document.(map[string]any)
	encoded, err := json.Marshal(holder["Statement"])
	if err != nil {
		return nil, fmt.Errorf("read a policy: %w", err)
	}
	var statements []Statement
	decoder := json.NewDecoder(strings.NewReader(string(encoded)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&statements); err != nil {
		return nil, fmt.Errorf("read a policy: %w", err)
	}
	return statements, nil
}

// Covers tells whether one of the statement's patterns of actions, and one of its resources, is meant by the call, and its conditions
// hold for what the call is made with.
func (s Statement) Covers(c Call, conditions map[string]string) bool {
	matchesOne := func(patterns List, value string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return like(pattern, value) })
	}
	meant := matchesOne(s.Resource, c.Resource) || len(s.NotResource) > 0 && !matchesOne(s.NotResource, c.Resource)
	return meant && matchesOne(s.Action, c.Action) && s.holds(conditions)
}

// holds tells whether all conditions hold. A key that the call is made without holds nothing.
func (s Statement) holds(conditions map[string]string) bool {
	for operator, keys := range s.Condition {
		for key, wanted := range keys {
			value, given := conditions[key]
			if !given || !slices.ContainsFunc(wanted, func(w string) bool { return satisfies(operator, w, value) }) {
				return false
			}
		}
	}
	return true
}

// Conditions tells them in words; empty where there are none.
func (s Statement) Conditions() string {
	var told []string
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			told = append(told, operator+" "+key+" "+strings.Join(s.Condition[operator][key], ", "))
		}
	}
	return strings.Join(told, " and ")
}

func satisfies(operator, wanted, value string) bool {
	switch operator {
	case "StringEquals", "ArnEquals":
		return wanted == value
	case "StringLike", "ArnLike":
		return like(wanted, value)
	}
	return false // an operator that is not known here holds nothing
}

// like compares with a pattern in which * stands for any text and ? for one character. Actions are compared in lower case by IAM; here
// both sides are written alike, so that case counts.
func like(pattern, value string) bool {
	quoted := regexp.QuoteMeta(pattern)
	expression := "^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(quoted) + "$"
	matched, err := regexp.MatchString(expression, value)
	return err == nil && matched
}

// Allows tells whether a role's statements allow a call: one does, and none denies it.
func Allows(statements []Statement, c Call, conditions map[string]string) bool {
	allowed := false
	for _, s := range statements {
		if !s.Covers(c, conditions) {
			continue
		}
		if s.Effect != "Allow" {
			return false
		}
		allowed = true
	}
	return allowed
}
