// Package stacks makes the stacks of a checked configuration: those of each environment and that of the delivery pipeline. What
// an environment consists of is package sensorflow's to say; this package translates and names.
package stacks
