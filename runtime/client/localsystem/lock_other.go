//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package localsystem

// held takes a system for one that runs: `make run` does not run where there are no such locks.
func held(string) (bool, error) { return true, nil }
