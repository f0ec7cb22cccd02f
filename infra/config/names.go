package config

import (
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// BootstrapVersionMin is the version of the CDK's bootstrap stack that the stacks need in each region.
const BootstrapVersionMin = 6

// typePrefix begins the name of each type of resource.
const typePrefix = "AWS::"

// Kinds of names, as CloudFormation calls what has them.
const (
	NameOfTable    = typePrefix + "DynamoDB::GlobalTable"
	NameOfAlias    = typePrefix + "KMS::Alias"
	NameOfSecret   = typePrefix + "SecretsManager::Secret"
	NameOfLogGroup = typePrefix + "Logs::LogGroup"
	NameOfFunction = typePrefix + "Lambda::Function"
)

// Name is a physical name that a deployment needs for itself. CloudFormation makes up all the others.
type Name struct {
	Kind, Region, Name string
	// Prefix says that the name only begins so; the rest is the CDK's.
	Prefix bool
	// Stack is the stack that makes what has the name.
	Stack string
}

// Stack is a stack of an environment.
type Stack struct{ Name, Region string }

// Stacks lists the stacks of the environment in the order in which they are deployed.
func (e Environment) Stacks() []Stack {
	var keys, regions []Stack
	for _, region := range e.Regions {
		keys = append(keys, Stack{e.stack("keys-" + region), region})
		regions = append(regions, e.Region(region))
	}
	return append(append(keys, e.State()), regions...)
}

// State is the stack of the tables and the user pool.
func (e Environment) State() Stack { return Stack{e.stack("state"), e.Primary()} }

// Region is the stack of the service in a region.
func (e Environment) Region(region string) Stack { return Stack{e.stack(region), region} }

func (e Environment) stack(last string) string { return StackPrefix + e.Name + "-" + last }

// Names lists the physical names that the environment's stacks give. Whatever has one of them without such a stack makes a first
// deployment fail: it was made by somebody else, or stayed when the stack was destroyed.
func (e Environment) Names() []Name {
	deployment := StackPrefix + e.Name
	all := []Name{
		{Kind: NameOfSecret, Region: e.Primary(), Name: deployment + "/identity", Stack: e.stack("state")},
		{Kind: NameOfSecret, Region: e.Primary(), Name: deployment + "/" + contract.SmokeTestClient, Stack: e.stack("state")},
	}
	for _, region := range e.Regions {
		all = append(all, Name{Kind: NameOfAlias, Region: region, Name: "alias/" + deployment, Stack: e.stack("keys-" + region)})
		for _, table := range contract.Tables() {
			if table.Global {
				all = append(all, Name{Kind: NameOfTable, Region: region, Name: deployment + "-" + table.Name, Stack: e.stack("state")})
			}
		}
		all = append(all, Name{
			Kind: NameOfLogGroup, Region: region, Prefix: true, Stack: e.stack(region),
			Name: "aws-waf-logs-" + strings.ReplaceAll(e.stack(region), "-", "") + "-",
		}, Name{
			Kind: NameOfFunction, Region: region, Name: deployment + "-" + contract.SmokeTestClient, Stack: e.stack(region),
		})
	}
	return all
}
