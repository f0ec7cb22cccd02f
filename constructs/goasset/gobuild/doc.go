// Package gobuild builds the commands of this module, runtime/cmd/<name>, into folders that the CDK takes as assets:
// one with a Lambda function's bootstrap, or one from which a container image is made. It needs Go and no Docker.
//
// The module is found wherever the running program was built from: a checkout, a replace directory or the read-only
// module cache. It is built as a main module, with its own versions of dependencies, and no build setting of the caller
// changes the result: the same sources and the same Go version give the same bytes on every machine and in every
// folder. Where go.mod names a toolchain, that toolchain builds, unless the caller's GOTOOLCHAIN is local.
//
// The package imports the standard library only, so that programs and tests can use it without the CDK; package goasset
// hands its folders to the CDK.
package gobuild
