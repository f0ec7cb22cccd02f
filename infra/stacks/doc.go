// Package stacks makes the stacks of a checked configuration: those of each environment and that of the delivery
// pipeline. Package sensorflow says what an environment consists of. This package translates the configuration and
// gives names.
package stacks
