// Package localsystem finds the system of `make run`: where its files are, what they say, and whether it still runs. It is for programs
// that call that system, and for the one that runs it; it starts nothing.
package localsystem
