package csvfile

import "github.com/sensorflow/sensorflow/runtime/reading"

// What the package's own tests reach into.
var (
	NewRecords  = newRecords
	SplitFields = splitFields
	ReadHead    = readHead
)

// Next returns the next record of a range.
func (s *records) Next() (record []byte, long bool, err error) { return s.next() }

// KeySetOf returns what tells whether an identity is one of those of rs.
func KeySetOf(rs []reading.Reading) func(reading.Reading) bool {
	var s keySet
	s.reset(0)
	for _, r := range rs {
		s.add(r)
	}
	s.sort()
	return s.has
}
