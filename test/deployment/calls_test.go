package deployment_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/sensorflow/sensorflow/test/permission"
)

// customCall is what a custom resource asks the function of the CDK to do.
type customCall struct {
	Service, Action, Region  string
	Parameters               object
	OutputPaths              []string
	IgnoreErrorCodesMatching string
}

// makeCall makes the call that the function of the CDK would make, and returns what of the answer the stack uses.
func makeCall(ctx context.Context, s *stack, p object) (map[string]string, error) {
	var c customCall
	if err := json.Unmarshal([]byte(text(p, "Create")), &c); err != nil {
		return nil, fmt.Errorf("the call is %q: %w", text(p, "Create"), err)
	}
	if c.Region == "" {
		c.Region = s.Region
	}
	function, _, _ := referred(asObject(properties(s.resources()[s.making])["ServiceToken"]))
	s.lookups[function] = append(s.lookups[function], c.needs())
	answer, err := s.send(ctx, c)
	if err != nil {
		if c.ignores(err) {
			return map[string]string{}, nil
		}
		return nil, err
	}
	values := map[string]string{}
	for _, path := range c.OutputPaths {
		found := text(answer, steps(path)...)
		if found == "" && strings.HasPrefix(c.Action, "describe") {
			return nil, fmt.Errorf("the answer to %s %s has no %s", c.Service, c.Action, path)
		}
		values[path] = found
	}
	return values, nil
}

// send makes one of the calls that the templates have.
func (s *stack) send(ctx context.Context, c customCall) (answer any, err error) {
	const dynamoDB = "DynamoDB_20120810."
	switch c.Service + "." + c.Action {
	case "DynamoDB.describeTable":
		err = s.emulator.json(ctx, c.Region, "dynamodb", dynamoDB+"DescribeTable", c.Parameters, &answer)
	case "DynamoDB.updateTable":
		err = s.emulator.json(ctx, c.Region, "dynamodb", dynamoDB+"UpdateTable", c.Parameters, &answer)
	case "EC2.describeManagedPrefixLists":
		answer, err = s.prefixLists(ctx, c.Region, text(c.Parameters, "Filters", 0, "Values", 0))
	case "IAM.createServiceLinkedRole":
		err = s.emulator.query(ctx, c.Region, "iam", "2010-05-08", "CreateServiceLinkedRole",
			map[string]string{"AWSServiceName": text(c.Parameters, "AWSServiceName")}, nil)
	case "@aws-sdk/client-elastic-load-balancing-v2.ModifyLoadBalancerAttributesCommand":
		err = s.emulator.query(ctx, c.Region, "elasticloadbalancing", "2015-12-01", "ModifyLoadBalancerAttributes",
			map[string]string{
				"LoadBalancerArn":           text(c.Parameters, "LoadBalancerArn"),
				"Attributes.member.1.Key":   text(c.Parameters, "Attributes", 0, "Key"),
				"Attributes.member.1.Value": text(c.Parameters, "Attributes", 0, "Value"),
			}, nil)
	default:
		err = fmt.Errorf("no custom resource makes the call %s %s", c.Service, c.Action)
	}
	return answer, err
}

// needs is the right that the function needs for the call.
func (c customCall) needs() lookup {
	table := "arn:aws:dynamodb:" + c.Region + ":" + account + ":table/" + text(c.Parameters, "TableName")
	switch c.Service + "." + c.Action {
	case "DynamoDB.describeTable":
		return lookup{call: permission.Call{Action: "dynamodb:DescribeTable", Resource: table}}
	case "DynamoDB.updateTable":
		return lookup{call: permission.Call{Action: "dynamodb:UpdateTable", Resource: table}}
	case "EC2.describeManagedPrefixLists":
		return lookup{call: permission.Call{Action: "ec2:DescribeManagedPrefixLists", Resource: "*"}}
	case "IAM.createServiceLinkedRole":
		service := text(c.Parameters, "AWSServiceName")
		return lookup{
			call: permission.Call{
				Action:   "iam:CreateServiceLinkedRole",
				Resource: "arn:aws:iam::" + account + ":role/aws-service-role/" + service + "/AWSServiceRoleForECS",
			},
			conditions: map[string]string{"iam:AWSServiceName": service},
		}
	}
	// The SDK's packages and commands have other names than IAM's services and actions.
	return lookup{call: permission.Call{
		Action:   "elasticloadbalancing:" + strings.TrimSuffix(c.Action, "Command"),
		Resource: text(c.Parameters, "LoadBalancerArn"),
	}}
}

// errorCode is what AWS's XML and JSON name an error.
var errorCode = regexp.MustCompile(`<Code>([^<]+)</Code>|"__type": *"(?:[^"]*#)?([^"]+)"`)

// ignores tells whether the function takes the error for a success.
func (c customCall) ignores(err error) bool {
	var no *refused
	if c.IgnoreErrorCodesMatching == "" || !errors.As(err, &no) {
		return false
	}
	code := errorCode.FindStringSubmatch(no.Body)
	return code != nil && regexp.MustCompile(c.IgnoreErrorCodesMatching).MatchString(code[1]+code[2])
}

// completeCall makes a call about resources of the stack itself, once they are there.
func completeCall(ctx context.Context, s *stack, id string, made *created) error {
	p := rewrite(properties(s.resources()[id]), func(o object) (any, bool) {
		other, _, ok := referred(o)
		physical, known := made.Physical[other]
		return physical, ok && known
	})
	p.(object)["ServiceToken"] = nil // the function that the emulator would run
	resolved, err := s.resolve(p)
	if err != nil {
		return err
	}
	s.making = id
	_, err = makeCall(ctx, s, resolved.(object))
	return err
}
