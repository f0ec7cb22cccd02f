// Package identity holds the constructs by which people and machines prove who they are: the user pool with its replica
// in a second region, its clients, and the secret from which every region learns about them.
//
// It describes infrastructure. It imports the CDK, packages storage and nag, runtime/contract and the internal packages
// that the constructs share.
package identity
