// Package operations is the construct for operators: alarms that reach people, and a dashboard. Both are made of the
// metrics of the other constructs.
//
// It imports the CDK, the sibling constructs whose metrics it shows, runtime/contract/rule and the internal packages
// that the constructs share.
package operations
