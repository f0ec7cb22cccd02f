package permission

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing/iotest"
)

// Recorder notes which role calls what. It may be used by several goroutines.
type Recorder struct {
	mu    sync.Mutex
	roles []string
	// meant are what names in calls stand for, by region and name; followed is the stream that a role read last, since an iterator does
	// not tell whose it is.
	meant    map[string]string
	followed map[string]string
	// calls have the keys of conditions that a call is made with.
	calls map[Call]map[string]string
	// strange are requests that the recorder does not understand.
	strange []string
}

// NewRecorder returns a Recorder that has seen nothing.
func NewRecorder() *Recorder {
	return &Recorder{meant: map[string]string{}, followed: map[string]string{}, calls: map[Call]map[string]string{}}
}

// AccessKey is one for a role, by which Observe knows its calls. DynamoDB Local takes letters and digits alone.
func (r *Recorder) AccessKey(role string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.roles, role)
	if i < 0 {
		i, r.roles = len(r.roles), append(r.roles, role)
	}
	return fmt.Sprintf("ROLE%d", i)
}

// Record notes a call that is made with the given keys of conditions.
func (r *Recorder) Record(c Call, conditions map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[c] = conditions
}

// Name notes what a name stands for that programs call in a region: a stream of DynamoDB Local for one of the tables, the beginning of
// a secret's ARN for the whole.
func (r *Recorder) Name(region, name, meant string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.meant[region+" "+name] = meant
}

// credential finds whose request it is, in its header or its presigned address.
var credential = regexp.MustCompile(`(?:Credential=|^)ROLE(\d+)/`)

// signature is where a request says who signs it: in a header or in a presigned address. Empty for one that needs no right.
func signature(request *http.Request) string {
	if address := request.URL.Query().Get("X-Amz-Credential"); address != "" {
		return address
	}
	return request.Header.Get("Authorization")
}

// presigned are the methods of the operations for which the programs hand out addresses.
var presigned = map[string]string{"GetObject": http.MethodGet, "PutObject": http.MethodPut, "UploadPart": http.MethodPut}

// misused tells whether somebody uses a presigned address by another method than the one it was signed for, which S3 refuses.
func misused(request *http.Request) bool {
	method, known := presigned[request.URL.Query().Get("x-id")]
	return known && request.URL.Query().Has("X-Amz-Credential") && method != request.Method
}

// Observe notes the calls that a request is, of the role whose access key signs it. Requests by others are none of its concern. The body
// stays readable.
func (r *Recorder) Observe(region string, request *http.Request) {
	match := credential.FindStringSubmatch(signature(request))
	if match == nil {
		return
	}
	r.mu.Lock()
	var i int
	_, _ = fmt.Sscan(match[1], &i) // the pattern lets digits through alone
	role := r.roles[i]
	r.mu.Unlock()
	r.ObserveAs(role, region, request)
}

// ObserveAs notes the calls that a role's request is. One that nobody signs needs no right. The body stays readable.
func (r *Recorder) ObserveAs(role, region string, request *http.Request) {
	if signature(request) == "" || misused(request) {
		return
	}
	target := request.Header.Get("X-Amz-Target")
	var body []byte
	if target != "" || request.Method == http.MethodPost && request.URL.Query().Has("delete") {
		var err error
		body, err = io.ReadAll(request.Body)
		request.Body = io.NopCloser(bytes.NewReader(body))
		if err != nil { // whoever sends it has ended in the middle; it breaks off where it is passed on to, too
			request.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), iotest.ErrReader(err)))
			return
		}
	}
	var calls []Call
	if operation, ok := strings.CutPrefix(target, streamsTarget); ok {
		calls = []Call{{Action: "dynamodb:" + operation, Resource: r.streamRead(region, role, body)}}
	} else {
		calls = understand(region, target, request, body)
	}
	for _, c := range calls {
		if c.Resource == "" {
			r.mu.Lock()
			r.strange = append(r.strange, fmt.Sprintf("%s %s %s %.200s", request.Method, request.URL.Path, target, body))
			r.mu.Unlock()
			continue
		}
		r.Record(Call{Role: role, Action: c.Action, Resource: r.named(region, c.Resource)}, nil)
	}
}

// named is what a name stands for; most stand for themselves.
func (r *Recorder) named(region, name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.meant[region+" "+name], name)
}

// streamsTarget begins the header that names an operation on streams.
const streamsTarget = "DynamoDBStreams_20120810."

func (r *Recorder) streamRead(region, role string, body []byte) string {
	var in struct{ StreamArn string }
	_ = json.Unmarshal(body, &in) // GetRecords has none
	r.mu.Lock()
	defer r.mu.Unlock()
	if in.StreamArn != "" {
		meant := r.meant[region+" "+in.StreamArn]
		if _, resource, ok := strings.Cut(in.StreamArn, ":table/"); ok && meant == "" {
			meant = arnOf("dynamodb", region, "table/"+resource)
		}
		r.followed[role] = meant
	}
	return r.followed[role]
}

// Has tells whether a role made a call that the statement is for.
func (r *Recorder) Has(role string, s Statement) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c, conditions := range r.calls {
		if c.Role == role && s.Covers(c, conditions) {
			return true
		}
	}
	return false
}

// Did tells whether a role made a call of an action on any resource.
func (r *Recorder) Did(role, action string) bool {
	return r.Has(role, Statement{Action: List{action}, Resource: List{"*"}})
}

// Refused are the calls of a role that its statements do not allow.
func (r *Recorder) Refused(role string, statements []Statement) (refused []Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c, conditions := range r.calls {
		if c.Role == role && !Allows(statements, c, conditions) {
			refused = append(refused, c)
		}
	}
	return refused
}

// Roles are those that have called something, in order.
func (r *Recorder) Roles() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[string]bool{}
	for c := range r.calls {
		seen[c.Role] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Strange are the requests that are not understood. What they need the right to is not known.
func (r *Recorder) Strange() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.strange)
}
