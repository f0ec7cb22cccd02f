package standin

import (
	"io"
	"time"
)

// File is the generated content of the bucket's objects: a CSV file in the order of time, a reading of each of fileEquipments
// equipments at a time, that is never held as a whole. Every byte follows from its place. All rows are valid and have the same
// length.
type File struct{ rows int64 }

const (
	fileHeader     = "equipmentId,timestamp,value\n"
	fileRow        = "EQ-00000,2026-03-01T00:00:00.000Z,10.00\n"
	fileEquipments = 100

	placeEquipment, placeTime, placeValue = 3, 9, 34
)

// FileRowBytes is the length of a row.
const FileRowBytes = int64(len(fileRow))

// NewFile returns the file with that many rows.
func NewFile(rows int64) File { return File{rows} }

// FileOfBytes returns the file with as many whole rows as fit, one at least.
func FileOfBytes(bytes int64) File {
	return File{max(1, (bytes-int64(len(fileHeader)))/FileRowBytes)}
}

// Rows is the number of rows, without the header.
func (f File) Rows() int64 { return f.rows }

// Size is the length in bytes.
func (f File) Size() int64 { return int64(len(fileHeader)) + f.rows*FileRowBytes }

// ReadAt implements io.ReaderAt.
func (f File) ReadAt(p []byte, offset int64) (n int, err error) {
	if offset < int64(len(fileHeader)) {
		n = copy(p, fileHeader[offset:])
		offset += int64(n)
	}
	var row [FileRowBytes]byte
	copy(row[:], fileRow)
	var text [2 * FileRowBytes]byte // a time writes more than it keeps
	written := int64(-1)            // the moment that row has
	for n < len(p) && offset < f.Size() {
		place := offset - int64(len(fileHeader))
		i, within := place/FileRowBytes, place%FileRowBytes
		if moment := i / fileEquipments; moment != written {
			written = moment
			copy(row[placeTime:], f.at(moment).AppendFormat(text[:0], "2006-01-02T15:04:05.000Z"))
		}
		digits(row[placeEquipment:placeEquipment+5], i%fileEquipments)
		value := 1000 + i*7919%9000 // a number does not begin with 0
		digits(row[placeValue:placeValue+2], value/100)
		digits(row[placeValue+3:placeValue+5], value%100)
		copied := copy(p[n:], row[within:])
		n, offset = n+copied, offset+int64(copied)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// at is the time of the readings of a moment: one every 10 ms, from the first of March 2026 on.
func (f File) at(moment int64) time.Time {
	return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(moment) * 10 * time.Millisecond)
}

// digits writes the last digits of a number that is not negative.
func digits(into []byte, number int64) {
	for i := len(into) - 1; i >= 0; i-- {
		into[i] = byte('0' + number%10)
		number /= 10
	}
}
