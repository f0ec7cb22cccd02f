package httpapi

import (
	"net/http"
	"time"

	"github.com/sensorflow/sensorflow/runtime/ingest"
)

// errSenderGone is for the log: nobody is there to read it.
var errSenderGone = &problem{kind: problemUnavailable, message: "The sender had left before its request was taken."}

// registered returns the moment at which a request that changes readings is taken, which makes its version, and the request with
// what tells whether its sender is there. The sender was there at that moment: a request can lie in the kernel for a while
// with the end of its connection behind it, and would then come out newer than what others had acknowledged meanwhile.
// net/http notices such an end only a moment after the body.
func (s *Server) registered(r *http.Request) (time.Time, *http.Request, error) {
	now := s.Now()
	c, known := r.Context().Value(connKey{}).(*conn)
	if !known {
		return now, r, nil
	}
	gone := func() bool { return closed(c.Conn) }
	if gone() {
		return now, r, errSenderGone
	}
	return now, r.WithContext(ingest.WithSender(r.Context(), gone)), nil
}
