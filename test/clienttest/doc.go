// Package clienttest holds the Go client and the command line on it against the whole local system, whose programs are those that are
// deployed.
package clienttest
