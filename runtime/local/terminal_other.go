//go:build !linux

package main

import "context"

// takeTerminal does nothing here: make reports the Ctrl-C that ended it.
func takeTerminal() (release func()) { return func() {} }

// endWithMake does nothing here: a make that is interrupted alone waits until somebody ends this process.
func endWithMake(parent context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(parent)
}
