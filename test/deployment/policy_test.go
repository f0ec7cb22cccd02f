package deployment_test

import (
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/sensorflow/sensorflow/test/permission"
)

// ownedByAWS begins the names of policies that AWS keeps.
const ownedByAWS = "arn:aws:iam::aws:policy/"

// roles returns the statements of each role of the stack, by the role's name.
func (c *created) roles() (map[string][]permission.Statement, error) {
	all := map[string][]permission.Statement{}
	add := func(role string, document any) error {
		statements, err := permission.Statements(document)
		all[role] = append(all[role], statements...)
		return err
	}
	for _, id := range c.ofType("AWS::IAM::Role") {
		name, p := c.Physical[id], c.Resolved[id]
		all[name] = nil
		inline, _ := p["Policies"].([]any)
		for _, policy := range inline {
			if err := add(name, at(policy, "PolicyDocument")); err != nil {
				return nil, err
			}
		}
		for _, arn := range texts(p["ManagedPolicyArns"]) {
			if strings.HasPrefix(arn, ownedByAWS) { // its text is not in the template
				all[name] = append(all[name], permission.Statement{Effect: "Allow", Action: permission.List{arn}, Resource: permission.List{"*"}})
				continue
			}
			found := false
			for _, managed := range c.ofType("AWS::IAM::ManagedPolicy") {
				if path.Base(c.Physical[managed]) == path.Base(arn) {
					found = true
					if err := add(name, c.Resolved[managed]["PolicyDocument"]); err != nil {
						return nil, err
					}
				}
			}
			if !found {
				return nil, fmt.Errorf("role %s has the policy %s, which the stack does not make", id, arn)
			}
		}
	}
	if err := c.allowedByBuckets(all); err != nil {
		return nil, err
	}
	for _, id := range c.ofType("AWS::IAM::Policy") {
		for _, role := range texts(c.Resolved[id]["Roles"]) {
			if err := add(role, c.Resolved[id]["PolicyDocument"]); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// allowedByBuckets adds what the policies of buckets allow roles of the stack.
func (c *created) allowedByBuckets(all map[string][]permission.Statement) error {
	for _, id := range c.ofType("AWS::S3::BucketPolicy") {
		statements, _ := at(c.Resolved[id], "PolicyDocument", "Statement").([]any)
		for _, s := range statements {
			role := path.Base(text(s, "Principal", "AWS"))
			if _, ours := all[role]; !ours {
				continue
			}
			s := maps.Clone(asObject(s))
			delete(s, "Principal")
			allowed, err := permission.Statements(object{"Statement": []any{s}})
			if err != nil {
				return fmt.Errorf("read %s: %w", id, err)
			}
			all[role] = append(all[role], allowed...)
		}
	}
	return nil
}
