// Package generated makes a client from the service's description as its consumers do, by a generator from PyPI, and has it send and read
// at the running system.
package generated
