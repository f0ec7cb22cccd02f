package aggregate

import "golang.org/x/sync/errgroup"

// each calls do for every index below n, at most concurrency at a time, and waits for all. With a concurrency of 1 it calls
// them in order and starts no goroutine.
func each(n, concurrency int, do func(i int)) {
	if concurrency <= 1 || n <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var group errgroup.Group
	group.SetLimit(concurrency)
	for i := range n {
		group.Go(func() error { do(i); return nil })
	}
	_ = group.Wait() // no call returns an error
}
