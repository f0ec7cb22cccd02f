package permission

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
)

// Watch records what the parts of local systems call, for the tests of one package, as if the template's roles called it.
type Watch struct {
	by       string
	recorder *Recorder
}

// NewWatch is for the tests of a package, such as contract of test/contract.
func NewWatch(by string) *Watch { return &Watch{by: by, recorder: NewRecorder()} }

// region stands for every region in the table.
const region = "REGION"

// roles are those of the parts.
var roles = map[string]string{
	stack.PartAPI:          "SensorFlowApiTaskRole",
	stack.PartCSVProcessor: "SensorFlowProcessingCsvProcessorRole",
	stack.PartAggregator:   "SensorFlowProcessingAggregatorRole",
	stack.PartRepairer:     "SensorFlowProcessingRepairerRole",
}

// Observe is for stack.Options.
func (w *Watch) Observe(part string, r *http.Request) {
	role := roles[part]
	if role == "" {
		role = part // which the table does not have
	}
	w.recorder.ObserveAs(role, region, r)
}

// names are pairs of names: of the local system's resources, and of the template's.
var names = []string{
	":table/SensorFlow-", ":table/",
	"arn:aws:s3:::sensorflow-uploads", "arn:aws:s3:::SensorFlowUploadsBucket",
	":sensorflow-csv", ":SensorFlowProcessingCsvQueue",
	":sensorflow-stream-failures-dead", ":SensorFlowProcessingStreamDeadLetters",
	":sensorflow-stream-failures", ":SensorFlowProcessingStreamFailures",
}

// streamName is the time that a stream of DynamoDB Local is called by.
var streamName = regexp.MustCompile(`/stream/.*`)

// asInTheTable is the name of a resource of the local system as the table has it.
func asInTheTable(name string) string {
	return streamName.ReplaceAllString(strings.NewReplacer(names...).Replace(name), "/stream/…")
}

// Problems are calls that the table does not allow, and where it says otherwise of what the package uses. The latter can be told
// where all tests of the package have run, and ended well: whole says so.
func (w *Watch) Problems(whole bool) ([]string, error) {
	t, err := read()
	if err != nil {
		return nil, err
	}
	var problems []string
	for _, request := range w.recorder.Strange() {
		problems = append(problems, "a request is not understood: "+request)
	}
	plain := w.recorder.renamed(asInTheTable)
	statements := t.statements()
	for _, role := range plain.Roles() {
		for _, c := range plain.Refused(role, statements[role]) {
			problems = append(problems, fmt.Sprintf("no statement allows %s to call %s on %s", role, c.Action, c.Resource))
		}
	}
	slices.Sort(problems)
	if !whole || len(problems) > 0 {
		return problems, nil
	}
	used := map[Grant]bool{}
	for g := range t {
		used[g] = plain.Has(g.Role, g.statement())
	}
	return finish(t, t.mark(w.by, used))
}

// renamed is a recorder that has seen the same calls on resources of other names.
func (r *Recorder) renamed(rename func(string) string) *Recorder {
	r.mu.Lock()
	defer r.mu.Unlock()
	other := NewRecorder()
	for c, conditions := range r.calls {
		c.Resource = rename(c.Resource)
		other.calls[c] = conditions
	}
	return other
}
