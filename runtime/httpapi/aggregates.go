package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// messageInterval is fixed by the API contract.
const messageInterval = "Invalid interval. Supported values are 24h, 48h, 1w, 1m"

type aggregateItem struct {
	EquipmentID   reading.EquipmentID `json:"equipmentId"`
	IntervalStart int64               `json:"intervalStart"`
	TotalValue    reading.Decimal     `json:"totalValue"`
	SampleCount   int64               `json:"sampleCount"`
}

// aggregatesHead is what comes before the items.
type aggregatesHead struct {
	Average    reading.Decimal `json:"average"`
	TotalCount int64           `json:"totalCount"`
}

// rowPlace is where a page of aggregates ended.
type rowPlace struct {
	From        instant   `json:"f"` // the first hour of the window
	Hour        instant   `json:"h"` // of the last row
	EquipmentID equipment `json:"e"` // of the last row
}

// getAggregated answers the hourly aggregates of a window.
func (s *Server) getAggregated(w http.ResponseWriter, r *http.Request) error {
	in, err := readQuery(r, paramInterval, paramEquipmentID, paramLimit, paramCursor)
	if err != nil {
		return err
	}
	interval, err := aggregate.ParseInterval(in.values.Get(paramInterval))
	if err != nil || len(in.values[paramInterval]) != 1 {
		return &problem{
			kind: problemInvalid, message: messageInterval,
			fields: []fault.FieldError{{Field: paramInterval, Reason: "must be one of 24h, 48h, 1w, 1m"}}, cause: err,
		}
	}
	q := aggregate.Query{
		Interval: interval, EquipmentID: in.equipment(false),
		Limit: in.limit(contract.AggregatesPageDefault, contract.AggregatesPageMax),
	}
	scope := []string{"aggregates", interval.String(), string(q.EquipmentID)}
	var ended rowPlace
	if in.cursor(s.cursors, &ended, scope...) {
		last := aggregate.RowKey{EquipmentID: reading.EquipmentID(ended.EquipmentID), Hour: time.Time(ended.Hour)}
		q.After = aggregate.Place{From: time.Time(ended.From), After: last}
	}
	if err := in.err(); err != nil {
		return err
	}
	hold, err := s.admitRead(r, q.Limit, memory.RowBytes)
	if err != nil {
		return err
	}
	defer hold.Leave()
	ctx, cancel := calling(r)
	defer cancel()
	got, err := s.Windows.Query(ctx, q)
	if err != nil {
		return fmt.Errorf("query aggregates: %w", err)
	}
	hold.Shrink(answerBytes + int64(len(got.Items))*memory.RowBytes)
	nextCursor := ""
	if next := got.Next; next != (aggregate.Place{}) {
		last := rowPlace{instant(next.From), instant(next.After.Hour), equipment(next.After.EquipmentID)}
		if nextCursor, err = s.cursors.seal(last, scope...); err != nil {
			return err
		}
	}
	return answerPage(w, r, aggregatesHead{got.Average, got.TotalCount}, func(yield func(aggregateItem) bool) {
		for _, item := range got.Items {
			if !yield(aggregateItem{item.EquipmentID, item.IntervalStart.Unix(), item.TotalValue, item.SampleCount}) {
				return
			}
		}
	}, nextCursor)
}
