// Package smoketest tries the API of a region as a machine would: it signs in, writes a reading, waits until the aggregate holds it,
// deletes it and waits until the aggregate has forgotten it.
//
// Each try has an equipment of its own, named after the region, whose readings are nobody else's. A try leaves the tombstone of its
// reading, for two days, and the aggregate rows of that equipment with a count of 0. It takes one token of the machine client, which
// AWS bills with 0.2 cents. Two tries of one region at the same time disturb each other.
//
// It imports the standard library and runtime/contract, and knows neither Lambda nor ECS.
package smoketest
