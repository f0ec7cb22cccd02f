package csvfile_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the machine may be older

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// brazilian is the format of a Brazilian spreadsheet.
var brazilian = csvfile.Format{
	Delimiter: ";", Decimal: ",", Timestamps: "local", Dates: "dmy", Timezone: "America/Sao_Paulo",
	Columns: csvfile.ColumnNames{EquipmentID: "Equipamento", Timestamp: "Data/Hora", Value: "Valor"},
}

// dialectFile is a file of a format together with what must become of it.
type dialectFile struct {
	format             csvfile.Format
	text               strings.Builder
	eol                string
	line               int
	values             map[reading.Key]string
	accepted, rejected int64
	rejects            []string // line and row
}

func (d *dialectFile) add(line string) {
	d.text.WriteString(line + d.eol)
	d.line++
}

// row adds a row of the fields, which is to become a reading.
func (d *dialectFile) row(rng *rand.Rand, id string, at time.Time, whole, fraction int, zone *time.Location) {
	value := fmt.Sprintf("%d.%02d", whole, fraction)
	exact, err := reading.ParseDecimal(value)
	if err != nil {
		panic(err)
	}
	d.values[reading.Key{EquipmentID: reading.EquipmentID(id), Timestamp: reading.FormatTimestamp(at)}] = exact.String()
	d.accepted++
	if d.format.Decimal == csvfile.DecimalComma {
		value = strings.Replace(value, ".", ",", 1)
	}
	var text string
	switch d.format.Timestamps {
	case csvfile.TimestampsLocal:
		layouts := map[string]string{"": "2006-01-02 15:04:05", csvfile.DatesDayFirst: "02/01/2006 15:04:05", csvfile.DatesMonthFirst: "1/2/2006 15:04:05"}
		text = at.In(zone).Format(layouts[d.format.Dates])
	case csvfile.TimestampsSeconds:
		text = fmt.Sprint(at.Unix())
	case csvfile.TimestampsMillis:
		text = fmt.Sprint(at.UnixMilli())
	default:
		text = at.Format(time.RFC3339)
	}
	d.add(d.joined(rng, id, text, value))
}

// joined makes a row of three fields, with what else the format has.
func (d *dialectFile) joined(rng *rand.Rand, id, at, value string) string {
	fields := []string{value, id, at}
	if d.format.EquipmentID != "" {
		fields = []string{value, at}
	}
	if d.format.OtherColumns == csvfile.OtherIgnore {
		fields = slices.Insert(fields, 1, "any thing")
	}
	for i, field := range fields {
		if rng.IntN(4) == 0 || strings.Contains(field, d.delimiter()) {
			fields[i] = `"` + field + `"`
		}
	}
	row := strings.Join(fields, d.delimiter())
	if d.format.OtherColumns == csvfile.OtherIgnore && rng.IntN(3) == 0 {
		row += strings.Repeat(d.delimiter(), 1+rng.IntN(3))
	}
	return row
}

func (d *dialectFile) delimiter() string {
	if d.format.Delimiter == "" {
		return ","
	}
	return d.format.Delimiter
}

func (d *dialectFile) reject(row string) {
	d.rejected++
	d.rejects = append(d.rejects, fmt.Sprintf("%d:%s", d.line+1, row))
	d.add(row)
}

// randomDialect makes a file of a random format, whose identities recur.
func randomDialect(rng *rand.Rand) *dialectFile {
	pick := func(texts ...string) string { return texts[rng.IntN(len(texts))] }
	d := &dialectFile{eol: pick("\n", "\r\n"), values: map[reading.Key]string{}, format: csvfile.Format{
		Delimiter: pick("", ";", "\t"), Decimal: pick("", ","), OtherColumns: pick("", "ignore"), EquipmentID: pick("", "", "FIXED"),
		Timestamps: pick("", "local", "local", "unix-seconds", "unix-millis"), SkipLines: rng.IntN(4),
	}}
	zone := time.UTC
	if d.format.Timestamps == csvfile.TimestampsLocal {
		d.format.Dates = pick("", "dmy", "mdy")
		d.format.Timezone = pick("America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe")
		var err error
		if zone, err = reading.ParseZone(d.format.Timezone); err != nil {
			panic(err)
		}
	}
	names := csvfile.ColumnNames{EquipmentID: "equipmentId", Timestamp: "timestamp", Value: "value"}
	if rng.IntN(2) == 0 {
		names.Value, d.format.Columns.Value = "Größe; \"x\"", "Größe; \"x\""
	}
	for range d.format.SkipLines {
		d.add(pick("", "a line, before the header", "sep=;", `an open "quote`))
	}
	header := d.joined(rng, names.EquipmentID, names.Timestamp, strings.ReplaceAll(names.Value, `"`, `""`))
	if d.format.Columns.Value != "" {
		header = strings.Replace(strings.Replace(header, `Größe; ""x""`, `"Größe; ""x"""`, 1), `""Größe; ""x""""`, `"Größe; ""x"""`, 1)
	}
	d.add(header)
	for i := range 20 + rng.IntN(40) {
		id := pick("E1", "E2")
		if d.format.EquipmentID != "" {
			id = d.format.EquipmentID
		}
		switch rng.IntN(8) {
		case 0:
			d.add(strings.Repeat(pick(d.delimiter(), " ", "\t", ""), rng.IntN(5)))
		case 1:
			d.reject(d.joined(rng, id, "yesterday", "1"))
		case 2:
			d.reject(d.joined(rng, id, "2026-03-01", pick("1.5,5", "1,5.5", "x")))
		case 3:
			d.reject(pick("x", `"open`, "a"+strings.Repeat(d.delimiter()+"b", 9)))
		default:
			d.row(rng, id, time.Date(2026, 3, 1+rng.IntN(5), rng.IntN(24), 0, rng.IntN(3), 0, time.UTC), i, rng.IntN(100), zone)
		}
	}
	return d
}

// TestProcessor_ReadsDialectsHoweverAFileIsCut takes random files of random formats in ranges of any size, also ones that are smaller than
// what stands before the rows, in any order and with repeated messages.
func TestProcessor_ReadsDialectsHoweverAFileIsCut(t *testing.T) {
	for seed := range uint64(400) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 11))
			want := randomDialect(rng)
			file := []byte(want.text.String())
			f := newFixture(file)
			f.upload.Format = want.format
			f.settle(t, 1+rng.Int64N(int64(len(file))+200), func(n int) int {
				if i := rng.IntN(n); len(f.queue) < 50 && rng.IntN(4) == 0 {
					f.queue = append(f.queue, f.queue[i])
				}
				return rng.IntN(n)
			})
			if f.upload.RowsAccepted != want.accepted || f.upload.RowsRejected != want.rejected || !f.upload.Status.Ended() {
				t.Fatalf("%s of %s: %s (%s), %d accepted, %d rejected, want %d and %d", file, want.format.Text(), f.upload.Status, f.upload.Reason,
					f.upload.RowsAccepted, f.upload.RowsRejected, want.accepted, want.rejected)
			}
			if got := f.rejects(t); !slices.Equal(got, want.rejects) {
				t.Fatalf("rejects %q\nwant %q", got, want.rejects)
			}
			if got := f.values(); !maps.Equal(got, want.values) {
				t.Fatalf("%s of %s: the readings are %v\nwant %v", file, want.format.Text(), got, want.values)
			}
		})
	}
}

// The format is the upload's, whatever happens to the message: a range that another worker takes up reads as the first one did.
func TestProcessor_ReadsByTheUploadsFormat(t *testing.T) {
	const file = "Relatório de novembro\nEquipamento;Data/Hora;Valor\nE1;25/02/2026 14:30;1.234,5\nE1;25/02/2026 14:30;12,5\n;;\n \t;\nE1;17/02/2019 23:30;1\nE1;16/02/2019 23:30;1\n"
	f := newFixture([]byte(file))
	f.upload.Format = brazilian
	f.upload.Format.SkipLines = 1
	f.settle(t, 25, func(n int) int { return n - 1 })
	const zoneRule = "put back over this one"
	content := string(f.objects[csvfile.RejectsKey(uploadID)])
	if f.upload.RowsAccepted != 2 || f.upload.RowsRejected != 2 || !strings.Contains(content, zoneRule) || !strings.Contains(content, "decimal comma") {
		t.Errorf("%+v\n%s", f.upload, content)
	}
	want := map[reading.Key]string{
		{EquipmentID: "E1", Timestamp: "2026-02-25T17:30:00.000000000Z"}: "12.5", {EquipmentID: "E1", Timestamp: "2019-02-18T02:30:00.000000000Z"}: "1",
	}
	if got := f.values(); !maps.Equal(got, want) {
		t.Errorf("the readings are %v, want %v", got, want)
	}
}

func TestFormat_TextIsReadBack(t *testing.T) {
	for _, f := range []csvfile.Format{{}, brazilian, {Delimiter: "\t", Columns: csvfile.ColumnNames{Value: "<\"ü\"&>"}, EquipmentID: "E", SkipLines: 7}} {
		if got, err := csvfile.ParseFormat(f.Text()); err != nil || got != f {
			t.Errorf("%s became %+v, %v", f.Text(), got, err)
		}
	}
	explicit := csvfile.Format{
		Delimiter: ",", Decimal: ".", OtherColumns: "refuse", Timestamps: "rfc3339", Dates: "iso",
		Columns: csvfile.ColumnNames{EquipmentID: "equipmentId", Timestamp: "timestamp", Value: "value"},
	}
	if faults := explicit.Faults(); len(faults) > 0 || explicit.Text() != "{}" {
		t.Errorf("what is the default anyway: %v, %s", faults, explicit.Text())
	}
	if faults := (csvfile.Format{SkipLines: contract.CSVSkipLinesMax}).Faults(); len(faults) > 0 {
		t.Error(faults)
	}
}

// A decimal comma cannot be seen in the header; the rejected row tells of it.
func TestProcessor_SaysOfARejectedRowThatItHasADecimalComma(t *testing.T) {
	const at = "2026-03-01T08:30:00Z"
	for value, want := range map[string]bool{`"1,5"`: true, `"-0,25"`: true, "x": false, "1e99": false, `"1,5,5"`: false, `"1.250,5"`: false} {
		f := newFixture([]byte("equipmentId,timestamp,value\nE1," + at + "," + value + "\n"))
		f.settle(t, wholeFile, first)
		rejects := string(f.objects[csvfile.RejectsKey(uploadID)])
		if got := strings.Contains(rejects, `with the format {""decimal"":"",""}`); got != want || f.upload.RowsRejected != 1 {
			t.Errorf("%s: %s", value, rejects)
		}
	}
}
