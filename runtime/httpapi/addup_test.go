package httpapi_test

import (
	"encoding/csv"
	"encoding/json"
	"math/big"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// shown lists the examples of an answer in one media type by their names, the only one of its kind under no name.
func shown(t *testing.T, operationID, status, media string) map[string]json.RawMessage {
	t.Helper()
	all := map[string]json.RawMessage{}
	for _, o := range operations(t) {
		content := o.Responses[status].Content[media]
		if o.OperationID != operationID {
			continue
		}
		if content.Example != nil {
			all[""] = content.Example
		}
		for name, example := range content.Examples {
			all[name] = example.Value
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s %s shows no %s", operationID, status, media)
	}
	return all
}

func into[T any](t *testing.T, text json.RawMessage) (value T) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("decode %s: %v", text, err)
	}
	return value
}

// exact is a decimal, written as a number or as a string.
type exact struct{ *big.Rat }

// UnmarshalJSON implements json.Unmarshaler.
func (e *exact) UnmarshalJSON(text []byte) error {
	e.Rat = new(big.Rat)
	return e.UnmarshalText([]byte(strings.Trim(string(text), `"`)))
}

type shownItem struct {
	EquipmentID                    string
	IntervalStart                  int64
	TotalValue, MinValue, MaxValue exact
	SampleCount                    int64
}

type shownAggregates struct {
	Average    exact
	TotalCount int64
	Items      []shownItem
	NextCursor string
}

// The figures of the examples agree: whoever reads them takes the rules from them.
func TestOpenAPI_AggregatesShownAddUp(t *testing.T) {
	whole := map[string]shownAggregates{}
	for name, text := range shown(t, "aggregate", "200", "application/json") {
		page := into[shownAggregates](t, text)
		total, count := new(big.Rat), int64(0)
		for _, item := range page.Items {
			n := new(big.Rat).SetInt64(item.SampleCount)
			least, most := new(big.Rat).Mul(item.MinValue.Rat, n), new(big.Rat).Mul(item.MaxValue.Rat, n)
			if item.TotalValue.Cmp(least) < 0 || item.TotalValue.Cmp(most) > 0 || item.IntervalStart%3600 != 0 {
				t.Errorf("%s: %d readings of %s from %s to %s do not add up to %s in an hour from %d", name, item.SampleCount, item.EquipmentID,
					item.MinValue.FloatString(3), item.MaxValue.FloatString(3), item.TotalValue.FloatString(3), item.IntervalStart)
			}
			total, count = total.Add(total, item.TotalValue.Rat), count+item.SampleCount
		}
		if !slices.IsSortedFunc(page.Items, func(a, b shownItem) int {
			return strings.Compare(time.Unix(a.IntervalStart, 0).UTC().Format(time.RFC3339)+a.EquipmentID, time.Unix(b.IntervalStart, 0).UTC().Format(time.RFC3339)+b.EquipmentID)
		}) {
			t.Errorf("%s: the items are not in their order", name)
		}
		if page.NextCursor != "" {
			if count >= page.TotalCount {
				t.Errorf("%s: a next page is named, though all %d readings are shown", name, count)
			}
			continue
		}
		whole[name] = page
		if average := total.Quo(total, new(big.Rat).SetInt64(count)); count != page.TotalCount || page.Average.Cmp(average) != 0 {
			t.Errorf("%s: average %s of %d readings, and the items give %s of %d", name, page.Average.FloatString(3), page.TotalCount, average.FloatString(3), count)
		}
	}
	if len(whole) != 1 {
		t.Fatalf("%d examples show all of their window", len(whole))
	}
	for _, page := range whole {
		var rows [][]string
		for _, i := range page.Items {
			at := time.Unix(i.IntervalStart, 0).UTC()
			rows = append(rows, []string{i.EquipmentID, big.NewInt(at.Unix()).String(), i.TotalValue.text(), big.NewInt(i.SampleCount).String(), i.MinValue.text(), i.MaxValue.text(), at.Format(time.RFC3339)})
		}
		isFile(t, "aggregate", rows)
	}
}

// text writes the decimal with the digits that it has.
func (e exact) text() string {
	return strings.TrimRight(strings.TrimRight(e.FloatString(27), "0"), ".")
}

// isFile holds the rows behind the header of a file that is shown.
func isFile(t *testing.T, operationID string, rows [][]string) {
	t.Helper()
	file := into[string](t, shown(t, operationID, "200", "text/csv")[""])
	got, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	if err != nil || len(got) == 0 || !reflect.DeepEqual(got[1:], rows) {
		t.Errorf("%s: the file holds other rows than %q (%v):\n%s", operationID, rows, err, file)
	}
}

type shownReading struct {
	EquipmentID             reading.EquipmentID
	Timestamp, RegisterTime time.Time
	Value                   exact
}

type shownReadings struct {
	Items      []shownReading
	NextCursor string
}

// A listing is newest first and names a next page only where there is more, and its file holds the same.
func TestOpenAPI_ReadingsShownAgree(t *testing.T) {
	pages, most := map[string]shownReadings{}, 0
	for name, text := range shown(t, "listReadings", "200", "application/json") {
		pages[name] = into[shownReadings](t, text)
		most = max(most, len(pages[name].Items))
	}
	for name, page := range pages {
		if (page.NextCursor == "") != (len(page.Items) == most) {
			t.Errorf("%s: %d of %d readings, next page %q", name, len(page.Items), most, page.NextCursor)
		}
		var rows [][]string
		for i, one := range page.Items {
			rows = append(rows, []string{string(one.EquipmentID), one.Timestamp.Format(time.RFC3339Nano), one.Value.text()})
			if i > 0 && !one.Timestamp.Before(page.Items[i-1].Timestamp) || one.RegisterTime.Before(one.Timestamp) {
				t.Errorf("%s: reading %d is out of its order, or was there before its time", name, i)
			}
		}
		if len(page.Items) == most {
			isFile(t, "listReadings", rows)
		}
	}
	saved := into[struct{ ID string }](t, shown(t, "sendReading", "201", "application/json")[""])
	first := reading.Reading{EquipmentID: "EQ-12495", Timestamp: testNow} // the one that is sent in the example
	if saved.ID != first.ID() {
		t.Errorf("the reading that is sent has the id %s, and not %s", first.ID(), saved.ID)
	}
}

type shownUpload struct {
	UploadID, FileName, Status, Reason, RejectsURL string
	Bytes, BytesProcessed, RowsRejected            int64
	CreatedAt, UpdatedAt                           time.Time
}

// What an upload shows fits its status.
func TestOpenAPI_UploadsShownAgree(t *testing.T) {
	var all []shownUpload
	for _, operationID := range []string{"getUpload", "completeUpload"} {
		for _, text := range shown(t, operationID, "200", "application/json") {
			all = append(all, into[shownUpload](t, text))
		}
	}
	for _, u := range all {
		rejects := u.Status == "completed-with-rejects"
		ended := rejects || u.Status == "completed"
		if (u.RowsRejected > 0) != rejects || (u.RejectsURL != "") != rejects || (u.Reason != "") != (u.Status == "failed") ||
			ended != (u.Bytes == u.BytesProcessed) || u.UpdatedAt.Before(u.CreatedAt) || !strings.Contains(u.RejectsURL, u.UploadID) && rejects {
			t.Errorf("the upload contradicts itself: %+v", u)
		}
	}
	if len(all) < 3 {
		t.Errorf("%d uploads are shown", len(all))
	}
	ticket := into[struct {
		PartSize int64
		Parts    []struct{ Number int64 }
	}](t, shown(t, "createUpload", "201", "application/json")["parts"])
	if ticket.PartSize != contract.UploadPartBytes || len(ticket.Parts) > contract.UploadPartsFirst || ticket.Parts[0].Number != 1 {
		t.Errorf("the parts are not those that an upload begins with: %+v", ticket)
	}
}

// What is shown of previews is what the call answers to the file that it speaks of.
func TestOpenAPI_PreviewsShownAreAnswers(t *testing.T) {
	f := newFixture(t, httpapi.Options{}, func(f *fixture) {
		f.now = func() time.Time { return time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC) }
	})
	const file = "Equipamento;Data/Hora;Valor\r\nEQ-12495;25/11/2026 14:30;78,42\r\nEQ-12495;25/11/2026 14:31;7.812,50\r\n"
	ask := func(format string) map[string]any {
		body := "--b\r\nContent-Disposition: form-data; name=\"format\"\r\n\r\n" + format + "\r\n" + formOf("novembro.csv", file)
		got := f.do(call{method: http.MethodPost, path: "/sensor-data/uploads/preview", token: tokenWriter, body: body, headers: map[string]string{"Content-Type": exampleForm}})
		return into[map[string]any](t, json.RawMessage(got.body))
	}
	examples := shown(t, "previewFile", "200", "application/json")
	suggestion := ask("{}")
	if !reflect.DeepEqual(suggestion, into[map[string]any](t, examples["suggestion"])) {
		t.Errorf("the call suggests %v", suggestion)
	}
	format, _ := suggestion["suggestedFormat"].(map[string]any)
	if format == nil {
		t.Fatal("there is no suggestion")
	}
	format["timezone"] = "America/Sao_Paulo"
	text, err := json.Marshal(format)
	if err != nil {
		t.Fatal(err)
	}
	if rows := ask(string(text)); !reflect.DeepEqual(rows, into[map[string]any](t, examples["rows"])) {
		t.Errorf("the call answers %v", rows)
	}
}
