package main

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/cognitolocal"
	"github.com/sensorflow/sensorflow/test/standin"
)

// backend is the handler of all that the service calls.
type backend struct {
	pool     http.Handler
	settings atomic.Pointer[standin.Options]
	capacity capacity
	memory   *memory
	model    *model
	queue    queue

	// The names of tables as they stand in a call.
	readings, aggregates []byte
	counted              counts
	buffers              sync.Pool
}

// counts are those of standin.Counts.
type counts struct {
	mu                                      sync.Mutex
	calls                                   map[string]int64
	accepted, throttled, refused, fileBytes atomic.Int64
}

func newBackend(pool http.Handler) *backend {
	b := &backend{
		pool: pool, memory: newMemory(), model: newModel(),
		readings: quoted(contract.ReadingsTable()), aggregates: quoted(contract.AggregatesTable()),
	}
	b.counted.calls = map[string]int64{}
	b.buffers.New = func() any { return new([]byte) }
	b.settings.Store(&standin.Options{Latency: standin.LatencyDefault})
	return b
}

func quoted(t contract.Table) []byte { return []byte(`"` + standin.TableName(t) + `"`) }

// ServeHTTP tells the services apart: the calls of tables, of queues and of the user pool's own protocol all go to the root.
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch path := r.URL.Path; {
	case strings.HasPrefix(service, "DynamoDB_"):
		b.serveTable(w, r, operation)
	case service == "AmazonSQS":
		b.serveQueue(w, r)
	case strings.HasPrefix(path, "/-/"):
		b.serveControl(w, r)
	case path == "/", strings.HasPrefix(path, "/oauth2/"), strings.HasPrefix(path, "/"+cognitolocal.PoolID+"/"):
		b.pool.ServeHTTP(w, r)
	default:
		b.serveBucket(w, r)
	}
}

func (b *backend) serveControl(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case standin.PathOptions:
		var o standin.Options
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		b.settings.Store(&o)
	case standin.PathCounts:
		writeJSON(w, b.counts())
	case standin.PathReading:
		query := r.URL.Query()
		found, _ := b.memory.find(key{query.Get(contract.AttrEquipmentID), query.Get(contract.AttrTimestamp)})
		writeJSON(w, found)
	case standin.PathQueue:
		writeJSON(w, b.queue.receive())
	default:
		http.NotFound(w, r)
	}
}

func (b *backend) counts() standin.Counts {
	c := standin.Counts{
		Calls: map[string]int64{}, Accepted: b.counted.accepted.Load(), Throttled: b.counted.throttled.Load(),
		Refused: b.counted.refused.Load(), Remembered: b.memory.size(), FileBytes: b.counted.fileBytes.Load(),
	}
	b.model.mu.Lock()
	c.Rows = maps.Clone(b.model.writes)
	b.model.mu.Unlock()
	b.counted.mu.Lock()
	defer b.counted.mu.Unlock()
	for operation, n := range b.counted.calls {
		c.Calls[operation] = n
	}
	return c
}

// body reads a request's body into a buffer that the caller gives back.
func (b *backend) body(r *http.Request) (body *[]byte, err error) {
	body = b.buffers.Get().(*[]byte)
	read := (*body)[:0]
	for {
		if len(read) == cap(read) {
			read = append(read, 0)[:len(read)]
		}
		n, err := r.Body.Read(read[len(read):cap(read)])
		read = read[:len(read)+n]
		if err != nil {
			*body = read
			if errors.Is(err, io.EOF) {
				return body, nil
			}
			return body, err
		}
	}
}

func writeJSON(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // who has gone away needs no answer
}
