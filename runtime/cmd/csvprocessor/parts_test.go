package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/s3store"
)

// partsFile has three parts of 5 MiB, the last one smaller. Most of it is rows that are rejected, which cost no writes.
func partsFile() (content []byte, accepted, rejected int64) {
	filler := strings.Repeat("x", 4000) + "\n"
	var b bytes.Buffer
	b.WriteString("equipmentId,timestamp,value\n")
	for n := 0; b.Len() < 2*s3store.PartBytes+1<<20; n++ {
		if n%100 == 50 {
			fmt.Fprintf(&b, "PARTS-1,2026-03-01T08:%02d:%02dZ,%d\n", n/100/60, n/100%60, n)
			accepted++
			continue
		}
		b.WriteString(filler)
		rejected++
	}
	return b.Bytes(), accepted, rejected
}

// TestFunction_StoresAFileThatIsSentInParts sends parts to a real bucket: out of order, one again and one late, with mistakes that are
// named, and the event of the joined file leads to the function.
func TestFunction_StoresAFileThatIsSentInParts(t *testing.T) {
	content, accepted, rejected := partsFile()
	uploads := csvfile.NewUploads(shared.uploads, s3store.New(shared.bucket, bucketName), time.Now, csvfile.UploadsOptions{
		PutBytesMax: s3store.PartBytes, PartBytes: s3store.PartBytes,
	})
	ticket, err := uploads.Create(t.Context(), csvfile.Request{FileName: "large.csv", Size: int64(len(content))})
	if err != nil || len(ticket.Parts) != 3 {
		t.Fatalf("%+v, %v", ticket, err)
	}
	id := ticket.Upload.ID
	part := func(number int) []byte {
		return content[(number-1)*s3store.PartBytes : min(number*s3store.PartBytes, len(content))]
	}
	etags := map[int]string{}
	send := func(p csvfile.PartAddress) {
		t.Helper()
		status, etag := putPart(t, p, part(p.Number))
		if status != http.StatusOK || etag == "" {
			t.Fatalf("part %d: status %d, ETag %q", p.Number, status, etag)
		}
		etags[p.Number] = etag
	}
	complete := func(parts ...csvfile.SentPart) error {
		_, err := uploads.CompleteParts(t.Context(), id, parts)
		return err
	}
	if status, _ := putPart(t, ticket.Parts[0], part(1)[:10]); status != http.StatusForbidden {
		t.Errorf("a part that is too short: status %d", status)
	}
	send(ticket.Parts[2])
	send(ticket.Parts[0])
	all := func() []csvfile.SentPart {
		return []csvfile.SentPart{{Number: 1, ETag: etags[1]}, {Number: 2, ETag: etags[2]}, {Number: 3, ETag: etags[3]}}
	}
	etags[2] = etags[1]
	wantField(t, "a part that has not arrived", complete(all()...), "parts[1].number")
	signed, _, err := uploads.SignParts(t.Context(), id, []int{2, 1})
	if err != nil || len(signed) != 2 {
		t.Fatal(signed, err)
	}
	send(signed[0])
	send(signed[1]) // again
	wantField(t, "a wrong ETag", complete(csvfile.SentPart{Number: 1, ETag: etags[1]}, csvfile.SentPart{Number: 2, ETag: etags[2]}, csvfile.SentPart{Number: 3, ETag: etags[1]}), "parts[2].etag")
	wantField(t, "a repeated part", complete(append(all(), all()[0])...), "parts[3].number")
	for range 2 { // also after an answer that was lost
		if err := complete(all()...); err != nil {
			t.Fatal(err)
		}
	}
	u := shared.ended(t, id)
	if u.Status != csvfile.CompletedWithRejects || u.RowsAccepted != accepted || u.RowsRejected != rejected || u.BytesProcessed != int64(len(content)) {
		t.Errorf("%+v; want %d and %d of %d bytes", u, accepted, rejected, len(content))
	}
	if got := shared.values(t, "PARTS-1"); len(got) != int(accepted) {
		t.Errorf("%d readings, want %d", len(got), accepted)
	}
	if _, _, err := uploads.SignParts(t.Context(), id, []int{1}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a part of a file that is there: %v", err)
	}
}

// TestFunction_FindsThePartsOfAnAbandonedFileGone: the bucket's rule has deleted them.
func TestFunction_FindsThePartsOfAnAbandonedFileGone(t *testing.T) {
	bucket := s3store.New(shared.bucket, bucketName)
	uploads := csvfile.NewUploads(shared.uploads, bucket, time.Now, csvfile.UploadsOptions{PutBytesMax: 1, PartBytes: s3store.PartBytes})
	ticket, err := uploads.Create(t.Context(), csvfile.Request{FileName: "large.csv", Size: 2})
	if err != nil {
		t.Fatal(err)
	}
	status, etag := putPart(t, ticket.Parts[0], []byte("ab"))
	if status != http.StatusOK {
		t.Fatal(status)
	}
	if err := bucket.AbandonParts(t.Context(), csvfile.UploadKey(ticket.Upload.ID), ticket.Upload.Parts.Name); err != nil {
		t.Fatal(err)
	}
	_, err = uploads.CompleteParts(t.Context(), ticket.Upload.ID, []csvfile.SentPart{{Number: 1, ETag: etag}})
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "are there no more") {
		t.Errorf("completed: %v", err)
	}
	out, err := shared.bucket.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String(bucketName)})
	if err != nil || len(out.Uploads) > 0 {
		t.Errorf("unfinished: %+v, %v", out.Uploads, err)
	}
}

func putPart(t *testing.T, p csvfile.PartAddress, content []byte) (status int, etag string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.URL, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range p.Headers {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Header.Get("ETag")
}

func wantField(t *testing.T, what string, err error, field string) {
	t.Helper()
	var known *fault.Error
	if !errors.As(err, &known) || known.Kind != fault.Invalid || !slices.ContainsFunc(known.Fields, func(f fault.FieldError) bool { return f.Field == field }) {
		t.Errorf("%s: %v, want field %s", what, err, field)
	}
}
