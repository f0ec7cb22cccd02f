package publish

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// progressEvery is how often a slow push tells how far it is.
const progressEvery = 5 * time.Second

// progress tells now and then how many bytes of an image were sent. It is safe for several requests at once.
type progress struct {
	next http.RoundTripper
	tag  string
	now  func() time.Time
	out  io.Writer

	mu   sync.Mutex
	last time.Time // when it told something
	sent int64
}

func (p *progress) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body == nil || request.Body == http.NoBody {
		return p.next.RoundTrip(request)
	}
	counted := request.Clone(request.Context())
	counted.Body = countedBody{request.Body, p}
	return p.next.RoundTrip(counted)
}

func (p *progress) add(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent += int64(bytes)
	if now := p.now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		_, _ = fmt.Fprintf(p.out, "pushing %s: %d bytes are sent\n", p.tag, p.sent) // whoever reads may be gone
	}
}

// countedBody is what a request sends.
type countedBody struct {
	io.ReadCloser
	of *progress
}

func (b countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.of.add(n)
	return n, err
}
