//go:build !linux

package main

// takeTerminal does nothing here: make reports the Ctrl-C that ended it.
func takeTerminal() (release func()) { return func() {} }
