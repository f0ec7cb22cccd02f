package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

// A request that the process takes only after its sender has left would get a version newer than what was acknowledged between the
// two, and undo that. Here the process stands still until the sender has gone, and net/http never notices that it has.
func TestSender_WhoHasLeftBeforeTheRequestIsTakenChangesNothing(t *testing.T) {
	const one = `{"equipmentId":"EQ-1","timestamp":"2026-03-01T08:00:00Z","value":1}`
	for _, test := range []struct{ name, token, method, path, body string }{
		{"one reading", tokenWriter, http.MethodPost, "/sensor-data", one},
		{"a batch", tokenWriter, http.MethodPost, "/sensor-data/batch", "[" + one + "]"},
		{"a deletion", tokenAdmin, http.MethodDelete, "/sensor-data?equipmentId=EQ-1&timestamp=2026-03-01T08:00:00Z", ""},
		{"a deletion of a range", tokenAdmin, http.MethodDelete, "/sensor-data?equipmentId=EQ-1&from=2026-03-01T08:00:00Z&to=2026-03-01T09:00:00Z", ""},
	} {
		for _, leaves := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, leaves %t", test.name, leaves), func(t *testing.T) {
				began, left, served := make(chan struct{}), make(chan struct{}), make(chan struct{})
				var once, last sync.Once
				f := newFixture(t, httpapi.Options{}, func(f *fixture) {
					f.now = func() time.Time {
						once.Do(func() { close(began); <-left })
						return testNow
					}
					f.wrap = func(api http.Handler) http.Handler {
						return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							api.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
							last.Do(func() { close(served) })
						})
					}
				})
				w := f.dial()
				_, _ = fmt.Fprintf(w, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
					test.method, test.path, test.token, len(test.body), test.body)
				<-began
				if leaves {
					_ = w.Close()
				}
				close(left)
				<-served
				if changed := len(f.table.Rows()) + len(f.deletions.asked); (changed == 0) != leaves {
					t.Errorf("%d changes, and the sender left: %t", changed, leaves)
				}
			})
		}
	}
}
