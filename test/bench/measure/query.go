package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/test/standin"
)

const (
	queryEquipments = 10_000
	queryPage       = 1000
	queryCold       = 6
	queryCached     = 300
)

// queries measures a month of aggregates of many equipments.
func queries(ctx context.Context, r *report) error {
	units, err := goBench(ctx, r, "./test/bench", "^BenchmarkWindowUnits$", "1x")
	if err != nil {
		return err
	}
	r.begin("A query of `1m` over %d equipments, a page of %d items, eight buckets, one region; counted by DynamoDB's rules over the simulation's "+
		"model of it: the same on every machine.", queryEquipments, queryPage)
	r.add("month_totals_read_units", units["month_totals_read_units"], "units", "for `average` and `totalCount`, however many equipments there are")
	r.add("month_totals_bytes", units["month_totals_bytes"], "bytes", "read for them")
	r.add("page_read_units", units["page_read_units"], "units", "for the items")
	r.add("page_bytes", units["page_bytes"], "bytes", "read for them")
	r.add("page_read_overhead", units["page_read_overhead"], "ratio", "units beside the least that the page's items take")

	backend, err := standin.Start(ctx, standin.Options{AggregateEquipments: queryEquipments})
	if err != nil {
		return err
	}
	defer backend.Kill()
	api, err := startAPI(ctx, backend)
	if err != nil {
		return err
	}
	defer api.Kill()
	cold, cached, err := latencies(ctx, api)
	if err != nil {
		return err
	}
	r.begin("The same query of the service, one after the other; the rows are made by a stand-in for DynamoDB that answers after 4 ms.")
	r.add("month_query_cold", ms(middle(cold)), "ms", fmt.Sprintf("median of %d, each after what is kept is too old", queryCold))
	r.add("month_query_cached", ms(middle(cached)), "ms", fmt.Sprintf("median of %d", queryCached))
	return nil
}

// latencies asks for the month again and again: sometimes when the answer that the API keeps is too old.
func latencies(ctx context.Context, api *standin.API) (cold, cached []time.Duration, err error) {
	ask := func() (time.Duration, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/sensor-data/aggregated?interval=1m&limit=%d", api.URL, queryPage), nil)
		if err != nil {
			return 0, fmt.Errorf("ask for a month: %w", err)
		}
		r.Header.Set("Authorization", "Bearer "+api.Token)
		began := time.Now()
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, fmt.Errorf("ask for a month: %w", err)
		}
		n, err := io.Copy(io.Discard, response.Body)
		took := time.Since(began)
		if err := errors.Join(err, response.Body.Close()); err != nil || response.StatusCode != http.StatusOK {
			return 0, errors.Join(fmt.Errorf("ask for a month: status %d, %d bytes", response.StatusCode, n), err)
		}
		return took, nil
	}
	for i := range queryCold + 1 {
		took, err := ask()
		if err != nil {
			return nil, nil, err
		}
		if i > 0 { // the first one opens connections
			cold = append(cold, took)
		}
		for range queryCached / queryCold {
			if took, err = ask(); err != nil {
				return nil, nil, err
			}
			cached = append(cached, took)
		}
		if err := pacing.Sleep(ctx, contract.AggregateCacheTTLMax); err != nil {
			return nil, nil, err
		}
	}
	return cold, cached, nil
}
