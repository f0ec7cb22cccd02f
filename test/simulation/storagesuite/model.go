package storagesuite

import (
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// modelRegion is a region of the model with the streams of its tables, which have one shard each.
type modelRegion struct {
	*dynamodel.Database
	definitions map[string]contract.Table
	streams     map[string][]Record
	records     int
}

// Model returns the simulation's model as an implementation, of two regions with global tables that replicate at once.
func Model() Storage {
	home, away := newModelRegion(region), newModelRegion("eu-central-1")
	home.OnWrite = func(w dynamodel.Write) { home.wrote(w, away) }
	away.OnWrite = func(w dynamodel.Write) { away.wrote(w, home) }
	s, other := home.storage(away), away.storage(home)
	s.Elsewhere = &other
	return s
}

func newModelRegion(name string) *modelRegion {
	return &modelRegion{
		Database: dynamodel.NewDatabase(name, time.Now), definitions: map[string]contract.Table{}, streams: map[string][]Record{},
	}
}

// wrote takes a write into the stream and to the other region.
func (m *modelRegion) wrote(w dynamodel.Write, other *modelRegion) {
	if w.Changed() {
		m.records++
		m.streams[w.Table] = append(m.streams[w.Table], Record{
			Sequence: fmt.Sprint(m.records), Shard: "the only one", Key: keyOf(w.Key.Partition, w.Key.Sort), Old: w.Old, New: w.New, At: w.At,
			Service: w.Origin == dynamodel.Expired,
		})
	}
	if w.Origin != dynamodel.Replicated {
		other.Replicate(w)
	}
}

func (m *modelRegion) storage(other *modelRegion) Storage {
	return Storage{
		Client: m,
		Create: func(_ T, definition contract.Table) string {
			name := fmt.Sprintf("%s-%d", definition.Name, len(m.definitions)+1)
			for _, r := range []*modelRegion{m, other} {
				r.definitions[name] = definition
				r.Create(name, definition)
			}
			return name
		},
		Records: func(_ T, table string) []Record { return m.streams[table] },
		From: func(t T, table string, first Record) []Record {
			for i, r := range m.streams[table] {
				if r.Sequence == first.Sequence {
					return m.streams[table][i:]
				}
			}
			t.Fatalf("the stream has no record %s", first.Sequence)
			return nil
		},
		Settings: func(_ T, table string) (s Settings) {
			s.TimeToLive = m.definitions[table].TimeToLive
			if m.definitions[table].Stream {
				s.Images = bothImages
			}
			return s
		},
		Expire: func(t T, table string, key Item) {
			k := dynamodel.Key{Partition: textOf(key[contract.AttrEquipmentID]), Sort: textOf(key[contract.AttrTimestamp])}
			if !m.Expire(table, k) {
				t.Errorf("%s does not expire", show(key))
			}
		},
	}
}
