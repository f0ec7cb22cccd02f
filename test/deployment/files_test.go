package deployment_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing/iotest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// filesAtOnce sends the same rows by several files, until a row of one meets a newer one of another and looks at what is there.
func filesAtOnce(ctx context.Context, s *service) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	const files, rows = 3, 300
	var file strings.Builder
	file.WriteString(csvHeader)
	for i := range rows {
		fmt.Fprintf(&file, "%s,%s,%d\n", s.equipment("E"), moment().Add(time.Duration(i)*time.Second).Format(time.RFC3339), i)
	}
	for again := true; again; again = !s.recorder.Did(s.roleOf(contract.EnvCSVQueueURL), "dynamodb:BatchGetItem") {
		var group errgroup.Group
		for range files {
			group.Go(func() error {
				u, err := s.uploaded(ctx, c, file.String(), func(content []byte) (string, error) { return c.UploadFile(ctx, "same.csv", content) })
				if err == nil && u.RowsAccepted != rows {
					err = fmt.Errorf("the file ended as %+v", u)
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return s.counts(ctx, c, s.equipment("E"), rows, "44850")
}

// errBroken ends a form before its end.
var errBroken = errors.New("the connection breaks")

// breakOff sends a form of which some parts are stored when it ends, and waits until they are removed.
func breakOff(ctx context.Context, s *service) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	head := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"broken.csv\"\r\nContent-Type: text/csv\r\n\r\n" + csvHeader
	body := io.MultiReader(strings.NewReader(head+strings.Repeat("\n", 12<<20)), iotest.ErrReader(errBroken))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.api+"/sensor-data/upload-csv", body)
	if err != nil {
		return fmt.Errorf("make a form: %w", err)
	}
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	r.Header.Set("Authorization", "Bearer "+c.Token)
	response, err := c.HTTP.Do(r)
	if err == nil {
		_ = response.Body.Close()
		return fmt.Errorf("a form that breaks off is answered with status %d", response.StatusCode)
	}
	return await.Until(ctx, func() error {
		if !s.recorder.Did(s.role, "s3:AbortMultipartUpload") {
			return errors.New("the parts of the form are not removed")
		}
		return nil
	})
}

// csvHeader begins every file.
const csvHeader = "equipmentId,timestamp,value\n"

// bigFile sends a file of three ranges with a reading and a rejected row in each; what lies between are empty lines.
func bigFile(ctx context.Context, s *service) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	id := s.equipment("B")
	var file strings.Builder
	file.WriteString(csvHeader)
	for i := range 3 {
		for file.Len() < i*contract.CSVRangeBytes+contract.CSVRangeBytes/2 {
			file.WriteString(strings.Repeat("\n", contract.CSVRangeBytes/8))
		}
		fmt.Fprintf(&file, "%s,%s,%d.5\nnobody,never,%d\n", id, moment().Add(time.Duration(i)*time.Second).Format(time.RFC3339), i, i)
	}
	u, err := s.uploaded(ctx, c, file.String(), func(content []byte) (string, error) { return c.UploadFile(ctx, "big.csv", content) })
	if err != nil {
		return err
	}
	if u.RowsAccepted != 3 || u.RowsRejected != 3 || u.RejectsURL == "" {
		return fmt.Errorf("the file ended as %+v", u)
	}
	rejects, err := exchange(ctx, &probe.Client{Base: u.RejectsURL, HTTP: probe.NewHTTP()}, probe.Call{}, http.StatusOK)
	if err != nil {
		return err
	}
	if n := strings.Count(string(rejects.Body), "never"); n != 3 {
		return fmt.Errorf("the list of rejects has %d rows: %.300s", n, rejects.Body)
	}
	return s.counts(ctx, c, id, 3, "4.5")
}

// uploaded sends a file and waits until it is processed.
func (s *service) uploaded(ctx context.Context, c *probe.Client, file string, send func(content []byte) (string, error)) (probe.Upload, error) {
	id, err := send([]byte(file))
	if err != nil {
		return probe.Upload{}, err
	}
	u, err := c.WaitForUpload(ctx, id)
	if err == nil && !strings.HasPrefix(u.Status, "completed") {
		err = fmt.Errorf("the file ended as %+v", u)
	}
	return u, err
}

// smallFile sends a file in a form, which the API itself stores, in parts as it is larger than one.
func smallFile(ctx context.Context, s *service) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	id := s.equipment("C")
	file := csvHeader + id + "," + moment().Format(time.RFC3339) + ",7\n" + strings.Repeat("\n", 6<<20)
	const boundary = "boundary"
	u, err := s.uploaded(ctx, c, file, func(content []byte) (string, error) {
		form := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"small.csv\"\r\nContent-Type: text/csv\r\n\r\n" +
			string(content) + "\r\n--" + boundary + "--\r\n"
		got, err := exchange(ctx, c, probe.Call{
			Path: "/sensor-data/upload-csv", Body: []byte(form), Header: map[string]string{"Content-Type": "multipart/form-data; boundary=" + boundary},
		}, http.StatusCreated)
		if err != nil {
			return "", err
		}
		var ticket probe.Upload
		return ticket.UploadID, errors.Join(got.Decode(&ticket))
	})
	if err != nil {
		return err
	}
	if u.RowsAccepted != 1 {
		return fmt.Errorf("the file ended as %+v", u)
	}
	if _, err := exchange(ctx, c, probe.Call{Path: "/sensor-data/uploads"}, http.StatusOK); err != nil {
		return err
	}
	return s.counts(ctx, c, id, 1, "7")
}
