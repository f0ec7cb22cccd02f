package httpapi_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/memory"
)

// A batch is answered and stored the same, wherever its body is cut on its way.
func TestPostBatch_DoesNotDependOnWhereItsBodyIsCut(t *testing.T) {
	elements := []string{
		body("X-1", "2026-03-01T08:30:00Z", "1"), "  " + body("X-2", "2026-03-01T08:30:00Z", "2.50") + " \t", "7", "null", `"a\"b,]"`,
		`{"equipmentId":"X\u002d3","timestamp":"2026-03-01T08:30:00Z","value":3}`, body("X-4", "2026-03-01T08:30:00Z", "4") + "\r", `{"x":[1,{}]}`,
		`{"equipmentId":"` + strings.Repeat("x", 65<<10) + `"}`, body("EQ-ä", "2026-03-01T08:30:00Z", "1"), manyReadings(500, "\x00"), "-",
	}
	elements = strings.Split(strings.Join(elements, "\x00"), "\x00")
	for media, text := range map[string]string{
		"application/json":     "\ufeff [" + strings.Join(elements, ",") + ",,]\n ",
		"application/x-ndjson": "\ufeff" + strings.Join(elements, "\n"),
	} {
		var want reply
		var stored map[string]string
		for _, cut := range []int{1 << 30, 1, 2, 7, 94, 95, 96, 1000, 16 << 10} {
			f := newFixture(t, httpapi.Options{}, func(f *fixture) {
				f.wrap = func(api http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						r.Body = cutBody{r.Body, cut}
						api.ServeHTTP(w, r)
					})
				}
			})
			got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: text, headers: map[string]string{"Content-Type": media}})
			if stored == nil {
				want, stored = got, f.table.values()
				if got.status != http.StatusCreated || !strings.HasPrefix(got.body, `{"accepted":504,`) || len(stored) != 504 || stored["X-3 2026-03-01T08:30:00.000000000Z"] != "3" {
					t.Errorf("%s: status %d, %d stored, %.300s", media, got.status, len(stored), got.body)
				}
			}
			if got.status != want.status || got.body != want.body || !maps.Equal(f.table.values(), stored) {
				t.Errorf("%s, %d bytes at a time: status %d, %d stored, %.300s", media, cut, got.status, len(f.table.values()), got.body)
			}
		}
	}
}

// cutBody gives so many bytes at a time.
type cutBody struct {
	io.ReadCloser
	most int
}

// Read implements io.Reader.
func (b cutBody) Read(p []byte) (int, error) { return b.ReadCloser.Read(p[:min(len(p), b.most)]) }

// Readings hold the text that they were read in, so that it is set aside too: where the spaces around them take more than there is
// memory, the batch is refused.
func TestPostBatch_SetsTheTextOfItsReadingsAside(t *testing.T) {
	plan := memory.PlanFor(memory.LimitDefault)
	plan.Batches = 2 << 20
	for spaces, want := range map[int]int{10: http.StatusCreated, 50 << 10: http.StatusServiceUnavailable} {
		f := newFixture(t, httpapi.Options{Memory: plan})
		text := "[" + manyReadings(50, ","+strings.Repeat(" ", spaces)) + "]"
		if got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: text}); got.status != want {
			t.Errorf("%d spaces between readings: status %d, want %d: %s", spaces, got.status, want, got.body)
		}
	}
}

// What is lent to a batch is given back empty: no batch has a reading of the one before.
func TestPostBatch_HasNothingOfTheOneBefore(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for n := range 20 {
		text, left := "["+manyReadings(50*(n%3), ",")+"]", len(f.table.values())
		if n%3 == 0 {
			text = fmt.Sprintf("[%s,7,", body(fmt.Sprintf("LEFT-%d", n), "2026-03-01T08:30:00Z", "1")) // and no end
		}
		got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: text})
		want := fmt.Sprintf("{\"accepted\":%d,\"rejected\":[]}\n", 50*(n%3))
		switch {
		case n%3 == 0 && (got.status != http.StatusBadRequest || len(f.table.values()) != left):
			t.Errorf("half a batch: status %d, %d stored, %d before", got.status, len(f.table.values()), left)
		case n%3 != 0 && (got.status != http.StatusCreated || got.body != want):
			t.Errorf("status %d: %s, want %s", got.status, got.body, want)
		}
	}
}
