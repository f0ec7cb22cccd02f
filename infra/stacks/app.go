package stacks

import (
	"maps"
	"slices"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sensorflow/sensorflow/infra/config"
)

// NewApp adds the stacks of all environments, and that of the pipeline where there is one, to an App. It returns the
// environments' by name.
func NewApp(scope constructs.Construct, c config.Config) map[string]*Environment {
	all := map[string]*Environment{}
	for _, name := range slices.Sorted(maps.Keys(c.Environments)) {
		all[name] = NewEnvironment(scope, c.Environments[name], false)
	}
	if c.Pipeline != nil {
		NewPipeline(scope, c)
	}
	return all
}
