// Package probe speaks to a running stack as its clients do, over HTTP alone, and reads its readings table as they may not, so
// that tests can hold what the service answers against what it stores. Sums are made with math/big, not with the service's
// own decimals, so that a fault of those cannot hide itself.
//
// It is for tests. It imports the AWS SDK and package contract, and none of the service's use cases.
package probe
