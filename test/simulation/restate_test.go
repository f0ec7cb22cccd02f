package simulation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// restatement is an operator's process that compares aggregates with the readings and mends them.
type restatement struct {
	*process
	w     *world
	table *dynamo.Aggregates
	rows  *aggregate.Aggregator
	fleet *aggregate.FleetRestater
}

func (w *world) newRestatement(r *region) *restatement {
	w.requests++
	p := &process{name: fmt.Sprintf("%s/restatement %d", r.name, w.requests), region: r, ended: func(bool) {}}
	table := dynamo.NewAggregates(&client{w, p, lateRows}, readingsTable, aggregatesTable, indexShards)
	return &restatement{
		process: p, w: w, table: table, fleet: aggregate.NewFleetRestater(table, fleetBuckets),
		rows: aggregate.NewAggregator(table, r.name, aggregate.AggregatorOptions{
			FleetBuckets: fleetBuckets, Retention: w.retention, Concurrency: 1, AttemptsMax: 4,
			Now: r.clock, Pacer: pacing.Pacer{Sleep: p.sleep(w, 0), Jitter: w.random.Float64}, Random: w.random.Uint64,
		}),
	}
}

// row restates a row, which may be missing, and tells whether it is done.
func (s *restatement) row(key aggregate.RowKey) bool {
	got, err := s.rows.Restate(context.Background(), key)
	s.w.count(countRestated, len(got.Differences))
	s.w.count(countRaced, got.Raced)
	return s.done(fmt.Sprintf("row of %s at %s in %s: %+v", key.EquipmentID, reading.FormatHour(key.Hour), key.Region, got), err)
}

// day restates the fleet's rows of a day in a region, and tells whether all of them are done.
func (s *restatement) day(region string, day time.Time) bool {
	got, err := s.fleet.Restate(context.Background(), region, day)
	mayDiffer := s.region.own.planted || region != s.region.name // of another region's rows some may not have been replicated
	if s.w.count(countFleetMended, len(got.Mended)); len(got.Mended) > 0 && !mayDiffer {
		s.w.violate("%s: fleet rows were changed that were right: %v", s.name, got.Mended)
	}
	s.w.count(countFleetMoving, len(got.Moving))
	return s.done(fmt.Sprintf("fleet of %s on %s: %+v", region, reading.FormatDay(day), got), err) && len(got.Moving) == 0
}

func (s *restatement) done(what string, err error) bool {
	if s.w.trace != nil {
		s.w.tracef("%s: %s %v", s.name, what, err)
	}
	if err != nil && fault.KindOf(err) != fault.Unavailable && !errors.Is(err, aggregate.ErrClosed) &&
		!errors.Is(err, errThrottled) && !errors.Is(err, errTimeout) {
		s.w.violate("%s: %s: %v", s.name, what, err)
	}
	return err == nil
}

// rowOf is the row of a region that a reading counts in.
func rowOf(one reading.Reading, region string) aggregate.RowKey {
	return aggregate.RowKey{EquipmentID: one.EquipmentID, Hour: reading.Hour(one.Timestamp), Region: region}
}

// restateSome is an operator who restates a row or a day of the fleet while everything goes on.
func (w *world) restateSome() {
	s := w.newRestatement(w.someRegion())
	one := w.identities[w.random.IntN(len(w.identities))]
	row := w.random.IntN(3) > 0
	w.spawn(s.process, func() {
		if row {
			s.row(rowOf(one, s.region.name))
		} else {
			s.day(s.region.name, one.Timestamp)
		}
	})
}

// plant puts an error into a region's aggregates, as a bug or a restored table would.
func (w *world) plant() bool {
	r := w.someRegion()
	var mine []dynamodel.Item
	for _, item := range r.db.Items(aggregatesTable) {
		if strings.HasSuffix(textOf(item, contract.AttrInterval), contract.KeySeparator+r.name) && item[contract.AttrSampleCount] != nil {
			mine = append(mine, item)
		}
	}
	if len(mine) == 0 || w.parts > 1 || !w.chance(planted, 1) {
		return false
	}
	item := mine[w.random.IntN(len(mine))]
	key := dynamodel.Key{Partition: textOf(item, contract.AttrEquipmentID), Sort: textOf(item, contract.AttrInterval)}
	r.own.planted = true
	w.tracef("%s: an error is planted in %v", r.name, key)
	var err error
	if w.random.IntN(4) == 0 {
		_, err = r.db.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{TableName: name(aggregatesTable), Key: rowItem(key)})
	} else {
		attribute := []string{
			contract.AttrSampleCount, contract.AttrTotalInteger, contract.AttrTotalFraction, contract.AttrMinValue, contract.AttrMaxValue,
			contract.SliceAttribute(contract.AttrSliceCount, w.random.IntN(contract.SlicesPerHour)),
			contract.SliceAttribute(contract.AttrSliceMax, w.random.IntN(contract.SlicesPerHour)),
		}[w.random.IntN(7)]
		_, err = r.db.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{
			TableName: name(aggregatesTable), Key: rowItem(key), UpdateExpression: aws.String("SET #a = :x"),
			ExpressionAttributeNames:  map[string]string{"#a": attribute},
			ExpressionAttributeValues: dynamodel.Item{":x": &types.AttributeValueMemberN{Value: fmt.Sprint(w.random.IntN(5) - 2)}},
		})
	}
	if err != nil {
		w.violate("an error could not be planted: %v", err)
	}
	return true
}

func rowItem(key dynamodel.Key) dynamodel.Item {
	return dynamodel.Item{contract.AttrEquipmentID: text(key.Partition), contract.AttrInterval: text(key.Sort)}
}

// mendPlanted restates everything of the regions in which errors were planted, again and again until it has come to its end, and
// tells whether there was anything to do.
func (w *world) mendPlanted() bool {
	began := false
	for _, r := range w.regions {
		if !r.own.planted || r.own.mended {
			continue
		}
		began = true
		s, done := w.newRestatement(r), false
		s.ended = func(dead bool) { r.own.mended = done && !dead }
		w.spawn(s.process, func() {
			done = true
			for _, one := range w.identities {
				done = s.row(rowOf(one, r.name)) && done
			}
			for day := range 2 {
				done = s.day(r.name, firstHour.Add(time.Duration(day)*24*time.Hour)) && done
			}
		})
	}
	return began
}
