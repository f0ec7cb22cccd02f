package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
)

// Ticket is the answer to POST /sensor-data/uploads.
type Ticket struct {
	UploadID, Method, URL string
	Headers               map[string]string
	ExpiresAt             time.Time
}

// Upload is the answer to GET /sensor-data/uploads/{id}.
type Upload struct {
	UploadID, FileName, Status, Reason, RejectsURL    string
	Bytes, BytesProcessed, RowsAccepted, RowsRejected int64
	CreatedAt, UpdatedAt                              time.Time
}

// Ended tells whether the status is final.
func (u Upload) Ended() bool { return u.Status == "failed" || strings.HasPrefix(u.Status, "completed") }

// CreateUpload asks for an address that takes a file. sha256 may be empty.
func (c *Client) CreateUpload(ctx context.Context, fileName string, size int, sha256 string) (Ticket, error) {
	asked := map[string]any{"fileName": fileName, "size": size}
	if sha256 != "" {
		asked["sha256"] = sha256
	}
	body, err := json.Marshal(asked)
	if err != nil {
		return Ticket{}, fmt.Errorf("encode an upload: %w", err)
	}
	var t Ticket
	err = c.ask(ctx, Call{Path: "/sensor-data/uploads", Body: body}, http.StatusCreated, &t)
	return t, err
}

// Put sends content to a ticket's address with the ticket's headers; change may adapt the request before it is sent.
func (c *Client) Put(ctx context.Context, t Ticket, content []byte, change ...func(*http.Request)) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, t.Method, t.URL, bytes.NewReader(content))
	if err != nil {
		return Answer{}, fmt.Errorf("make the PUT: %w", err)
	}
	for name, value := range t.Headers {
		if !strings.EqualFold(name, "Content-Length") && !strings.EqualFold(name, "Host") { // net/http sets these itself
			r.Header.Set(name, value)
		}
	}
	for _, f := range change {
		f(r)
	}
	return c.Send(r)
}

// UploadFile sends a whole file through a presigned address and returns the upload's id.
func (c *Client) UploadFile(ctx context.Context, fileName string, content []byte) (string, error) {
	ticket, err := c.CreateUpload(ctx, fileName, len(content), "")
	if err != nil {
		return "", err
	}
	got, err := c.Put(ctx, ticket, content)
	if err != nil {
		return "", err
	}
	if got.Status != http.StatusOK {
		return "", fmt.Errorf("PUT the file: status %d: %.300s", got.Status, got.Body)
	}
	return ticket.UploadID, nil
}

// Upload asks how an upload fares.
func (c *Client) Upload(ctx context.Context, id string) (Upload, error) {
	var u Upload
	err := c.ask(ctx, Call{Path: "/sensor-data/uploads/" + id}, http.StatusOK, &u)
	return u, err
}

// WaitForUpload asks until the upload has ended or ctx has, also where the service does not answer in between.
func (c *Client) WaitForUpload(ctx context.Context, id string) (u Upload, err error) {
	err = await.Until(ctx, func() (err error) {
		if u, err = c.Upload(ctx, id); err == nil && !u.Ended() {
			err = fmt.Errorf("upload %s is still %s", id, u.Status)
		}
		return err
	})
	return u, err
}
