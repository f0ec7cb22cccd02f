package client_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

// exampleNow is the time at the service of the examples.
var exampleNow = time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)

// example is the real HTTP layer over the real ingest code, with readings in memory, a token endpoint at /token and a bucket at /bucket.
type example struct {
	client.Region
	table ingesttest.Table

	mu    sync.Mutex
	files map[string]csvfile.Upload
}

// serve starts the service of the examples, for the machine "machine" with the secret "secret".
func serve() (at client.Region, stop func()) {
	e := &example{files: map[string]csvfile.Upload{}}
	coalescer := ingest.NewCoalescer(&e.table, ingest.Options{}, pacing.Pacer{})
	api, err := httpapi.New(httpapi.Dependencies{
		Saver: coalescer, Batches: ingest.NewWriter(&e.table, 4, pacing.Pacer{}), Pager: e, Windows: e,
		Uploads: exampleUploads{example: e}, UploadStatus: exampleStates{example: e}, Authenticator: exampleTokens{},
		Now: func() time.Time { return exampleNow }, Logger: slog.New(slog.DiscardHandler),
	}, httpapi.Options{})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if id, secret, _ := r.BasicAuth(); id != "machine" || secret != "secret" {
			answer(w, http.StatusUnauthorized, `{"error":"invalid_client"}`)
			return
		}
		answer(w, http.StatusOK, `{"access_token":"good","expires_in":86400}`)
	})
	mux.HandleFunc("PUT /bucket/{id}", e.receive)
	mux.Handle("/", api)
	server := httptest.NewServer(mux)
	e.Region = client.Region{URL: server.URL, TokenURL: server.URL + "/token"}
	return e.Region, func() {
		server.Close()
		_ = coalescer.Close(context.Background())
	}
}

// rows are the readings that are stored, in the order of their equipments and times.
func (e *example) rows() []reading.Write {
	return slices.SortedFunc(maps.Values(e.table.Rows()), func(a, b reading.Write) int {
		return cmp.Or(strings.Compare(string(a.EquipmentID), string(b.EquipmentID)), a.Timestamp.Compare(b.Timestamp))
	})
}

// Page implements httpapi.Pager.
func (e *example) Page(
	_ context.Context, id reading.EquipmentID, _, to time.Time, limit int, _ func(int) bool,
) (rs []reading.Stored, next time.Time, err error) {
	for _, row := range slices.Backward(e.rows()) {
		if row.EquipmentID != id || !to.IsZero() && !row.Timestamp.Before(to) {
			continue
		}
		if len(rs) == limit {
			return rs, rs[limit-1].Timestamp, nil
		}
		rs = append(rs, reading.Stored{Reading: row.Reading, RegisterTime: exampleNow})
	}
	return rs, time.Time{}, nil
}

// Query implements httpapi.Windows, for all hours that there are.
func (e *example) Query(context.Context, aggregate.Query) (a aggregate.Answer, err error) {
	var sum reading.Decimal
	for _, row := range e.rows() {
		sum = sum.Add(row.Value)
		a.TotalCount++
		hour := reading.Hour(row.Timestamp)
		if last := len(a.Items) - 1; last < 0 || a.Items[last].EquipmentID != row.EquipmentID || !a.Items[last].IntervalStart.Equal(hour) {
			a.Items = append(a.Items, aggregate.Item{EquipmentID: row.EquipmentID, IntervalStart: hour})
		}
		item := &a.Items[len(a.Items)-1]
		item.TotalValue = item.TotalValue.Add(row.Value)
		item.SampleCount++
	}
	if a.TotalCount > 0 {
		a.Average = reading.Average(sum, a.TotalCount)
	}
	return a, nil
}

// receive takes a file and stores its rows.
func (e *example) receive(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Type") != contract.UploadContentType {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.files[r.PathValue("id")]
	u.Status, u.BytesProcessed = csvfile.Completed, u.Bytes
	for number, row := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		fields := strings.Split(row, ",")
		if number == 0 {
			continue // the header
		}
		parsed, faults := reading.Parse(fields[0], fields[1], fields[2], reading.Limits{Now: exampleNow})
		if len(faults) > 0 {
			u.RowsRejected++
			u.Status = csvfile.CompletedWithRejects
			continue
		}
		u.RowsAccepted++
		e.table.Put(reading.Write{Reading: parsed, Version: reading.VersionAt(exampleNow)})
	}
	e.files[u.ID] = u
}

// exampleUploads gives out addresses of the bucket.
type exampleUploads struct {
	httpapi.UploadCreator
	*example
}

// Create implements httpapi.UploadCreator.
func (e exampleUploads) Create(_ context.Context, r csvfile.Request) (csvfile.Ticket, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := csvfile.Upload{ID: fmt.Sprintf("upload-%d", len(e.files)+1), FileName: r.FileName, Bytes: r.Size, Status: csvfile.AwaitingUpload}
	e.files[u.ID] = u
	return csvfile.Ticket{
		Upload: u, Method: http.MethodPut, URL: e.URL + "/bucket/" + u.ID, ExpiresAt: exampleNow.Add(contract.UploadURLLifetime),
		Headers: map[string]string{"Content-Type": contract.UploadContentType},
	}, nil
}

// exampleStates tells how far uploads are.
type exampleStates struct {
	httpapi.UploadReader
	*example
}

// Get implements httpapi.UploadReader.
func (e exampleStates) Get(_ context.Context, id string) (csvfile.Upload, string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.files[id], "", nil
}

// exampleTokens takes the one token of the machine.
type exampleTokens struct{ httpapi.Authenticator }

// Authenticate implements httpapi.Authenticator.
func (exampleTokens) Authenticate(_ context.Context, token string) (auth.Identity, error) {
	if token != "good" {
		return auth.Identity{}, auth.ErrUnauthenticated
	}
	return auth.Identity{Subject: "machine", Scopes: contract.Scopes(), ExpiresAt: exampleNow.Add(time.Hour)}, nil
}
