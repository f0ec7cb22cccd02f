package bench_test

import "testing"

// TestUnits_OfExtremesAndTheList measures the batches that cost more than others: the first one of all, of an hour, and of an hour that a
// new instance of the aggregator meets, beside one in the middle of an hour. Extremes must cost new readings nothing, whatever their
// values do, and the list of equipments a unit for each equipment that an instance meets for the first time, at the first row of an hour.
func TestUnits_OfExtremesAndTheList(t *testing.T) {
	type cost struct{ writes, index, reads, list int }
	costs := map[string]cost{}
	for _, values := range unitsKinds()[:3] {
		u := newUnits()
		for _, batch := range []struct {
			name    string
			minute  int
			restart bool
		}{
			{"the first of all", 0, false}, {"in the middle of an hour", 1, false}, {"the first of an hour", 60, false},
			{"after a restart", 61, true}, {"the first of an hour after a restart", 120, false},
		} {
			if batch.restart {
				u.restart()
			}
			u.fresh()
			u.minute(t, batch.minute, false, values.of)
			got := cost{u.table + u.index, u.index, u.reads + u.ofReadings, u.ofList}
			t.Logf("%-10s %-38s %d write units of the readings, %d of the aggregates (%d of them the index, %d puts into the list), %d read units",
				values.name, batch.name, u.stored, got.writes, got.index, got.list, got.reads)
			if known, measured := costs[batch.name]; measured && got != known {
				t.Errorf("%s, %s: %+v, where other values cost %+v", values.name, batch.name, got, known)
			}
			costs[batch.name] = got
		}
	}
	usual := costs["in the middle of an hour"].writes
	for name, want := range map[string]int{
		"the first of all": unitsEquipments, "after a restart": 0, "the first of an hour": 0, "the first of an hour after a restart": unitsEquipments,
	} {
		if got := costs[name]; got.list != want || got.writes != usual+want {
			t.Errorf("%s: %+v, want %d puts into the list and %d write units", name, got, want, usual+want)
		}
	}
}
