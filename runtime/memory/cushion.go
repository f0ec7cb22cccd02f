package memory

import "runtime"

// CushionBytes is the cushion of a program that serves. A smaller one has the collector run more often than is worth it; with twice
// as much it took as much CPU.
const CushionBytes = 32 << 20

// Cushion makes the garbage collector wait until there is as much garbage as the cushion is large, however little the program
// holds. By itself it runs whenever there is as much garbage as what lives: where that is 5 MB and each second makes 300, all the
// time. The cushion is never touched, so that the system gives it no memory; the collector's limit (GOMEMLIMIT) counts it
// nevertheless. It lasts until it is released.
func Cushion(bytes int) (release func()) {
	cushion := make([]byte, bytes)
	return func() { runtime.KeepAlive(cushion) }
}
