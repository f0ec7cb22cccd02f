package csvfile

// What the package's own tests reach into.
var (
	NewRecords  = newRecords
	SplitFields = splitFields
	ReadHead    = readHead
)

// Next returns the next record of a range.
func (s *records) Next() (record []byte, long bool, err error) { return s.next() }
