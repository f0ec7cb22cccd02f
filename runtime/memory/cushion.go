package memory

import "runtime"

// GarbagePercent is how much garbage a program that serves lets gather, of what lives and of its cushion: with ten thousand
// connections two fifths of what Go does by itself, which would be as much as their buffers. CushionBytes is that cushion. With few
// connections it lets 32 MB gather: half of that has the collector run more often than is worth it, and twice as much saved no more CPU.
const (
	GarbagePercent = 40
	CushionBytes   = 80 << 20
)

// Cushion is memory that counts as living, so that the garbage collector waits until there is garbage in proportion to it too,
// however little the program holds. By itself it runs whenever there is as much garbage as what lives: where that is 5 MB and each
// second makes 300, all the time. The cushion is never touched, so that the system gives it no memory; the collector's limit
// (GOMEMLIMIT) counts it nevertheless. It lasts until it is released.
func Cushion(bytes int) (release func()) {
	cushion := make([]byte, bytes)
	return func() { runtime.KeepAlive(cushion) }
}
