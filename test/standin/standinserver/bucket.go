package main

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/test/standin"
)

// etag is that of every object.
const etag = `"5d41402abc4b2a76b9719d911017c592"`

// serveBucket answers for a bucket that is addressed by its path.
func (b *backend) serveBucket(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	o := b.settings.Load()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return // the caller has gone
		}
	}
	if !wait(r.Context(), arrived, o.Latency) {
		return
	}
	_, object, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	switch read := r.Method == http.MethodGet || r.Method == http.MethodHead; {
	case object != "" && read:
		b.serveObject(w, r, o)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case !read:
		w.Header().Set("ETag", etag)
		_, _ = io.WriteString(w, answerToWrite(r, object)) // who has gone away needs no answer
	}
}

// answerToWrite is the document that answers a request that writes.
func answerToWrite(r *http.Request, object string) string {
	const (
		deleted  = `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>`
		begun    = `<InitiateMultipartUploadResult><Bucket>` + standin.Bucket + `</Bucket><UploadId>upload</UploadId></InitiateMultipartUploadResult>`
		complete = `<CompleteMultipartUploadResult><Bucket>` + standin.Bucket + `</Bucket><ETag>` + etag + `</ETag></CompleteMultipartUploadResult>`
	)
	switch query := r.URL.Query(); {
	case object == "":
		return deleted
	case query.Has("uploads"):
		return begun
	case r.Method == http.MethodPost:
		return complete
	default:
		return ""
	}
}

// serveObject gives the generated file, or a range of it.
func (b *backend) serveObject(w http.ResponseWriter, r *http.Request, o *standin.Options) {
	size := o.FileBytes
	if size == 0 {
		size = fileBytesDefault
	}
	file := standin.FileOfBytes(size)
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Type", "text/csv")
	http.ServeContent(&counting{w, b}, r, "", time.Time{}, io.NewSectionReader(file, 0, file.Size()))
}

const fileBytesDefault = 1_000_000

// counting counts what is sent of objects.
type counting struct {
	http.ResponseWriter
	backend *backend
}

// Write implements io.Writer.
func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.backend.counted.fileBytes.Add(int64(n))
	return n, err
}
