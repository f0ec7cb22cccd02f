package contract_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

var transport = probe.NewHTTP()

// caller calls the API for one test and checks what every answer must keep to.
type caller struct {
	*probe.Client
	t *testing.T
	// givenUp counts the calls that the service gave up, and that were sent again.
	givenUp atomic.Int64
}

// machine returns a caller with the token of a machine that has both scopes.
func machine(t *testing.T) *caller { return withToken(t, local.machine) }

// anonymous returns a caller without a token.
func anonymous(t *testing.T) *caller { return withToken(t, "") }

func withToken(t *testing.T, token string) *caller {
	return &caller{Client: &probe.Client{Base: local.Info.APIURL, Token: token, HTTP: transport}, t: t}
}

var ids atomic.Int64

// equipment makes an equipment id that no other test uses.
func equipment(t *testing.T) string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && regexp.MustCompile(`[A-Za-z0-9_.-]`).MatchString(string(r)) {
			return r
		}
		return '.'
	}, t.Name())
	return fmt.Sprintf("%.60s-%d", name, ids.Add(1))
}

// recent is an instant at which readings may be stored and that every window covers: half past the hour two hours ago.
func recent() time.Time { return time.Now().UTC().Truncate(time.Hour).Add(-90 * time.Minute) }

func stamp(t time.Time) string { return t.Format(time.RFC3339Nano) }

// good sends a request that keeps to the description and expects a status.
func (c *caller) good(call probe.Call, status int) probe.Answer {
	c.t.Helper()
	return c.exchange(call, false, status)
}

// bad sends a request that is wrong on purpose and expects a status.
func (c *caller) bad(call probe.Call, status int) problem {
	c.t.Helper()
	return c.problem(c.exchange(call, true, status))
}

func (c *caller) exchange(call probe.Call, bad bool, status int) probe.Answer {
	c.t.Helper()
	var got probe.Answer
	await.NoError(c.t, 3*time.Minute, func() error {
		var gaveUp bool
		if got, gaveUp = c.answer(call, bad); !gaveUp || status == http.StatusServiceUnavailable {
			return nil
		}
		c.givenUp.Add(1)
		return fmt.Errorf("%s %s is given up each time: %s", got.Request.Method, call.Path, got.Body)
	})
	if got.Status != status {
		c.t.Fatalf("%s %s %.200q: status %d, want %d: %.400s", got.Request.Method, call.Path, call.Body, got.Status, status, got.Body)
	}
	return got
}

// answer sends a request once. It tells whether the service gave it up, as it does with what a busy machine has not done after seconds,
// and while it has not heard from its table for so long that it cannot tell who was logged out: the client is to send it again. A
// refusal that comes sooner has another reason.
func (c *caller) answer(call probe.Call, bad bool) (got probe.Answer, gaveUp bool) {
	c.t.Helper()
	const tries = 2 * time.Second
	began := time.Now()
	got, err := c.Do(c.t.Context(), call)
	if err != nil {
		c.t.Fatal(err)
	}
	c.check(call.Body, bad, got)
	return got, got.Status == http.StatusServiceUnavailable && (time.Since(began) > tries || strings.Contains(string(got.Body), "was logged out"))
}

// leak is what no client may see: traces, addresses and names of the things behind the API.
var leak = regexp.MustCompile(`(?i)goroutine \d|\.go:\d|panic|arn:aws|amazonaws|dynamodb|sdk|Exception|127\.0\.0\.1|` +
	`\b(Readings|Aggregates|Uploads|Revocations)-|account|/runtime/|smithy`)

// check holds an answer against the description and against what every answer must keep to.
func (c *caller) check(sent []byte, bad bool, got probe.Answer) {
	c.t.Helper()
	local.spec.check(c.t, sent, bad, got)
	if got.Header.Get("X-Request-Id") == "" {
		c.t.Errorf("%s %s: no X-Request-Id", got.Request.Method, got.Request.URL.Path)
	}
	if got.Status >= http.StatusBadRequest && got.Request.Method != http.MethodHead {
		c.problem(got)
	}
}

// problem is an error answer.
type problem struct {
	Type, Title, Detail, Message, RequestID string
	Status                                  int
	Errors                                  []struct{ Field, Reason string }
	header                                  http.Header
}

// fields lists the fields that the answer names, in order.
func (p problem) fields() string {
	names := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		names[i] = e.Field
	}
	return strings.Join(names, ",")
}

// problem checks the form of an error answer.
func (c *caller) problem(got probe.Answer) problem {
	c.t.Helper()
	where := fmt.Sprintf("%s %s: status %d", got.Request.Method, got.Request.URL.Path, got.Status)
	var members map[string]any
	p := problem{header: got.Header}
	if err := json.Unmarshal(got.Body, &members); err != nil {
		c.t.Fatalf("%s with a body that is no problem: %.300q", where, got.Body)
	}
	if err := got.Decode(&p); err != nil {
		c.t.Fatalf("%s: %v", where, err)
	}
	if media := got.Header.Get("Content-Type"); media != "application/problem+json" {
		c.t.Errorf("%s has the Content-Type %q", where, media)
	}
	if message, isText := members["message"].(string); !isText || message == "" {
		c.t.Errorf("%s: message is not a sentence: %s", where, got.Body)
	}
	if p.Type == "" || p.Title == "" || p.Detail == "" || p.Status != got.Status {
		c.t.Errorf("%s: incomplete problem %s", where, got.Body)
	}
	if found := leak.FindString(string(got.Body)); found != "" {
		c.t.Errorf("%s: the answer gives away %q: %s", where, found, got.Body)
	}
	switch {
	case got.Status == http.StatusUnauthorized && got.Header.Get("WWW-Authenticate") == "":
		c.t.Errorf("%s without WWW-Authenticate", where)
	case got.Status == http.StatusMethodNotAllowed && got.Header.Get("Allow") == "":
		c.t.Errorf("%s without Allow", where)
	case (got.Status == http.StatusTooManyRequests || got.Status == http.StatusServiceUnavailable) && got.Header.Get("Retry-After") == "":
		c.t.Errorf("%s without Retry-After", where)
	}
	return p
}

// decode reads an answer's JSON.
func decode[T any](t *testing.T, got probe.Answer) T {
	t.Helper()
	var into T
	if err := got.Decode(&into); err != nil {
		t.Fatal(err)
	}
	return into
}

// oneReading writes a reading as JSON; the value is JSON text.
func oneReading(id, timestamp, value string) string {
	return fmt.Sprintf(`{"equipmentId":%s,"timestamp":%s,"value":%s}`, quoted(id), quoted(timestamp), value)
}

func quoted(text string) string {
	b, _ := json.Marshal(text) // strings can always be encoded
	return string(b)
}

// send stores one reading and returns its id.
func (c *caller) send(id string, at time.Time, value string) string {
	c.t.Helper()
	got := c.good(probe.Call{Path: "/sensor-data", Body: []byte(oneReading(id, stamp(at), value))}, http.StatusCreated)
	saved := decode[struct{ Message, ID string }](c.t, got)
	if saved.Message != "Data saved successfully" || saved.ID == "" {
		c.t.Errorf("the answer to a reading is %s", got.Body)
	}
	return saved.ID
}

// item is a raw reading; the value keeps its text.
type item struct {
	EquipmentID, Timestamp, RegisterTime string
	Value                                json.Number
}

type itemsPage struct {
	Items      []item
	NextCursor string
}

// stored reads the first page of an equipment's readings as "timestamp value".
func (c *caller) stored(id string) []string {
	c.t.Helper()
	page := decode[itemsPage](c.t, c.good(probe.Call{Path: "/sensor-data?limit=1000&equipmentId=" + id}, http.StatusOK))
	lines := make([]string, len(page.Items))
	for i, one := range page.Items {
		lines[i] = one.Timestamp + " " + one.Value.String()
	}
	return lines
}

// hours asks for an equipment's aggregates until they are as wanted, at most as long as they may take: each hour as
// "start count total". It returns them.
func (c *caller) hours(id, interval string, want ...string) probe.Page {
	c.t.Helper()
	const within = 3 * time.Minute // the suite keeps the machine busy; that fresh means 2 s has a test of its own
	var page probe.Page
	await.NoError(c.t, within, func() error {
		page = decode[probe.Page](c.t, c.good(probe.Call{Path: "/sensor-data/aggregated?interval=" + interval + "&equipmentId=" + id}, http.StatusOK))
		got := make([]string, len(page.Items))
		for i, one := range page.Items {
			got[i] = fmt.Sprintf("%d %d %s", one.IntervalStart, one.SampleCount, one.TotalValue)
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("the aggregates of %s are\n%s\nwant\n%s", id, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		return nil
	})
	return page
}

// hourLine is how caller.hours writes an hour.
func hourLine(at time.Time, count int, total string) string {
	return fmt.Sprintf("%d %d %s", at.UTC().Truncate(time.Hour).Unix(), count, total)
}

func basic(username, password string) map[string]string {
	return map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))}
}
