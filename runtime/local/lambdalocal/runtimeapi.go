package lambdalocal

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

const apiPrefix = "/2018-06-01/runtime"

func (i *instance) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+apiPrefix+"/invocation/next", i.next)
	mux.HandleFunc("POST "+apiPrefix+"/invocation/{id}/response", i.response)
	mux.HandleFunc("POST "+apiPrefix+"/invocation/{id}/error", i.failure)
	mux.HandleFunc("POST "+apiPrefix+"/init/error", i.initFailure)
	return mux
}

// next answers with the next invocation, however long that takes.
func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	in := i.fetch(r)
	if in == nil {
		return // the process, or the function, has ended
	}
	deadline, ok := i.begin(in)
	if !ok {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", in.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:local:000000000000:function:"+i.function.options.Name)
	_, _ = w.Write(in.payload) // a process that ended meanwhile fails the invocation in wait
}

// fetch skips invocations whose caller has given up. An unanswered one fails when the function asks for another.
func (i *instance) fetch(r *http.Request) *invocation {
	i.mu.Lock()
	in, abandoned := i.first, i.current
	i.mu.Unlock()
	if abandoned != nil && i.end(abandoned.id, false) != nil {
		abandoned.finish(nil, &FunctionError{"Runtime.InvalidResponse", "the function asked for the next invocation without answering"})
	}
	for {
		if in != nil && !in.givenUp() {
			return in
		}
		i.idle()
		select {
		case in = <-i.function.warm:
		case <-r.Context().Done():
			return nil
		case <-i.stopping:
			return nil
		}
	}
}

// idle notes that the instance has started and has nothing to do: no deadline runs.
func (i *instance) idle() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.deadline.Stop()
	i.first = nil
}

func (i *instance) response(w http.ResponseWriter, r *http.Request) {
	answer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, PayloadBytesMax))
	if err != nil {
		i.finish(w, r, nil, &FunctionError{"Function.ResponseSizeTooLarge", fmt.Sprintf("the answer could not be read: %v", err)})
		return
	}
	// A body that failed half-way says so in a trailer.
	if failed := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); failed != "" {
		i.finish(w, r, nil, &FunctionError{failed, "the answer broke off"})
		return
	}
	i.finish(w, r, answer, nil)
}

func (i *instance) failure(w http.ResponseWriter, r *http.Request) {
	i.finish(w, r, nil, readError(w, r))
}

// finish ends the current invocation; the id of another one is refused, as an answer after the timeout would be.
func (i *instance) finish(w http.ResponseWriter, r *http.Request, answer []byte, err error) {
	in := i.end(r.PathValue("id"), err == nil)
	if in == nil {
		reply(w, http.StatusBadRequest, map[string]string{"errorType": "InvalidRequestID", "errorMessage": "no such invocation is running"})
		return
	}
	in.finish(answer, err)
	reply(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

func (i *instance) initFailure(w http.ResponseWriter, r *http.Request) {
	err := readError(w, r)
	i.mu.Lock()
	i.initError = err
	i.mu.Unlock()
	reply(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

// readError never fails: an error whose description cannot be read is still an error.
func readError(w http.ResponseWriter, r *http.Request) error {
	var reported struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, PayloadBytesMax))
	if err != nil || json.Unmarshal(body, &reported) != nil || reported.Type == "" {
		reported.Type = r.Header.Get("Lambda-Runtime-Function-Error-Type")
	}
	if reported.Type == "" {
		reported.Type = "Unhandled"
	}
	return &FunctionError{reported.Type, reported.Message}
}

func reply(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a process that does not read it has ended
}
