package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/load/report"
	"github.com/sensorflow/sensorflow/test/load/users"
)

const (
	findersAtOnce = 8
	pageMax       = 1000
)

// find looks for readings that were answered with 201, by their values too.
func find(ctx context.Context, t *target, prefix string, stored []users.Stored, progress io.Writer) (*report.Found, error) {
	of := map[int][]users.Stored{}
	for _, one := range stored {
		of[one.User] = append(of[one.User], one)
	}
	_, _ = fmt.Fprintf(progress, "looking for %d readings of %d equipments\n", len(stored), len(of))
	client := &probe.Client{Base: t.url.String(), Token: t.token, HTTP: probe.NewHTTP()}
	var found atomic.Int64
	var missing sync.Once
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(findersAtOnce)
	for user, want := range of {
		group.Go(func() error {
			equipment := users.EquipmentID(prefix, user)
			got, err := readingsOf(ctx, client, equipment)
			if err != nil {
				return fmt.Errorf("look for the readings of %s: %w", equipment, err)
			}
			for _, one := range want {
				if got[one.At.UnixNano()] == users.Value(one.User, one.N) {
					found.Add(1)
					continue
				}
				missing.Do(func() {
					_, _ = fmt.Fprintf(progress, "lost: %s at %s\n", equipment, one.At.UTC().Format(time.RFC3339Nano))
				})
			}
			return nil
		})
	}
	err := group.Wait()
	return &report.Found{Stored: len(stored), Found: int(found.Load())}, err
}

// readingsOf returns the values of an equipment by their timestamps. Faults that the load test makes up go on, so that a refusal is
// asked again.
func readingsOf(ctx context.Context, client *probe.Client, equipment string) (map[int64]string, error) {
	values := map[int64]string{}
	query := url.Values{"equipmentId": {equipment}, "limit": {fmt.Sprint(pageMax)}, "numbers": {"string"}}
	for attempts := 0; ; {
		answer, err := client.Do(ctx, probe.Call{Path: "/sensor-data?" + query.Encode()})
		if err != nil {
			return nil, err
		}
		if answer.Status == http.StatusServiceUnavailable && attempts < 20 {
			attempts++
			continue
		}
		var page struct {
			Items []struct {
				Timestamp time.Time
				Value     string
			}
			NextCursor string
		}
		if err := answer.Decode(&page); err != nil || answer.Status != http.StatusOK {
			return nil, fmt.Errorf("status %d: %.200s", answer.Status, answer.Body)
		}
		for _, one := range page.Items {
			values[one.Timestamp.UnixNano()] = one.Value
		}
		if page.NextCursor == "" {
			return values, nil
		}
		query.Set("cursor", page.NextCursor)
	}
}
