package client

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Limits of a batch.
const (
	// BatchReadingsMax is how many readings one call of SendBatch takes.
	BatchReadingsMax = contract.BatchReadingsMax
	// gzipBytesMin is from where on a body is worth compressing: below, it fits into one packet of the network anyway.
	gzipBytesMin = 1400
)

// wire is a reading as it is sent.
type wire struct {
	EquipmentID EquipmentID `json:"equipmentId"`
	Timestamp   string      `json:"timestamp"`
	Value       Decimal     `json:"value"`
}

func toWire(r Reading) wire {
	return wire{r.EquipmentID, r.Timestamp.UTC().Format(time.RFC3339Nano), r.Value}
}

// Send stores one reading and returns its id. The answer comes once the reading is durable. Sending it again is safe, and sending
// another value corrects it.
func (c *Client) Send(ctx context.Context, r Reading) (id string, err error) {
	var answer struct{ ID string }
	_, err = c.post(ctx, "/sensor-data", toWire(r), &answer, nil)
	return answer.ID, err
}

// Rejected is a reading of a batch that the service does not store.
type Rejected struct {
	// Index is its place in the batch, from 0.
	Index int
	// Errors say why. Where a batch has very many of them, the service explains the first ones alone.
	Errors []FieldError
}

// SendBatch stores 1 to BatchReadingsMax readings. What it returns are those that break a rule, in the order of the batch; all others
// are durable. It is nil where all are. With an error, nobody knows which of them are: the same call again is safe. Where the same reading stands twice in the
// batch, the later one counts.
func (c *Client) SendBatch(ctx context.Context, rs []Reading) ([]Rejected, error) {
	if len(rs) == 0 || len(rs) > BatchReadingsMax {
		return nil, fmt.Errorf("a batch has 1 to %d readings, not %d", BatchReadingsMax, len(rs))
	}
	body, encoding, err := c.encode(rs)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Accepted int
		Rejected []Rejected
	}
	_, err = c.do(ctx, request{
		method: http.MethodPost, path: "/sensor-data/batch", media: mediaNDJSON, encoding: encoding, body: body,
	}, decoding(&answer))
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		if all := allRejected(refused.Fields, len(rs)); all != nil {
			return all, nil
		}
	}
	if err != nil {
		return nil, err
	}
	if answer.Accepted+len(answer.Rejected) != len(rs) {
		return nil, fmt.Errorf("POST /sensor-data/batch: the answer tells of %d readings, not of %d",
			answer.Accepted+len(answer.Rejected), len(rs))
	}
	if len(answer.Rejected) == 0 {
		return nil, nil
	}
	return answer.Rejected, nil
}

// encode writes readings as lines of JSON, compressed where that is worth it.
func (c *Client) encode(rs []Reading) (body []byte, encoding string, err error) {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	encoder.SetEscapeHTML(false)
	for _, r := range rs {
		if err := encoder.Encode(toWire(r)); err != nil {
			return nil, "", fmt.Errorf("encode a reading of %q: %w", r.EquipmentID, err)
		}
	}
	if lines.Len() < gzipBytesMin {
		return lines.Bytes(), "", nil
	}
	var packed bytes.Buffer
	zip, _ := c.zips.Get().(*gzip.Writer)
	if zip == nil {
		if zip, err = gzip.NewWriterLevel(nil, gzip.BestSpeed); err != nil {
			return nil, "", fmt.Errorf("compress a batch: %w", err)
		}
	}
	defer c.zips.Put(zip)
	zip.Reset(&packed)
	if _, err := zip.Write(lines.Bytes()); err != nil {
		return nil, "", fmt.Errorf("compress a batch: %w", err)
	}
	if err := zip.Close(); err != nil {
		return nil, "", fmt.Errorf("compress a batch: %w", err)
	}
	return packed.Bytes(), "gzip", nil
}

// allRejected reads the answer to a batch of which nothing is valid: its faults have their place in their names, as body[3].value. It
// returns nil where the answer says something else.
func allRejected(fields []FieldError, readings int) []Rejected {
	all := make([]Rejected, readings)
	for i := range all {
		all[i].Index = i
	}
	for _, field := range fields {
		index, name, ok := placeOf(field.Field)
		if !ok || index >= readings {
			return nil
		}
		all[index].Errors = append(all[index].Errors, FieldError{Field: cmp.Or(name, wholeReading), Reason: field.Reason})
	}
	if len(fields) == 0 {
		return nil
	}
	return all
}

// wholeReading is the name that faults of a reading as a whole have where only some of a batch are refused.
const wholeReading = "reading"

// placeOf takes a name such as body[3].value apart.
func placeOf(field string) (index int, name string, ok bool) {
	rest, found := strings.CutPrefix(field, "body[")
	number, name, closed := strings.Cut(rest, "]")
	index, err := strconv.Atoi(number)
	return index, strings.TrimPrefix(name, "."), found && closed && err == nil && index >= 0
}
