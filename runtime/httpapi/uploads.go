package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// Messages fixed by the API contract.
const (
	messageNoFile = "CSV File is required"
	messageNotCSV = "Only CSV files are allowed"
)

const (
	fieldFile = "file"
	// multipartOverheadMax is what the boundaries and headers around a file may take.
	multipartOverheadMax = 64 << 10
	// FileMemoryBytes is what a file in transit holds: one part on its way to the bucket.
	FileMemoryBytes = 5 << 20
)

type ticketAnswer struct {
	UploadID  string            `json:"uploadId"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	ExpiresAt string            `json:"expiresAt"`
}

// postUpload gives out an address that takes one file, or the first of those that take its parts.
func (s *Server) postUpload(w http.ResponseWriter, r *http.Request) error {
	var b uploadBody
	shape, err := s.readObject(w, r, contract.ReadingBodyBytesMax, uploadMembers, &b)
	if err != nil {
		return err
	}
	format, formatFaults := readFormat(b.Format)
	if faults := append(s.requests.faults(b, shape), formatFaults...); len(faults) > 0 {
		return invalidFields(faults)
	}
	size, err := whole(b.Size)
	if err != nil {
		return fmt.Errorf("read a checked size: %w", err)
	}
	ctx, cancel := calling(r)
	defer cancel()
	ticket, err := s.Uploads.Create(ctx, csvfile.Request{
		FileName: b.FileName, Size: size, SHA256: b.SHA256, InParts: b.InParts, Format: format,
	})
	if err != nil {
		return fmt.Errorf("create an upload: %w", err)
	}
	return answerTicket(w, ticket)
}

type fileAnswer struct {
	Message  string `json:"message"`
	FileName string `json:"fileName"`
	UploadID string `json:"uploadId"`
}

// postFile streams the file of a multipart form into the bucket.
func (s *Server) postFile(w http.ResponseWriter, r *http.Request) error {
	boundary, err := formBoundary(r)
	if err != nil {
		return err
	}
	in, err := s.openBody(w, r, s.files, contract.SmallUploadBytesMax+multipartOverheadMax, FileMemoryBytes)
	if err != nil {
		return fileError(toProblem(err))
	}
	defer in.hold.Leave()
	in.last = time.Now().Add(s.options.FileTimeout)

	format, file, err := readForm(multipart.NewReader(in, boundary))
	switch {
	case in.err != nil:
		return fileError(bodyError(in.err))
	case err != nil:
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.FileTimeout+callTimeout)
	defer cancel()
	upload, err := s.Uploads.Store(ctx, file.file.FileName(), format, file)
	switch {
	case file.refusal != nil:
		return file.refusal
	case in.err != nil:
		return fileError(bodyError(in.err))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return bodyError(err)
	case err != nil:
		return fmt.Errorf("store a file: %w", err)
	}
	return answer(w, http.StatusCreated, fileAnswer{"File uploaded successfully", upload.FileName, upload.ID})
}

func noFile() error {
	return &problem{
		kind: problemInvalid, message: messageNoFile, fields: []fault.FieldError{{Field: fieldFile, Reason: "is required"}},
	}
}

// formBoundary returns the text that separates the parts of the form.
func formBoundary(r *http.Request) (string, error) {
	if r.Header.Get("Content-Type") == "" && r.ContentLength == 0 {
		return "", noFile()
	}
	_, params, err := mediaType(r, mediaMultipart)
	if err != nil {
		return "", err
	}
	if params["boundary"] == "" {
		return "", malformed("The Content-Type names no boundary between the parts of the form.")
	}
	return params["boundary"], nil
}

// fileError is the answer to a form that was not read to its end. Where it is too large, it is the file that is.
func fileError(p *problem) *problem {
	if p.kind == problemTooLarge {
		p.message = "The file must be at most " + byteCount(contract.SmallUploadBytesMax) + "; POST /sensor-data/uploads takes larger ones."
	}
	return p
}

// uploadItem is an upload as clients see it.
type uploadItem struct {
	UploadID       string         `json:"uploadId"`
	FileName       string         `json:"fileName"`
	Status         csvfile.Status `json:"status"`
	Reason         string         `json:"reason,omitempty"`
	Bytes          int64          `json:"bytes"`
	BytesProcessed int64          `json:"bytesProcessed"`
	RowsAccepted   int64          `json:"rowsAccepted"`
	RowsRejected   int64          `json:"rowsRejected"`
	RejectsURL     string         `json:"rejectsUrl,omitempty"`
	CreatedAt      string         `json:"createdAt"`
	UpdatedAt      string         `json:"updatedAt"`
}

func newUploadItem(u csvfile.Upload, rejectsURL string) uploadItem {
	return uploadItem{
		u.ID, u.FileName, u.Status, u.Reason, u.Bytes, u.BytesProcessed, u.RowsAccepted, u.RowsRejected,
		rejectsURL, clientTime(u.CreatedAt), clientTime(u.UpdatedAt),
	}
}

// getUpload answers with the state of one upload.
func (s *Server) getUpload(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := calling(r)
	defer cancel()
	u, rejectsURL, err := s.UploadStatus.Get(ctx, r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("read an upload: %w", err)
	}
	return answer(w, http.StatusOK, newUploadItem(u, rejectsURL))
}

// uploadPlace is where a page of uploads ended.
type uploadPlace struct {
	CreatedAt instant  `json:"c"`
	ID        uploadID `json:"i"`
}

// getUploads lists uploads, newest first.
func (s *Server) getUploads(w http.ResponseWriter, r *http.Request) error {
	in, err := readQuery(r, paramLimit, paramCursor)
	if err != nil {
		return err
	}
	limit := in.limit(contract.UploadsPageDefault, contract.UploadsPageMax)
	const scope = "uploads"
	var ended uploadPlace
	var after csvfile.Position
	if in.cursor(s.cursors, &ended, scope) {
		after = csvfile.Position{CreatedAt: time.Time(ended.CreatedAt), ID: string(ended.ID)}
	}
	if err := in.err(); err != nil {
		return err
	}
	hold, err := s.admitRead(r, limit, storedBytes)
	if err != nil {
		return err
	}
	defer hold.Leave()
	ctx, cancel := calling(r)
	defer cancel()
	us, more, err := s.UploadStatus.List(ctx, after, limit)
	if err != nil {
		return fmt.Errorf("list uploads: %w", err)
	}
	next := ""
	if more && len(us) > 0 {
		last := us[len(us)-1]
		if next, err = s.cursors.seal(uploadPlace{instant(last.CreatedAt), uploadID(last.ID)}, scope); err != nil {
			return err
		}
	}
	return answerPage(w, r, nil, func(yield func(uploadItem) bool) {
		for _, u := range us {
			if !yield(newUploadItem(u, "")) {
				return
			}
		}
	}, next)
}
