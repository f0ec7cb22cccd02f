package main

import (
	"crypto"
	_ "crypto/md5" //nolint:gosec // SQS's checksum of a message
	"encoding/hex"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// queue is the messages that were sent and not received yet, in their order.
type queue struct {
	mu     sync.Mutex
	bodies []string
}

func (q *queue) send(bodies ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bodies = append(q.bodies, bodies...)
}

func (q *queue) receive() (body string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.bodies) > 0 {
		body, q.bodies = q.bodies[0], q.bodies[1:]
	}
	return body
}

// serveQueue takes messages, which are received by standin.PathQueue. The SDK compares the checksums of their bodies.
func (b *backend) serveQueue(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	type entry struct {
		ID          string `json:"Id"`
		MessageID   string `json:"MessageId,omitempty"`
		MessageBody string `json:",omitempty"`
		Checksum    string `json:"MD5OfMessageBody,omitempty"`
	}
	var in struct{ Entries []entry }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for i, e := range in.Entries {
		b.queue.send(e.MessageBody)
		sum := crypto.MD5.New()
		sum.Write([]byte(e.MessageBody))
		in.Entries[i] = entry{ID: e.ID, MessageID: e.ID, Checksum: hex.EncodeToString(sum.Sum(nil))}
	}
	if wait(r.Context(), arrived, b.settings.Load().Latency) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		writeJSON(w, map[string]any{"Successful": in.Entries})
	}
}
