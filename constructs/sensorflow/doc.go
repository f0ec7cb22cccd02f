// Package sensorflow is the whole service as a construct: NewSensorFlow puts it into one stack, for one region;
// NewMultiRegion makes the stacks of several regions that serve together.
//
// It composes the sibling constructs. Beside them it imports the service's contract and the internal packages that the
// constructs share.
package sensorflow
