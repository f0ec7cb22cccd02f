package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/standin"
)

// month is generated aggregates: of some equipments one row for each of the last hours, and what the fleet's rows come to. Each row
// follows from its place in the order of keys, and none is kept. The pages of a query have no limit of bytes.
type month struct {
	equipments int
	first      time.Time // hour
	hours      int
}

// monthHours is more than the longest window.
const monthHours = 800

func newMonth(equipments int, now time.Time) month {
	return month{equipments, reading.Hour(now).Add(-monthHours * time.Hour), monthHours + 1}
}

// rows is a part of the month whose keys rise with the place.
type rows struct {
	n    int
	sort func(place int) string
	// at is what the row at a place is of, and from when, and how many readings it has.
	at func(place int) (partition, interval string, start time.Time, samples int)
}

// query answers a query of the aggregates table; known is false where the month has no such partition.
func (m month) query(body []byte) (a answer, known bool) {
	var in struct {
		ExpressionAttributeValues map[string]value
		Limit                     int
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return answer{http.StatusBadRequest, []byte(malformed)}, true
	}
	given := in.ExpressionAttributeValues
	r, known := m.partition(given[":partition"].S, given[":first"].S)
	if !known {
		return answer{}, false
	}
	text, count := []byte(`{"Items":[`), 0
	place := sort.Search(r.n, func(i int) bool { return r.sort(i) >= given[":first"].S })
	more := func() bool { return place < r.n && r.sort(place) <= given[":last"].S }
	for ; more() && (in.Limit == 0 || count < in.Limit); place++ {
		if count > 0 {
			text = append(text, ',')
		}
		partition, interval, start, samples := r.at(place)
		text = fmt.Appendf(text, `{%q:{"S":%q},%q:{"S":%q},%q:{"N":"%d"},%q:{"N":"%d"},%q:{"N":"%d"},%q:{"N":"%d.%d"},%q:{"N":"20.1"},%q:{"N":"29.9"}}`,
			contract.AttrEquipmentID, partition, contract.AttrInterval, interval, contract.AttrIntervalStart, start.Unix(),
			contract.AttrSampleCount, samples, contract.AttrTotalInteger, 24*samples, contract.AttrTotalFraction, samples/2, 1+place%9,
			contract.AttrMinValue, contract.AttrMaxValue)
		count++
	}
	text = fmt.Appendf(text, `],"Count":%d,"ScannedCount":%d`, count, count)
	if more() {
		text = append(text, `,"LastEvaluatedKey":{"equipmentId":{"S":"more"}}`...)
	}
	return answer{http.StatusOK, append(text, '}')}, true
}

// samplesPerHour are those of each equipment.
const samplesPerHour = 60

// partition returns the rows of a partition of the table or the index.
func (m month) partition(name, first string) (rows, bool) {
	if shard, is := strings.CutPrefix(name, contract.IndexPartitionPrefix); is {
		return m.shard(shard), true
	}
	if strings.HasPrefix(name, contract.FleetPartitionPrefix) {
		return m.fleet(name, first), true
	}
	if number, is := strings.CutPrefix(name, "EQ-"); is {
		if n, err := strconv.Atoi(number); err == nil && n < m.equipments {
			return rows{m.hours, m.interval, func(i int) (string, string, time.Time, int) {
				return name, m.interval(i), m.hour(i), samplesPerHour
			}}, true
		}
	}
	return rows{}, false
}

func (m month) hour(i int) time.Time { return m.first.Add(time.Duration(i) * time.Hour) }

// interval is the sort key of an equipment's row.
func (m month) interval(hour int) string {
	return reading.FormatHour(m.hour(hour)) + contract.KeySeparator + standin.Region
}

// shard is every eighth equipment, hour by hour.
func (m month) shard(text string) rows {
	shard, _ := strconv.Atoi(text)
	each := (m.equipments - shard + contract.IndexShardsDefault - 1) / contract.IndexShardsDefault
	equipment := func(i int) string { return fmt.Sprintf("EQ-%05d", i%each*contract.IndexShardsDefault+shard) }
	return rows{each * m.hours, func(i int) string {
		return reading.FormatHour(m.hour(i/each)) + contract.KeySeparator + equipment(i) + contract.KeySeparator + standin.Region
	}, func(i int) (string, string, time.Time, int) {
		return equipment(i), m.interval(i / each), m.hour(i / each), samplesPerHour
	}}
}

// fleet is the rows of a bucket, of the unit that the key belongs to.
func (m month) fleet(name, key string) rows {
	prefix, length, format := contract.FleetHourPrefix, time.Hour, reading.FormatHour
	switch {
	case strings.HasPrefix(key, contract.FleetDayPrefix):
		prefix, length, format = contract.FleetDayPrefix, 24*time.Hour, reading.FormatDay
	case strings.HasPrefix(key, contract.FleetSlicePrefix):
		prefix, length, format = contract.FleetSlicePrefix, contract.SliceLength, reading.FormatMinute
	}
	start := func(i int) time.Time { return m.first.Truncate(length).Add(time.Duration(i) * length) }
	interval := func(i int) string { return prefix + format(start(i)) + contract.KeySeparator + standin.Region }
	samples := int(length.Hours()*samplesPerHour*float64(m.equipments)) / contract.FleetBucketsDefault
	return rows{int(time.Duration(m.hours)*time.Hour/length) + 1, interval, func(i int) (string, string, time.Time, int) {
		return name, interval(i), start(i), samples
	}}
}
