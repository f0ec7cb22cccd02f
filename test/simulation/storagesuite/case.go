package storagesuite

import (
	"context"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/verdict"
)

// T is a *testing.T, or what a program has in its place.
type T = verdict.T

// Case is one thing that SensorFlow relies on.
type Case struct {
	// Name says what it is, in a sentence, and is unique.
	Name string
	run  func(t T, s *subject)
}

// Run tries the case on an implementation, with an empty table of readings.
func (c Case) Run(t T, s Storage) {
	c.run(t, &subject{Storage: s, table: s.Create(t, contract.ReadingsTable())})
}

// Try tries the case outside of a test.
func (c Case) Try(ctx context.Context, s Storage) verdict.Result {
	return verdict.Try(ctx, func(t T) { c.Run(t, s) })
}
