package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

const (
	mediaCSV = "text/csv"
	// exportTimeout bounds an export as a whole. A reader that is too slow for each part of it is cut off long before.
	exportTimeout = time.Hour
	// The headers of exports. That of readings is what an upload takes.
	readingsHeader   = "equipmentId,timestamp,value\r\n"
	aggregatesHeader = "equipmentId,intervalStart,totalValue,sampleCount,minValue,maxValue,intervalStartTime\r\n"
	equipmentHeader  = "equipmentId,firstTimestamp,firstValue,lastTimestamp,lastValue\r\n"
)

// wantsCSV tells whether the client asks for CSV before JSON.
func wantsCSV(r *http.Request) bool { return wants(r, mediaCSV, mediaJSON) }

// wants tells whether a client names one media type, and names it before the other or with more weight.
func wants(r *http.Request, one, other string) bool {
	weight, otherWeight := 0.0, 0.0
	first := false
	for _, header := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			media, parameters, _ := strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(media)) {
			case one:
				weight, first = quality(parameters), otherWeight == 0
			case other:
				otherWeight = quality(parameters)
			}
		}
	}
	return weight > otherWeight || first && weight > 0 && weight == otherWeight
}

// quality reads how much a media type is wanted, 0 to 1.
func quality(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || q < 0 || q > 1 {
				return 0
			}
			return q
		}
	}
	return 1
}

// export streams an answer as CSV. Once it has begun, it cannot say any more that it failed: the connection is then cut, so that the
// last chunk is missing and the client knows that the file is not whole.
type export struct {
	s   *Server
	r   *http.Request
	w   http.ResponseWriter
	out *stream
	// name and header are of the file.
	name, header string
}

// begin sends the header line. What fails before can still be told.
func (e *export) begin() {
	if e.out != nil {
		return
	}
	e.w.Header().Set("Content-Disposition", `attachment; filename="`+strings.ReplaceAll(e.name, ":", "_")+`.csv"`)
	e.out = newStreamOf(e.w, e.r, http.StatusOK, mediaCSV+"; charset=utf-8; header=present")
	e.out.last = time.Now().Add(exportTimeout)
	e.out.write([]byte(e.header))
}

// pages writes page after page. A page returns whether more follow.
func (e *export) pages(page func(ctx context.Context) (more bool, err error)) error {
	for more := true; more; {
		ctx, cancel := calling(e.r)
		next, err := page(ctx)
		cancel()
		if err != nil && e.out == nil {
			return err
		}
		if err != nil {
			e.s.Logger.ErrorContext(e.r.Context(), "an export broke off", "request_id", exchangeOf(e.r.Context()).id, "error", err)
		}
		if err != nil || e.out != nil && e.out.err != nil {
			panic(http.ErrAbortHandler)
		}
		if more = next && e.r.Method != http.MethodHead; more {
			e.out.refresh()
		}
	}
	e.begin()
	e.out.end()
	return nil
}

// fields writes a row. No field of an export needs quotes.
func (e *export) fields(fields ...string) {
	e.out.write([]byte(strings.Join(fields, ",")))
	e.out.write([]byte("\r\n"))
}

// wholeRange refuses what would cut an export.
func (q *query) wholeRange() {
	for _, name := range []string{paramLimit, paramCursor} {
		if q.values.Has(name) {
			q.fault(name, "does not go with Accept: "+mediaCSV+", which is answered with all there is")
		}
	}
}

// exportReadings streams all readings of a listing, newest first, as an upload takes them.
func (s *Server) exportReadings(w http.ResponseWriter, r *http.Request, l listing) error {
	hold, err := s.admitRead(r, contract.ReadingsPageMax, storedBytes)
	if err != nil {
		return err
	}
	defer hold.Leave()
	e := &export{s: s, r: r, w: w, name: "readings-" + string(l.equipmentID), header: readingsHeader}
	return e.pages(func(ctx context.Context) (more bool, err error) {
		rs, ended, err := s.Pager.Page(ctx, l.equipmentID, l.from, l.to, contract.ReadingsPageMax, nil)
		if err != nil {
			return false, err
		}
		e.begin()
		for _, one := range rs {
			e.fields(string(one.EquipmentID), clientTime(one.Timestamp), one.Value.String())
		}
		l.to = ended
		return !ended.IsZero(), nil
	})
}

// exportAggregates streams all items of a window.
func (s *Server) exportAggregates(w http.ResponseWriter, r *http.Request, q aggregate.Query) error {
	q.Limit = contract.AggregatesPageMax
	hold, err := s.admitRead(r, q.Limit, memory.RowBytes)
	if err != nil {
		return err
	}
	defer hold.Leave()
	e := &export{s: s, r: r, w: w, name: "aggregates", header: aggregatesHeader}
	return e.pages(func(ctx context.Context) (more bool, err error) {
		got, err := s.Windows.Query(ctx, q)
		if err != nil {
			return false, err
		}
		e.begin()
		for _, item := range got.Items {
			e.fields(string(item.EquipmentID), strconv.FormatInt(item.IntervalStart.Unix(), 10), item.TotalValue.String(),
				strconv.FormatInt(item.SampleCount, 10), extremeText(item.Extremes[aggregate.Min]), extremeText(item.Extremes[aggregate.Max]),
				item.IntervalStart.In(q.Span.Zone()).Format(time.RFC3339))
		}
		q.After = got.Next
		return got.Next != (aggregate.Place{}), nil
	})
}

// exportEquipment streams all equipments whose ids begin with a prefix.
func (s *Server) exportEquipment(w http.ResponseWriter, r *http.Request, prefix string) error {
	hold, err := s.admitRead(r, contract.EquipmentPageMax, 2*storedBytes)
	if err != nil {
		return err
	}
	defer hold.Leave()
	e := &export{s: s, r: r, w: w, name: "equipment", header: equipmentHeader}
	after := reading.EquipmentID("")
	return e.pages(func(ctx context.Context) (more bool, err error) {
		page, more, err := s.Equipment.Page(ctx, prefix, after, contract.EquipmentPageMax)
		if err != nil {
			return false, fmt.Errorf("list equipments: %w", err)
		}
		e.begin()
		for _, one := range page {
			firstAt, first := pointTexts(one.First)
			lastAt, last := pointTexts(one.Last)
			e.fields(string(one.ID), firstAt, first, lastAt, last)
			after = one.ID
		}
		return more && len(page) > 0, nil
	})
}

// pointTexts are the fields of a reading beside its equipment, empty where there is none.
func pointTexts(r *reading.Stored) (timestamp, value string) {
	if r == nil {
		return "", ""
	}
	return clientTime(r.Timestamp), r.Value.String()
}

func extremeText(e aggregate.Extreme) string {
	if !e.Any {
		return ""
	}
	return e.Value.String()
}
