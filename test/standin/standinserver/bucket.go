package main

import (
	"fmt"
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
	query := r.URL.Query()
	switch {
	case object == "" && query.Has("delete"):
		_, _ = io.WriteString(w, `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>`)
	case object == "":
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		b.serveObject(w, r, o)
	case query.Has("uploads"):
		fmt.Fprintf(w, `<InitiateMultipartUploadResult><Bucket>%s</Bucket><UploadId>upload</UploadId></InitiateMultipartUploadResult>`, standin.Bucket)
	case r.Method == http.MethodPost:
		fmt.Fprintf(w, `<CompleteMultipartUploadResult><Bucket>%s</Bucket><ETag>%s</ETag></CompleteMultipartUploadResult>`, standin.Bucket, etag)
	case r.Method == http.MethodPut:
		w.Header().Set("ETag", etag)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
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
