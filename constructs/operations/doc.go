// Package operations is the construct for operators: alarms that reach people, and a dashboard. Both are made of the
// metrics of the other constructs.
//
// It imports the CDK and the sibling constructs whose metrics it shows.
package operations
