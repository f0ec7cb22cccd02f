// Package processing holds the functions of a region: the function that stores the readings of CSV files, fed by a
// queue of the upload bucket's events, and the function that keeps this region's aggregate rows equal to the readings,
// fed by their stream. What can never succeed goes to a queue of its own, with its reason in the function's log, and
// does not stop the rest.
//
// It describes infrastructure. It imports the CDK, packages storage, goasset and nag, runtime/contract and the
// internal packages that the constructs share.
package processing
