// Package datadir keeps the files of the local system: in a folder that outlives a restart, which one process at a time may
// use, or in a temporary one. Everything in it is for its owner alone. It imports the standard library only.
package datadir
