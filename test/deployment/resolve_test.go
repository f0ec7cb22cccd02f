package deployment_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// resolve computes the value of functions of CloudFormation, for what is made by other means than CloudFormation.
func (s *stack) resolve(value any) (any, error) {
	var problems []error
	resolved := rewrite(value, func(o object) (any, bool) {
		if len(o) != 1 {
			return nil, false
		}
		for name, argument := range o {
			if name != "Ref" && !strings.HasPrefix(name, "Fn::") {
				return nil, false
			}
			result, err := s.call(name, argument)
			if err != nil {
				problems = append(problems, err)
			}
			return result, true
		}
		return nil, false
	})
	return resolved, errors.Join(problems...)
}

// call computes one function.
func (s *stack) call(name string, argument any) (any, error) {
	if name == "Ref" {
		return s.reference(text(argument), "")
	}
	if name == "Fn::GetAtt" {
		return s.reference(text(argument, 0), text(argument, 1))
	}
	argument, err := s.resolve(argument)
	if err != nil {
		return "", err
	}
	switch name {
	case "Fn::Join":
		return strings.Join(texts(at(argument, 1)), text(argument, 0)), nil
	case "Fn::Split":
		var parts []any
		for _, part := range strings.Split(text(argument, 1), text(argument, 0)) {
			parts = append(parts, part)
		}
		return parts, nil
	case "Fn::Select":
		index, err := strconv.Atoi(fmt.Sprint(at(argument, 0)))
		if found := at(argument, 1, index); err == nil && found != nil {
			return found, nil
		}
	case "Fn::GetStackOutput":
		if value, ok := s.told(argument); ok {
			return value, nil
		}
	case "Fn::ImportValue":
		if value, ok := s.exports[s.Region][text(argument)]; ok {
			return value, nil
		}
	}
	return "", fmt.Errorf("%s of %v cannot be computed", name, argument)
}

// told is an output of a stack that is there, in its region.
func (s *stack) told(asked any) (string, bool) {
	from := s.stacks[text(asked, "StackName")]
	if from == nil || from.Region != text(asked, "Region") {
		return "", false
	}
	value, ok := from.Outputs[text(asked, "OutputName")]
	return value, ok
}

func texts(value any) (list []string) {
	values, _ := value.([]any)
	for _, v := range values {
		list = append(list, fmt.Sprint(v))
	}
	return list
}

// reference is what a resource, or the stack itself, is called by.
func (s *stack) reference(id, attribute string) (string, error) {
	if value, ok := s.values[id][attribute]; ok {
		return value, nil
	}
	pseudo := map[string]string{
		"AWS::AccountId": account, "AWS::Region": s.Region, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": s.Name,
		// The emulator names the stack later, and names it otherwise. Only the last part of a domain's name is made of it.
		"AWS::StackId": "arn:aws:cloudformation:" + s.Region + ":" + account + ":stack/" + s.Name + "/" +
			uuid.NewSHA1(uuid.NameSpaceURL, []byte(s.Name)).String(),
	}
	if value, ok := pseudo[id]; ok && attribute == "" {
		return value, nil
	}
	return "", fmt.Errorf("the attribute %q of %s is not known", attribute, id)
}
