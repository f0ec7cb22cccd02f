package httpapi

import (
	"net/http"
	"time"
)

// errSenderGone is for the log: nobody is there to read it.
var errSenderGone = &problem{kind: problemUnavailable, message: "The sender had left before its request was taken."}

// registered returns the moment at which a request that changes readings is taken, which makes its version. The sender was there
// at that moment: a request can lie in the kernel for a while with the end of its connection behind it, and would then come out
// newer than what others had acknowledged meanwhile. net/http notices such an end only a moment after the body.
func (s *Server) registered(r *http.Request) (time.Time, error) {
	now := s.moment(r)
	if sender := exchangeOf(r.Context()).sender; sender != nil && sender.Gone() {
		return now, errSenderGone
	}
	return now, nil
}

// moment is registered for those who have the sender asked afterwards, as package ingest does before it begins a write.
func (s *Server) moment(r *http.Request) time.Time {
	now := s.Now()
	if e := exchangeOf(r.Context()); e.client != nil {
		e.sender = e.client
	}
	return now
}

// Gone implements ingest.Sender.
func (c *conn) Gone() bool { return c.raw != nil && closed(c.raw) }
