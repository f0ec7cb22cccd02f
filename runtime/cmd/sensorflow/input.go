package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// lineBytesMax bounds a line of standard input.
const lineBytesMax = 64 << 10

// badLine is a line that holds no reading.
type badLine struct {
	line int
	err  error
}

func (b badLine) Error() string { return fmt.Sprintf("line %d: %v", b.line, b.err) }

// readReadings calls take with each reading of an input: lines of JSON where the first one is, and CSV otherwise, with a header that
// names the columns in any order. Lines that hold none go to bad.
func readReadings(in io.Reader, take func(client.Reading) error, bad func(badLine)) error {
	buffered := bufio.NewReaderSize(in, lineBytesMax)
	for { // past empty lines
		first, err := buffered.Peek(1)
		if errors.Is(err, io.EOF) {
			return usagef("standard input is empty")
		} else if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		switch first[0] {
		case '\n', '\r', ' ', '\t':
			_, _ = buffered.Discard(1) // it was seen
			continue
		case '{':
			return readLines(buffered, take, bad)
		case '[':
			return usagef("standard input holds a JSON array; send one object a line (jq -c '.[]' makes that of it)")
		}
		return readCSV(buffered, take, bad)
	}
}

func readLines(in io.Reader, take func(client.Reading) error, bad func(badLine)) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, lineBytesMax)
	for number := 1; lines.Scan(); number++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		r, err := fromJSON(lines.Bytes())
		if err != nil {
			bad(badLine{number, err})
		} else if err := take(r); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	return nil
}

func fromJSON(line []byte) (client.Reading, error) {
	var got struct {
		EquipmentID string      `json:"equipmentId"`
		Timestamp   string      `json:"timestamp"`
		Value       json.Number `json:"value"`
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil {
		return client.Reading{}, fmt.Errorf("is no reading: %w", err)
	}
	return toReading(got.EquipmentID, got.Timestamp, got.Value.String())
}

// columns are the places of a reading's fields.
type columns struct{ equipmentID, timestamp, value int }

// columnsCount is how many there are.
const columnsCount = 3

// readHeader reads the header of CSV.
func readHeader(rows *csv.Reader) (c columns, err error) {
	header, err := rows.Read()
	if err != nil {
		return c, fmt.Errorf("read the header: %w", err)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff") // of spreadsheets
	c = columns{
		slices.Index(header, reading.FieldEquipmentID), slices.Index(header, reading.FieldTimestamp), slices.Index(header, reading.FieldValue),
	}
	if len(header) != columnsCount || c.equipmentID < 0 || c.timestamp < 0 || c.value < 0 {
		return c, usagef("standard input is neither NDJSON nor CSV with the header equipmentId,timestamp,value: it begins with %.80q", strings.Join(header, ","))
	}
	return c, nil
}

func readCSV(in io.Reader, take func(client.Reading) error, bad func(badLine)) error {
	rows := csv.NewReader(in)
	rows.ReuseRecord, rows.FieldsPerRecord = true, -1
	of, err := readHeader(rows)
	if err != nil {
		return err
	}
	for {
		row, err := rows.Read()
		line, _ := rows.FieldPos(0)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && errors.As(err, new(*csv.ParseError)):
			bad(badLine{line, err})
			continue
		case err != nil:
			return fmt.Errorf("read standard input: %w", err)
		case len(row) != columnsCount:
			bad(badLine{line, fmt.Errorf("has %s, not %d", counted(len(row), "field"), columnsCount)})
			continue
		}
		r, err := toReading(strings.Clone(row[of.equipmentID]), row[of.timestamp], strings.Clone(row[of.value]))
		if err != nil {
			bad(badLine{line, err})
		} else if err := take(r); err != nil {
			return err
		}
	}
}

// toReading makes a reading of its three texts. What of it depends on the moment is for the service to judge.
func toReading(equipment, timestamp, value string) (client.Reading, error) {
	r, faults := reading.Parse(equipment, timestamp, value, reading.Limits{Now: time.Now().AddDate(1, 0, 0)})
	if len(faults) > 0 {
		return r, faults[0]
	}
	return r, nil
}
