// Package deployment lets the CloudFormation of an emulator, moto, create the synthesized stacks of two regions.
//
// The app is synthesized by its own program, so that nothing here imports the CDK: the templates are JSON, and what they hold is what
// is tested. Where the emulator cannot make a resource as the template has it, a table says what is done instead, and why
// (adaptations_test.go). The test fails for a type of resource that the emulator does not make and that is not in the table, for an entry
// that no template needs, and for one that says of a type that the emulator does not know it, once it does.
//
// `make setup` installs the emulator, in the versions of .make/moto.txt.
package deployment
