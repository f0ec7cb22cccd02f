package contract_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

func readCSV(t *testing.T, text string) [][]string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("not a CSV: %v\n%s", err, text)
	}
	return records
}

func TestCSV_TakesEveryDialect(t *testing.T) {
	t.Parallel()
	at := recent()
	one, two := stamp(at), stamp(at.Add(time.Second))
	for name, file := range map[string]string{
		"plain":                 "equipmentId,timestamp,value\nID," + one + ",1\nID," + two + ",2\n",
		"no final newline":      "equipmentId,timestamp,value\nID," + one + ",1\nID," + two + ",2",
		"CRLF":                  "equipmentId,timestamp,value\r\nID," + one + ",1\r\nID," + two + ",2\r\n",
		"CRLF, no final one":    "equipmentId,timestamp,value\r\nID," + one + ",1\r\nID," + two + ",2",
		"byte order mark":       "\ufeffequipmentId,timestamp,value\nID," + one + ",1\nID," + two + ",2\n",
		"mark and quotes":       "\ufeff\"equipmentId\",\"timestamp\",\"value\"\n\"ID\",\"" + one + "\",\"1\"\n\"ID\",\"" + two + "\",\"2\"\n",
		"columns exchanged":     "value,equipmentId,timestamp\n1,ID," + one + "\n2,ID," + two + "\n",
		"columns reversed":      "timestamp,value,equipmentId\r\n" + one + ",1,ID\r\n" + two + ",2,ID\r\n",
		"quotes, CRLF":          "equipmentId,\"timestamp\",value\r\n\"ID\"," + one + ",\"1\"\r\nID,\"" + two + "\",2\r\n",
		"empty lines":           "equipmentId,timestamp,value\n\nID," + one + ",1\n\n\nID," + two + ",2\n\n",
		"other forms of number": "equipmentId,timestamp,value\nID," + one + ",10e-1\nID," + two + ",2.00\n",
		"offsets":               "equipmentId,timestamp,value\nID," + at.In(time.FixedZone("", 3600)).Format(time.RFC3339Nano) + ",1\nID," + two + ",2\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, id := machine(t), equipment(t)
			u := c.upload(strings.ReplaceAll(file, "ID", id))
			// The header's own "ID" in equipmentId is spelt Id, so that nothing of it was replaced.
			if u.Status != "completed" || u.RowsAccepted != 2 {
				t.Errorf("upload %+v", u)
			}
			if got := c.stored(id); !slices.Equal(got, []string{two + " 2", one + " 1"}) {
				t.Errorf("stored: %q", got)
			}
		})
	}
}

func TestCSV_FailsWithAReasonAndStoresNothing(t *testing.T) {
	t.Parallel()
	at := stamp(recent())
	body := "ID," + at + ",1\n"
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte("equipmentId,timestamp,value\n" + body))
	_ = w.Close()
	utf16File := func(order binary.ByteOrder) string {
		var b bytes.Buffer
		_ = binary.Write(&b, order, utf16.Encode([]rune("\ufeffequipmentId,timestamp,value\n"+body)))
		return b.String()
	}
	for name, file := range map[string]string{
		"wrong header":           "equipment,timestamp,value\n" + body,
		"other case":             "EquipmentID,Timestamp,Value\n" + body,
		"column missing":         "equipmentId,timestamp\nID," + at + "\n",
		"column too many":        "equipmentId,timestamp,value,unit\nID," + at + ",1,C\n",
		"column twice":           "equipmentId,timestamp,value,value\nID," + at + ",1,2\n",
		"no header":              body,
		"semicolons":             "equipmentId;timestamp;value\nID;" + at + ";1\n",
		"gzip named .csv":        zipped.String(),
		"UTF-16, little-endian":  utf16File(binary.LittleEndian),
		"UTF-16, big-endian":     utf16File(binary.BigEndian),
		"binary":                 string([]byte{0, 1, 2, 3, 255, 254, 10, 0}),
		"Latin-1 in the header":  "equipmentId,timestamp,value,gr\xf6\xdfe\n" + body,
		"a page":                 "<!doctype html>\n<html></html>\n",
		"nothing but a newline":  "\n",
		"a header without an LF": "timestamp",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, id := machine(t), equipment(t)
			u := c.upload(strings.ReplaceAll(file, "ID,", id+","))
			if u.Status != "failed" || u.Reason == "" || u.RowsAccepted != 0 || u.RowsRejected != 0 {
				t.Errorf("upload %+v", u)
			}
			if got := c.stored(id); len(got) > 0 {
				t.Errorf("stored: %q", got)
			}
		})
	}
}

func TestCSV_WithAHeaderAloneIsCompleted(t *testing.T) {
	t.Parallel()
	if u := machine(t).upload("equipmentId,timestamp,value\n"); u.Status != "completed" || u.RowsAccepted != 0 || u.RowsRejected != 0 {
		t.Errorf("upload %+v", u)
	}
}

func TestCSV_TheLaterLineOfOneReadingWins(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	var lines []string
	for i := range 3000 {
		lines = append(lines, fmt.Sprintf("%s,%s,%d", id, stamp(at.Add(time.Duration(i%50)*time.Second)), i))
	}
	u := c.upload(rows(lines...))
	if u.Status != "completed" || u.RowsAccepted != 3000 {
		t.Errorf("upload %+v", u)
	}
	got := c.stored(id)
	if len(got) != 50 {
		t.Fatalf("%d readings are stored", len(got))
	}
	total := 0
	for i, line := range got {
		value := 2999 - i
		total += value
		if want := fmt.Sprintf("%s %d", stamp(at.Add(time.Duration(49-i)*time.Second)), value); line != want {
			t.Errorf("stored %s, want %s", line, want)
		}
	}
	c.hours(id, "24h", hourLine(at, 50, fmt.Sprint(total)))
}

// A file that was sent twice counts once.
func TestCSV_SentTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	file := rows(id+","+stamp(at)+",0.1", id+","+stamp(at.Add(time.Second))+",0.2", "bad row")
	for range 2 {
		if u := c.upload(file); u.RowsAccepted != 2 || u.RowsRejected != 1 {
			t.Errorf("upload %+v", u)
		}
	}
	c.hours(id, "24h", hourLine(at, 2, "0.3"))
}

func TestCSV_ManyRowsAreCountedExactly(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent().Truncate(time.Hour)
	lines := make([]string, 4_000) // DynamoDB Local takes some hundred statements a second where other tests run beside
	rejected, total := 0, 0
	for i := range lines {
		lines[i] = fmt.Sprintf("%s,%s,%d.5", id, stamp(at.Add(time.Duration(i)*100*time.Millisecond)), i)
		if i%97 == 0 {
			lines[i] = fmt.Sprintf("%s,not a time %d,%d", id, i, i)
			rejected++
			continue
		}
		total += 10*i + 5
	}
	u := c.upload(rows(lines...))
	if u.Status != "completed-with-rejects" || u.RowsAccepted != int64(len(lines)-rejected) || u.RowsRejected != int64(rejected) {
		t.Errorf("upload %+v, rejected should be %d", u, rejected)
	}
	if got := readCSV(t, c.rejects(u)); len(got) != rejected+1 || got[2][0] != "99" || !strings.HasSuffix(got[2][2], "not a time 97,97") {
		t.Errorf("%d rejects, the second %q", len(got)-1, got[min(2, len(got)-1)])
	}
	c.hours(id, "24h", hourLine(at, len(lines)-rejected, strings.TrimSuffix(fmt.Sprintf("%d.%d", total/10, total%10), ".0")))
}
