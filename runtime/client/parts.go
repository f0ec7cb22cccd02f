package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
)

// partsAtOnce is how many parts of a large file are sent at a time.
const partsAtOnce = 4

// partAddress is where a part of a file goes.
type partAddress struct {
	Number  int
	URL     string
	Headers map[string]string
}

// sentPart is a part that the bucket has.
type sentPart struct {
	Number int    `json:"number"`
	ETag   string `json:"etag"`
}

// sendParts sends a file part by part, several at a time, and completes it.
func (t *transfer) sendParts(ctx context.Context, where ticket) error {
	if where.PartSize <= 0 {
		return errors.New("the answer does not say how large the parts are")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	known := map[int]partAddress{}
	for _, one := range where.Parts {
		known[one.Number] = one
	}
	count := int((t.size + where.PartSize - 1) / where.PartSize)
	all := make([]sentPart, count)
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range min(partsAtOnce, count) {
		workers.Go(func() {
			for number := range numbers {
				from := int64(number-1) * where.PartSize
				part := io.NewSectionReader(t.file, from, min(where.PartSize, t.size-from))
				etag, err := t.sendPart(ctx, number, known[number], part)
				if err != nil {
					cancel(fmt.Errorf("part %d of %d: %w", number, count, err))
					return
				}
				all[number-1] = sentPart{number, etag}
			}
		})
	}
	feed(ctx, numbers, count)
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	_, err := t.c.post(ctx, uploadsPath+"/"+t.id+"/complete", map[string][]sentPart{"parts": all}, nil, t.at)
	return err
}

// feed hands out the numbers from 1 to count, until ctx ends.
func feed(ctx context.Context, numbers chan<- int, count int) {
	defer close(numbers)
	for number := 1; number <= count && ctx.Err() == nil; number++ {
		select {
		case numbers <- number:
		case <-ctx.Done():
			return
		}
	}
}

// sendPart sends one part. Its address is asked for where it is not known or works no longer: addresses live for minutes, and a large
// file is on its way for hours.
func (t *transfer) sendPart(ctx context.Context, number int, to partAddress, part *io.SectionReader) (etag string, err error) {
	const addressesMax = 5
	for tries := 1; ; tries++ {
		if to.URL == "" {
			if to, err = t.sign(ctx, number); err != nil {
				return "", err
			}
		}
		etag, err = t.put(ctx, to, part)
		var refused *Error
		if tries == addressesMax || !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
			return etag, err
		}
		to = partAddress{}
	}
}

// sign asks for the address of a part.
func (t *transfer) sign(ctx context.Context, number int) (partAddress, error) {
	var answer struct{ Parts []partAddress }
	_, err := t.c.post(ctx, uploadsPath+"/"+t.id+"/parts", map[string][]int{"numbers": {number}}, &answer, t.at)
	if err != nil {
		return partAddress{}, err
	}
	found := slices.IndexFunc(answer.Parts, func(p partAddress) bool { return p.Number == number })
	if found < 0 {
		return partAddress{}, errors.New("the answer does not say where it goes")
	}
	return answer.Parts[found], nil
}

// put sends bytes to an address of the bucket, again where the connection was lost or the bucket was busy.
func (t *transfer) put(ctx context.Context, to partAddress, content *io.SectionReader) (etag string, err error) {
	for attempt := 1; ; attempt++ {
		etag, err = t.putOnce(ctx, to, content)
		var refused *Error
		isRefused := errors.As(err, &refused)
		switch {
		case err == nil:
			return etag, nil
		case isRefused && refused.Status == http.StatusPreconditionFailed && attempt > 1:
			t.sent(content.Size())
			return "", nil // an attempt before this one arrived, whose answer was lost
		case ctx.Err() != nil, attempt == t.c.o.AttemptsMax, isRefused && refused.Status < http.StatusInternalServerError, !isRefused && !Temporary(err):
			return "", err
		}
		if cut := t.c.o.Pacer.Pause(ctx, attempt); cut != nil {
			return "", err
		}
	}
}

func (t *transfer) putOnce(ctx context.Context, to partAddress, content *io.SectionReader) (etag string, err error) {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("read the file from its beginning: %w", err)
	}
	ctx, watch := watched(ctx, t.c.o.CallTimeout)
	defer watch.end()
	body := &countedReader{from: content, watch: watch, sent: t.sent}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, to.URL, io.NopCloser(body))
	if err != nil {
		return "", fmt.Errorf("make a request: %w", err)
	}
	if r.ContentLength = content.Size(); r.ContentLength == 0 {
		r.Body = http.NoBody
	}
	for name, value := range to.Headers {
		r.Header.Set(name, value)
	}
	response, err := t.c.o.HTTP.Do(r)
	if err != nil {
		body.takeBack()
		if failed := body.failed(); failed != nil {
			return "", fmt.Errorf("read the file: %w", failed)
		}
		return "", &lostError{watch.explain(err)}
	}
	defer func() { _ = response.Body.Close() }() // nothing is wanted of it
	if response.StatusCode != http.StatusOK {
		body.takeBack()
		return "", refusal(response, t.c.o.Now())
	}
	return response.Header.Get("ETag"), nil
}

// countedReader reads what is sent and tells how much that is. The transport may read it after the call has ended.
type countedReader struct {
	from  io.Reader
	watch *watch
	sent  func(bytes int64)

	mu    sync.Mutex
	bytes int64
	err   error
	over  bool
}

// Read implements io.Reader.
func (r *countedReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return 0, context.Canceled
	}
	n, err := r.from.Read(p)
	if n > 0 {
		r.bytes += int64(n)
		r.watch.moved()
		r.sent(int64(n))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// takeBack says that what was sent does not count.
func (r *countedReader) takeBack() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	r.sent(-r.bytes)
}

// failed returns why the file could not be read.
func (r *countedReader) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}
