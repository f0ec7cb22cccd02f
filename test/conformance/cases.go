package main

import (
	"context"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/test/simulation/storagesuite"
	"github.com/sensorflow/sensorflow/test/verdict"
)

// outcome is what came of a case. Begun is not set where the run ended before it.
type outcome struct {
	name  string
	begun bool
	verdict.Result
	took time.Duration
}

// tryAll tries the cases, so many at a time, and tells each outcome once it is there. It returns them in the order of the cases.
func tryAll(ctx context.Context, endpoint *storagesuite.Endpoint, cases []storagesuite.Case, parallel int, tell func(outcome)) []outcome {
	outcomes := make([]outcome, len(cases))
	next := make(chan int)
	var workers sync.WaitGroup
	var telling sync.Mutex
	for range parallel {
		workers.Go(func() {
			for i := range next {
				outcomes[i] = tryOne(ctx, endpoint, cases[i])
				if outcomes[i].begun {
					telling.Lock()
					tell(outcomes[i])
					telling.Unlock()
				}
			}
		})
	}
	for i, c := range cases {
		outcomes[i].name = c.Name
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	return outcomes
}

func tryOne(ctx context.Context, endpoint *storagesuite.Endpoint, c storagesuite.Case) outcome {
	if ctx.Err() != nil { // it ended while the case waited
		return outcome{name: c.Name}
	}
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, caseWithin)
	defer cancel()
	storage, drop := endpoint.Storage() //nolint:contextcheck // each case brings its own
	o := outcome{name: c.Name, begun: true, Result: c.Try(limited, storage)}
	o.took = time.Since(began)
	if ctx.Err() != nil { // what it found is that it was cut off
		o.begun = false
	}
	dropping, stop := context.WithTimeout(context.WithoutCancel(ctx), caseWithin)
	defer stop()
	_ = drop(dropping) // what could not be deleted is tried again in the end, and said then
	return o
}
