package csvfile

import (
	"bufio"
	"io"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// What the package's own tests reach into.
var (
	NewRecords  = newRecords
	SplitFields = splitFields
	ReadHead    = readHead
)

// UnpackFrom returns what fetches the text of a gzip file.
func UnpackFrom(object []byte) func(dst []byte, offset int64) error {
	source := &packedObject{size: int64(len(object)), fetch: func(dst []byte, offset int64) error {
		copy(dst, object[offset:])
		return nil
	}}
	u := &unpacker{object: source, members: members{input: bufio.NewReaderSize(source, blockBytes)}}
	return u.fetch
}

// Next returns the next record of a range.
func (s *records) Next() (record string, long bool, err error) { return s.next() }

// JudgeRows reads a file of the given size, whose columns stand in the order of Columns, and returns how many of its rows are
// readings and how many are not.
func JudgeRows(fetch func(dst []byte, offset int64) error, size int64, limits reading.Limits, buf []byte) (accepted, rejected int, err error) {
	rows := rows{records: newRecords(fetch, 0, size, size, contract.CSVRecordBytesMax, buf), delimiter: Comma[0]}
	judge, err := newJudge(Format{}, Layout{Columns: Columns{EquipmentID: 0, Timestamp: 1, Value: 2}, Fields: 3}, limits)
	if err != nil {
		return 0, 0, err
	}
	var r reading.Reading
	for {
		row, long, err := rows.next()
		if err == io.EOF {
			return accepted, rejected, nil
		}
		if err != nil {
			return 0, 0, err
		}
		if reason := judge.row(&r, row, long); reason != "" {
			rejected++
		} else {
			accepted++
		}
	}
}
