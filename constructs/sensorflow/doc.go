// Package sensorflow is the whole service as a construct: NewSensorFlow puts it into one stack, for one region;
// NewMultiRegion makes the stacks of several regions that serve together.
//
// It composes the sibling constructs and imports nothing else of this module but the service's contract.
package sensorflow
