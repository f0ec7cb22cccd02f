// Package goasset turns the commands of this module, runtime/cmd/<name>, into code of Lambda functions and into
// container images, by `go build` and without Docker: package gobuild says how. An image is published when it is
// deployed, by what the variable CDK_DOCKER names, otherwise by Docker.
//
// It imports the CDK, gobuild and runtime/contract/rule, and no other construct. Constructs that use it take a
// prop for a prebuilt artifact instead.
package goasset
