package equipment_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/equipment"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

// ends has a reading of every equipment but some.
type ends struct{ err error }

func (e ends) Ends(_ context.Context, id reading.EquipmentID) (first, last *reading.Stored, err error) {
	if strings.HasSuffix(string(id), "7") {
		return nil, nil, e.err
	}
	one := &reading.Stored{Reading: reading.Reading{EquipmentID: id}}
	return one, one, nil
}

// Every page in its order, of any size, with equipments of several regions, and with any prefix.
func TestCatalog_PagesThroughAllInTheOrderOfTheirIDs(t *testing.T) {
	table := aggregatetest.NewMemory(4)
	random := rand.New(rand.NewPCG(1, 2))
	all := map[string]bool{}
	for len(all) < 600 {
		id := fmt.Sprintf("%c%c%d", "EFef"[random.IntN(4)], "-.:_Q0z"[random.IntN(7)], random.IntN(300))
		all[id] = true
		for _, region := range []string{"eu-west-1", "us-east-1", "ap-south-1"}[:1+random.IntN(3)] {
			if err := table.PutEquipment(t.Context(), reading.EquipmentID(id), region); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := equipment.NewCatalog(table, ends{})
	for _, prefix := range []string{"", "E", "E-", "E-1", "f", "f_29", "zz", "E-12345"} {
		var want []string
		for id := range all {
			if strings.HasPrefix(id, prefix) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		for _, limit := range []int{1, 3, 50, 100} {
			var got []string
			var after reading.EquipmentID
			for more := true; more; {
				var page []equipment.Equipment
				var err error
				if page, more, err = c.Page(t.Context(), prefix, after, limit); err != nil || len(page) > limit || more && len(page) < limit {
					t.Fatalf("%q after %q: %d, more %t, %v", prefix, after, len(page), more, err)
				}
				for _, one := range page {
					if (one.First == nil) != strings.HasSuffix(string(one.ID), "7") || one.First != nil && one.First.EquipmentID != one.ID {
						t.Errorf("%s has %+v", one.ID, one.First)
					}
					got, after = append(got, string(one.ID)), one.ID
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q by %d: %d of %d equipments, or in another order", prefix, limit, len(got), len(want))
			}
		}
	}
	broken := errors.New("broken")
	if _, _, err := equipment.NewCatalog(table, ends{broken}).Page(t.Context(), "", "", 100); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
