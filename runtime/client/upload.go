package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// UploadStatus is how far an upload is.
type UploadStatus string

// The states of an upload.
const (
	UploadAwaiting             UploadStatus = "awaiting-upload"
	UploadExpired              UploadStatus = "expired"
	UploadProcessing           UploadStatus = "processing"
	UploadCompleted            UploadStatus = "completed"
	UploadCompletedWithRejects UploadStatus = "completed-with-rejects"
	UploadFailed               UploadStatus = "failed"
)

// Over tells whether the state is one of the last ones.
func (s UploadStatus) Over() bool { return s != UploadAwaiting && s != UploadProcessing }

// Upload is a CSV file that was sent, or is to be.
type Upload struct {
	ID       string `json:"uploadId"`
	FileName string
	Status   UploadStatus
	// Reason is why it failed.
	Reason                string
	Bytes, BytesProcessed int64
	// RowsAccepted and RowsRejected are all rows of the file once it is over.
	RowsAccepted, RowsRejected int64
	// RejectsURL is where the rows that were rejected are told as CSV of line, reason and row, for some minutes. Rejects reads it.
	RejectsURL           string
	CreatedAt, UpdatedAt time.Time
}

// Progress is how far a file is on its way.
type Progress struct {
	// Bytes are those of the file, of which Sent have been transferred and Processed have been read by the service.
	Bytes, Sent, Processed int64
	// Rejected rows were found so far.
	Rejected int64
}

// UploadOptions adapt an upload.
type UploadOptions struct {
	// Format says how the file differs from the strict form, as the member format of the API does. Default: the strict form.
	Format json.RawMessage
	// Progress is told how far the file is, from several goroutines, one at a time. Default: nobody is told.
	Progress func(Progress)
}

const uploadsPath = "/sensor-data/uploads"

// ticket says where a file goes: to one address, or in parts.
type ticket struct {
	UploadID, Method, URL string
	Headers               map[string]string
	PartSize              int64
	Parts                 []partAddress
}

// Upload sends a CSV file of size bytes to the address that the service gives out for it, and returns once the service has processed
// it. Rows may be rejected without an error. It reads parts of the file again where a connection was lost, and sends one of more than
// 5 GiB in parts. After an error the Upload has the ID that it got, if any, with which WaitUpload can go on.
func (c *Client) Upload(ctx context.Context, fileName string, file io.ReaderAt, size int64, o UploadOptions) (Upload, error) {
	t := &transfer{c: c, file: file, size: size, report: o.Progress, now: Progress{Bytes: size}}
	ask := struct {
		FileName string          `json:"fileName"`
		Size     int64           `json:"size"`
		Format   json.RawMessage `json:"format,omitempty"`
	}{fileName, size, o.Format}
	var where ticket
	at, err := c.post(ctx, uploadsPath, ask, &where, nil)
	if err != nil {
		return Upload{FileName: fileName, Bytes: size}, err
	}
	u := Upload{ID: where.UploadID, FileName: fileName, Bytes: size, Status: UploadAwaiting}
	t.at, t.id = at, where.UploadID
	if len(where.Parts) > 0 {
		err = t.sendParts(ctx, where)
	} else {
		_, err = t.put(ctx, partAddress{URL: where.URL, Headers: where.Headers}, io.NewSectionReader(file, 0, size))
	}
	if err != nil {
		return u, fmt.Errorf("send %s: %w", fileName, err)
	}
	return c.wait(ctx, u, at, t.processed)
}

// GetUpload returns the state of an upload.
func (c *Client) GetUpload(ctx context.Context, id string) (Upload, error) {
	var u Upload
	err := c.get(ctx, uploadsPath+"/"+url.PathEscape(id), nil, &u, nil)
	return u, err
}

// WaitUpload returns once an upload is over. Its error tells why nothing of a file was stored.
func (c *Client) WaitUpload(ctx context.Context, id string) (Upload, error) {
	return c.wait(ctx, Upload{ID: id}, nil, func(Upload) {})
}

// Uploads goes over the uploads, the newest first. It ends with the first error.
func (c *Client) Uploads(ctx context.Context) iter.Seq2[Upload, error] {
	return pages(ctx, c, uploadsPath, nil, func(u Upload) (Upload, error) { return u, nil })
}

// wait asks for an upload until it is over. Only the region that took it knows of it.
func (c *Client) wait(ctx context.Context, u Upload, at *region, told func(Upload)) (Upload, error) {
	for pause := pollFirst; ; pause = min(2*pause, pollMax) {
		if err := c.get(ctx, uploadsPath+"/"+url.PathEscape(u.ID), nil, &u, at); err != nil {
			return u, err
		}
		told(u)
		switch {
		case u.Status == UploadFailed || u.Status == UploadExpired:
			return u, fmt.Errorf("upload %s: nothing was stored: %s", u.ID, reasonOf(u))
		case u.Status.Over():
			return u, nil
		}
		if err := c.o.Pacer.Sleep(ctx, pause); err != nil {
			return u, fmt.Errorf("wait for upload %s, which is %s: %w", u.ID, u.Status, err)
		}
	}
}

func reasonOf(u Upload) string {
	if u.Reason != "" {
		return u.Reason
	}
	return "it is " + string(u.Status)
}

// Rejects writes the rows of an upload that were rejected, as CSV of line, reason and row.
func (c *Client) Rejects(ctx context.Context, u Upload, to io.Writer) error {
	if u.RejectsURL == "" {
		return nil
	}
	ctx, watch := watched(ctx, c.o.CallTimeout)
	defer watch.end()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.RejectsURL, http.NoBody)
	if err != nil {
		return fmt.Errorf("read the rejects of %s: %w", u.ID, err)
	}
	response, err := c.o.HTTP.Do(r)
	if err != nil {
		return fmt.Errorf("read the rejects of %s: %w", u.ID, &lostError{watch.explain(err)})
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("read the rejects of %s: %w", u.ID, refusal(response, c.o.Now()))
	}
	if _, err := io.Copy(to, &movingReader{response.Body, watch}); err != nil {
		return fmt.Errorf("read the rejects of %s: %w", u.ID, err)
	}
	return nil
}

// transfer is a file on its way to the bucket.
type transfer struct {
	c    *Client
	file io.ReaderAt
	size int64
	// at and id are those of the upload.
	at *region
	id string

	mu     sync.Mutex
	report func(Progress)
	now    Progress
}

// sent notes that bytes were sent, or, where they are less than none, that they are to be sent again.
func (t *transfer) sent(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now.Sent += bytes
	if t.report != nil {
		t.report(t.now)
	}
}

// processed notes how far the service is with the file.
func (t *transfer) processed(u Upload) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now.Processed, t.now.Rejected = u.BytesProcessed, u.RowsRejected
	if t.report != nil {
		t.report(t.now)
	}
}
