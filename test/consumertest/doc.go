// Package consumertest builds and runs the app of test/consumer against this module as other teams get it: packed into
// a module's zip, served by a proxy, unpacked into the read-only module cache.
package consumertest
