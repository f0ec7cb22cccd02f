// Package reading is the domain: what a reading is, which readings are valid, and arithmetic on their values that never
// rounds. It knows no AWS, no HTTP and no logging; it imports the standard library, the contract, the kinds of faults, a
// decimal library and a UUID library.
package reading
