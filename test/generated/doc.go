// Package generated makes clients from the service's description as its consumers do, by generators from PyPI and from npm, and has
// them send and read at the running system.
package generated
