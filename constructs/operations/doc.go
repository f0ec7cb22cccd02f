// Package operations is the construct of what an operator looks at: alarms that reach people, and a dashboard, both made of the
// metrics that the other constructs name.
//
// It imports the CDK and the sibling constructs whose metrics it shows.
package operations
