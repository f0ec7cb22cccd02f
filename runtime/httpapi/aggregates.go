package httpapi

import (
	"fmt"
	"net/http"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
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

type aggregatesAnswer struct {
	Average    reading.Decimal `json:"average"`
	TotalCount int64           `json:"totalCount"`
	Items      []aggregateItem `json:"items"`
	NextCursor string          `json:"nextCursor,omitempty"`
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
		Interval: interval, EquipmentID: in.equipment(false), Cursor: in.cursor(),
		Limit: in.limit(contract.AggregatesPageDefault, contract.AggregatesPageMax),
	}
	if err := in.err(); err != nil {
		return err
	}
	ctx, cancel := calling(r)
	defer cancel()
	got, err := s.Windows.Query(ctx, q)
	if err != nil {
		return fmt.Errorf("query aggregates: %w", err)
	}
	out := aggregatesAnswer{got.Average, got.TotalCount, make([]aggregateItem, len(got.Items)), got.NextCursor}
	for i, item := range got.Items {
		out.Items[i] = aggregateItem{item.EquipmentID, item.IntervalStart.Unix(), item.TotalValue, item.SampleCount}
	}
	return answer(w, http.StatusOK, out)
}
