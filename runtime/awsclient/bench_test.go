package awsclient_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/awsclient"
	"github.com/sensorflow/sensorflow/test/cputime"
)

// BenchmarkClients weighs fasthttp against net/http, by calls as large as one of 25 statements, 16 at a time. The CPU is
// that of both sides, of which the server's is the same.
func BenchmarkClients(b *testing.B) {
	const together = 16
	body, answer := strings.Repeat("a", 14<<10), strings.Repeat("b", 1<<10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	for name, client := range map[string]interface {
		Do(*http.Request) (*http.Response, error)
	}{
		"HTTP": awsclient.HTTP(together).WithTimeout(callTimeout), "Short": awsclient.NewShort(together, callTimeout),
	} {
		b.Run("client="+name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(together)
			before := cputime.Own(b)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL, io.NopCloser(strings.NewReader(body)))
					if err != nil {
						b.Error(err)
						return
					}
					r.ContentLength = int64(len(body))
					got, err := client.Do(r)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, got.Body)
					_ = got.Body.Close()
				}
			})
			b.ReportMetric(float64((cputime.Own(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}
