package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// page is an answer of a list.
type page[W any] struct {
	Items      []W
	NextCursor string
}

// pages goes over all items of a list, page by page. It ends with the first error, which it gives together with no item.
func pages[W, T any](ctx context.Context, c *Client, path string, query url.Values, read func(W) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for cursor := ""; ; {
			query := clone(query)
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			var answer page[W]
			if err := c.get(ctx, path, query, &answer, nil); err != nil {
				yield(none, err)
				return
			}
			for _, item := range answer.Items {
				read, err := read(item)
				if err != nil {
					yield(none, fmt.Errorf("GET %s: %w", path, err))
					return
				}
				if !yield(read, nil) {
					return
				}
			}
			if cursor = answer.NextCursor; cursor == "" {
				return
			}
		}
	}
}

func clone(query url.Values) url.Values {
	copied := url.Values{}
	for name, values := range query {
		copied[name] = values
	}
	return copied
}

// Range says which readings of one equipment are meant.
type Range struct {
	EquipmentID EquipmentID
	// From is included, To is not. A zero time leaves that end open.
	From, To time.Time
}

func (r Range) query() url.Values {
	query := url.Values{"equipmentId": {string(r.EquipmentID)}}
	setTime(query, "from", r.From)
	setTime(query, "to", r.To)
	return query
}

func setTime(query url.Values, name string, t time.Time) {
	if !t.IsZero() {
		query.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
}

// Readings goes over the raw readings of an equipment, newest first. It ends with the first error.
func (c *Client) Readings(ctx context.Context, r Range) iter.Seq2[Stored, error] {
	query := r.query()
	query.Set("limit", strconv.Itoa(contract.ReadingsPageMax))
	return pages(ctx, c, "/sensor-data", query, func(w storedWire) (Stored, error) { return w.read() })
}

type storedWire struct {
	EquipmentID  EquipmentID
	Timestamp    time.Time
	Value        json.Number
	RegisterTime time.Time
}

func (w storedWire) read() (Stored, error) {
	value, err := reading.ParseValue(w.Value.String())
	if err != nil {
		return Stored{}, fmt.Errorf("the value %.60q: %w", w.Value, err)
	}
	return Stored{Reading: Reading{EquipmentID: w.EquipmentID, Timestamp: w.Timestamp.UTC(), Value: value}, RegisterTime: w.RegisterTime.UTC()}, nil
}

// Window says which aggregates are wanted: either those of an Interval, or those from From to To.
type Window struct {
	// Interval is 24h, 48h, 1w or 1m, counted back from the current full hour.
	Interval string
	// From is included, To is not; both lie on full five minutes, at most 400 days apart.
	From, To time.Time
	// Granularity is how long a step is: 5m, 15m, 30m, 1h or 1d. Default: 1h.
	Granularity string
	// Timezone is where hours and days begin, such as America/Sao_Paulo. Default: UTC.
	Timezone string
	// Equipment are those that are wanted, at most fifty. Default: all.
	Equipment []EquipmentID
}

func (w Window) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"interval": w.Interval, "granularity": w.Granularity, "timezone": w.Timezone} {
		if value != "" {
			query.Set(name, value)
		}
	}
	setTime(query, "from", w.From)
	setTime(query, "to", w.To)
	for _, id := range w.Equipment {
		query.Add("equipmentId", string(id))
	}
	return query
}

// Aggregate is what the readings of one equipment give in one step of a window.
type Aggregate struct {
	EquipmentID EquipmentID
	// Start is the beginning of the step, in UTC. The window may cut the step.
	Start time.Time
	Count int64
	// Total is the exact sum of the values.
	Total Decimal
	// Min and Max are the smallest and the largest value, nil where they are not known.
	Min, Max *Decimal
}

// Aggregates goes over the aggregates of a window, by start and equipment. It ends with the first error.
func (c *Client) Aggregates(ctx context.Context, w Window) iter.Seq2[Aggregate, error] {
	query := w.query()
	query.Set("limit", strconv.Itoa(contract.AggregatesPageMax))
	return pages(ctx, c, aggregatedPath, query, func(w aggregateWire) (Aggregate, error) { return w.read() })
}

const aggregatedPath = "/sensor-data/aggregated"

type aggregateWire struct {
	EquipmentID        EquipmentID
	IntervalStart      int64
	SampleCount        int64
	TotalValue         json.Number
	MinValue, MaxValue *json.Number
}

func (w aggregateWire) read() (a Aggregate, err error) {
	a = Aggregate{EquipmentID: w.EquipmentID, Start: time.Unix(w.IntervalStart, 0).UTC(), Count: w.SampleCount}
	if a.Total, err = reading.ParseDecimal(w.TotalValue.String()); err != nil {
		return Aggregate{}, err
	}
	if a.Min, err = extreme(w.MinValue); err != nil {
		return Aggregate{}, err
	}
	a.Max, err = extreme(w.MaxValue)
	return a, err
}

func extreme(number *json.Number) (*Decimal, error) {
	if number == nil {
		return nil, nil
	}
	value, err := reading.ParseDecimal(number.String())
	return &value, err
}

// Summary is what the readings of a whole window give.
type Summary struct {
	// Average is rounded to 15 digits, 0 where there are no readings.
	Average Decimal
	Count   int64
}

// Summarize returns what all readings of a window give together.
func (c *Client) Summarize(ctx context.Context, w Window) (Summary, error) {
	query := w.query()
	query.Set("limit", "1")
	var answer struct {
		Average    json.Number
		TotalCount int64
	}
	if err := c.get(ctx, aggregatedPath, query, &answer, nil); err != nil {
		return Summary{}, err
	}
	average, err := reading.ParseDecimal(answer.Average.String())
	if err != nil {
		return Summary{}, fmt.Errorf("GET %s: %w", aggregatedPath, err)
	}
	return Summary{average, answer.TotalCount}, nil
}

// Equipment is one of those that there are, with its first and its last reading; one whose readings have all gone has neither.
type Equipment struct {
	ID          EquipmentID
	First, Last *Reading
}

// Equipments goes over those whose ids begin with a prefix, by id. It ends with the first error.
func (c *Client) Equipments(ctx context.Context, prefix string) iter.Seq2[Equipment, error] {
	query := url.Values{"limit": {strconv.Itoa(contract.EquipmentPageMax)}}
	if prefix != "" {
		query.Set("prefix", prefix)
	}
	return pages(ctx, c, "/equipment", query, func(w equipmentWire) (Equipment, error) { return w.read() })
}

type equipmentWire struct {
	EquipmentID EquipmentID
	First, Last *storedWire
}

func (w equipmentWire) read() (Equipment, error) {
	e := Equipment{ID: w.EquipmentID}
	for _, one := range []struct {
		from *storedWire
		to   **Reading
	}{{w.First, &e.First}, {w.Last, &e.Last}} {
		if one.from == nil {
			continue
		}
		read, err := one.from.read()
		if err != nil {
			return Equipment{}, err
		}
		read.EquipmentID = w.EquipmentID
		*one.to = &read.Reading
	}
	return e, nil
}

// ExportReadings writes the readings of an equipment as CSV, newest first, in the form that Upload takes. A file that is not whole
// has an error.
func (c *Client) ExportReadings(ctx context.Context, r Range, to io.Writer) error {
	return c.export(ctx, "/sensor-data", r.query(), to)
}

// ExportAggregates writes the aggregates of a window as CSV, with a header. A file that is not whole has an error.
func (c *Client) ExportAggregates(ctx context.Context, w Window, to io.Writer) error {
	return c.export(ctx, aggregatedPath, w.query(), to)
}

// export copies an answer. Once something of it has been written, it cannot begin again.
func (c *Client) export(ctx context.Context, path string, query url.Values, to io.Writer) error {
	_, err := c.do(ctx, request{method: http.MethodGet, path: path, query: query, accept: mediaCSV, patient: true},
		func(got answer) error {
			written, err := io.Copy(to, got.body)
			switch {
			case err == nil:
				return nil
			case written == 0:
				return &lostError{err}
			}
			return fmt.Errorf("the export broke off after %d bytes: %w", written, err)
		})
	return err
}
