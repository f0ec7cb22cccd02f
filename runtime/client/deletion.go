package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// deletionTimeout is longer than the 45 s for which the service may keep a deletion's caller waiting.
const deletionTimeout = time.Minute

// statusRunning is of a deletion that goes on behind its answer.
const statusRunning = "running"

// DeleteRange deletes the readings of an equipment from From, included, to To, which both are needed, and returns once they are gone.
// The token needs the scope sensor-flow/admin. Where a call had to be made again, the number is that of the last one alone.
func (c *Client) DeleteRange(ctx context.Context, r Range) (deleted int64, err error) {
	return c.remove(ctx, r.query())
}

// DeleteOne deletes one reading, and returns 0 where there is none.
func (c *Client) DeleteOne(ctx context.Context, id EquipmentID, at time.Time) (deleted int64, err error) {
	query := url.Values{"equipmentId": {string(id)}}
	query.Set("timestamp", at.UTC().Format(time.RFC3339Nano))
	return c.remove(ctx, query)
}

func (c *Client) remove(ctx context.Context, query url.Values) (int64, error) {
	var deletion struct {
		Status  string
		Deleted int64
	}
	location := ""
	at, err := c.do(ctx, request{method: http.MethodDelete, path: "/sensor-data", query: query, timeout: deletionTimeout},
		func(got answer) error {
			location = got.header.Get("Location")
			return decoding(&deletion)(got)
		})
	for wait := pollFirst; err == nil && deletion.Status == statusRunning; wait = min(2*wait, pollMax) {
		if location == "" {
			return 0, fmt.Errorf("DELETE /sensor-data: the answer does not tell where the deletion is asked for")
		}
		if err = c.o.Pacer.Sleep(ctx, wait); err == nil {
			err = c.get(ctx, location, nil, &deletion, at)
		}
	}
	return deletion.Deleted, err
}

// How long is waited before it is asked again how far something is.
const (
	pollFirst = 250 * time.Millisecond
	pollMax   = 2 * time.Second
)
