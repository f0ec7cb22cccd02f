package httpapi

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// messageInterval is fixed by the API contract.
const messageInterval = "Invalid interval. Supported values are 24h, 48h, 1w, 1m"

// reasonBesideInterval is for parameters of the other kind of window.
const reasonBesideInterval = "must not stand beside interval"

type aggregateItem struct {
	EquipmentID   reading.EquipmentID `json:"equipmentId"`
	IntervalStart int64               `json:"intervalStart"`
	TotalValue    number              `json:"totalValue"`
	SampleCount   int64               `json:"sampleCount"`
	MinValue      *number             `json:"minValue,omitempty"`
	MaxValue      *number             `json:"maxValue,omitempty"`
}

// aggregatesHead is what comes before the items.
type aggregatesHead struct {
	Average    number `json:"average"`
	TotalCount int64  `json:"totalCount"`
}

// stepPlace is where a page of aggregates ended.
type stepPlace struct {
	From        instant     `json:"f"` // the beginning of the window
	Start       instant     `json:"h"` // of the last item's step
	EquipmentID equipmentID `json:"e"` // of the last item
}

// getAggregated answers the aggregates of a window.
func (s *Server) getAggregated(w http.ResponseWriter, r *http.Request) error {
	q, scope, in, err := s.readAggregates(r)
	if err != nil {
		return err
	}
	w.Header().Add("Vary", "Accept")
	if wantsCSV(r) {
		return s.exportAggregates(w, r, q)
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
		last := stepPlace{instant(next.From), instant(next.After.Start), equipmentID(next.After.EquipmentID)}
		if nextCursor, err = s.cursors.seal(last, scope...); err != nil {
			return err
		}
	}
	head := aggregatesHead{in.number(got.Average), got.TotalCount}
	return answerPage(w, r, head, func(yield func(aggregateItem) bool) {
		for _, item := range got.Items {
			least, largest := item.Extremes[aggregate.Min], item.Extremes[aggregate.Max]
			if !yield(aggregateItem{
				item.EquipmentID, item.IntervalStart.Unix(), in.number(item.TotalValue), item.SampleCount, in.extreme(least), in.extreme(largest),
			}) {
				return
			}
		}
	}, nextCursor)
}

// readAggregates reads what is asked for, and what all pages of it have in common.
func (s *Server) readAggregates(r *http.Request) (q aggregate.Query, scope []string, in *query, err error) {
	in, err = readLists(r, []string{paramEquipmentID}, paramInterval, paramFrom, paramTo, paramGranularity, paramTimezone,
		paramEquipmentID, paramLimit, paramCursor, paramNumbers)
	if err != nil {
		return q, nil, nil, err
	}
	q.Equipments = in.equipments()
	q.Limit = in.limit(contract.AggregatesPageDefault, contract.AggregatesPageMax)
	in.readNumbers()
	if wantsCSV(r) {
		in.wholeRange()
	}
	window := []string{paramFrom, paramTo, paramGranularity, paramTimezone}
	own := slices.ContainsFunc(window, in.values.Has)
	switch {
	case own && !in.values.Has(paramInterval):
		scope, err = in.readSpan(&q)
	case own:
		for _, name := range window {
			if in.values.Has(name) {
				in.fault(name, reasonBesideInterval)
			}
		}
		err = in.err()
	default:
		scope, err = in.readInterval(&q)
	}
	if err != nil {
		return q, nil, nil, err
	}
	scope = append(scope, joined(q.Equipments))
	var ended stepPlace
	if in.cursor(s.cursors, &ended, scope...) {
		last := aggregate.ItemKey{EquipmentID: reading.EquipmentID(ended.EquipmentID), Start: time.Time(ended.Start)}
		q.After = aggregate.Place{From: time.Time(ended.From), After: last}
	}
	return q, scope, in, in.err()
}

// joined writes a set of equipments, in their order, as one text.
func joined(ids []reading.EquipmentID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return strings.Join(texts, " ")
}

// readInterval reads one of the four windows that end with the current hour.
func (q *query) readInterval(to *aggregate.Query) (scope []string, err error) {
	const rule = "must be one of 24h, 48h, 1w, 1m"
	interval, err := aggregate.ParseInterval(q.values.Get(paramInterval))
	if err != nil || len(q.values[paramInterval]) != 1 {
		if len(q.values[paramInterval]) < 2 { // that it stands twice is noted already
			q.fault(paramInterval, rule)
		}
		if q.misnamed {
			return nil, q.err()
		}
		return nil, &problem{kind: problemInvalid, message: messageInterval, fields: q.faults, cause: err}
	}
	to.Interval = interval
	return []string{"aggregates", interval.String()}, nil
}

// readSpan reads a window of one's own.
func (q *query) readSpan(to *aggregate.Query) (scope []string, err error) {
	from, until := q.requiredInstant(paramFrom), q.requiredInstant(paramTo)
	granularity, err := aggregate.ParseGranularity(cmp.Or(q.values.Get(paramGranularity), "1h"))
	if err != nil || q.values.Has(paramGranularity) && q.values.Get(paramGranularity) == "" {
		q.fault(paramGranularity, "must be one of 5m, 15m, 30m, 1h, 1d")
	}
	zone := q.zone(paramTimezone)
	if err := q.err(); err != nil {
		return nil, err
	}
	if to.Span, err = aggregate.NewSpan(from, until, granularity, zone); err != nil {
		return nil, err
	}
	return []string{"aggregates", bound(from), bound(until), granularity.String(), zone.String()}, nil
}
