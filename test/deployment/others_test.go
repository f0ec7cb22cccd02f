package deployment_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sensorflow/sensorflow/test/permission"
)

// rightsOf are the actions that the roles of a template are allowed, by the roles' logical ids without their hashes.
func rightsOf(template stackTemplate) map[string][]string {
	all := map[string][]string{}
	add := func(role string, document any) {
		role = logicalHash.ReplaceAllString(role, "")
		statements, _ := at(document, "Statement").([]any)
		for _, s := range statements {
			if text(s, "Effect") != "Allow" {
				continue
			}
			all[role] = append(all[role], texts(at(s, "Action"))...)
			if one := text(s, "Action"); one != "" {
				all[role] = append(all[role], one)
			}
		}
	}
	resources := template.resources()
	for _, id := range template.ofType("AWS::IAM::Role") {
		all[logicalHash.ReplaceAllString(id, "")] = nil
		policies, _ := properties(resources[id])["Policies"].([]any)
		for _, policy := range policies {
			add(id, at(policy, "PolicyDocument"))
		}
		managed, _ := properties(resources[id])["ManagedPolicyArns"].([]any)
		for _, policy := range managed {
			if other, _, ok := referred(asObject(policy)); ok {
				add(id, properties(resources[other])["PolicyDocument"])
			}
		}
	}
	for _, id := range template.ofType("AWS::IAM::Policy") {
		roles, _ := properties(resources[id])["Roles"].([]any)
		for _, role := range roles {
			if other, _, ok := referred(asObject(role)); ok {
				add(other, properties(resources[id])["PolicyDocument"])
			}
		}
	}
	return all
}

// unknownRights are the roles, and their actions, that environments have which are not created, and that no role has which is: the table
// of permissions says nothing about them.
func unknownRights(others []stackTemplate, used map[permission.Grant]bool) (problems []string) {
	known := map[[2]string]bool{}
	for g := range used {
		known[[2]string{g.Role, g.Action}], known[[2]string{g.Role}] = true, true
	}
	for _, template := range others {
		rights := rightsOf(template)
		for _, role := range slices.Sorted(maps.Keys(rights)) {
			if !known[[2]string{role}] {
				problems = append(problems, fmt.Sprintf("stack %s has the role %s, which no stack has that is created", template.Name, role))
				continue
			}
			for _, action := range rights[role] {
				if !known[[2]string{role, action}] {
					problems = append(problems, fmt.Sprintf("in stack %s %s may %s, and in none that is created", template.Name, role, action))
				}
			}
		}
	}
	return problems
}
