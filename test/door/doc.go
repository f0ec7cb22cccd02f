// Package door holds what a newcomer meets first: that the quick start of README.md and its two regions work as they are pasted and print
// what the page shows, and that the limits that the page names are those of the service.
package door
