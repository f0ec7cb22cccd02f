package main

import (
	"crypto/md5" //nolint:gosec // SQS's checksum of a message
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"
)

// serveQueue takes messages and forgets them. The SDK compares the checksums of their bodies.
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
		sum := md5.Sum([]byte(e.MessageBody)) //nolint:gosec // see above
		in.Entries[i] = entry{ID: e.ID, MessageID: e.ID, Checksum: hex.EncodeToString(sum[:])}
	}
	if wait(r.Context(), arrived, b.settings.Load().Latency) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		writeJSON(w, map[string]any{"Successful": in.Entries})
	}
}
