// Package attack attacks the running local stack as hostile, broken and greedy clients would, and holds the API to invariant I6: it
// stays below its memory limit under any mix of them, and one caller or kind of request takes nothing from the others.
//
// An ordinary run attacks at a reduced size that still fails without the safeguard. `make attack` attacks at full size and prints
// the figures. Everything stays on loopback, and every attack is bounded in count and time.
package attack
