package simulation_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// register is one reading of one region as its clients see it: a register that requests set, and whose every value is known, as
// somebody reads it consistently after each change. Its history must be linearizable, as invariant I1 says it:
//
//   - Each request takes effect at most once, at a moment after it began, and before its end if it was acknowledged.
//   - One that was acknowledged does take effect. Another one may do so at the same moment, before anybody has read it.
//   - One that was not acknowledged may, and not after one that was acknowledged and began after its end; but it may overtake one
//     that began within the time by which the clocks of two tasks differ.
//
// What other regions, operators and time to live do to the item is no request and not judged: what began before is free from then on.
type register struct {
	requests []*request
	changes  []change
}

// request is one write of one reading, by a call or by a row of a file.
type request struct {
	what  string
	value string // that the reading is to have; empty where it is to have none
	// version is what a task's clock said when the request began.
	version reading.Version
	// start and over count the events of the history; over is 0 while the client waits.
	start, over  int
	acknowledged bool
}

// change is a moment at which the reading got another value, empty where it has none since.
type change struct {
	at      int
	value   string
	foreign bool // no request of the region made it
}

func (r *register) value() string {
	if len(r.changes) == 0 {
		return ""
	}
	return r.changes[len(r.changes)-1].value
}

// set notes what the reading is from now on.
func (r *register) set(at int, value string, foreign bool) {
	if foreign || value != r.value() {
		r.changes = append(r.changes, change{at, value, foreign})
	}
}

// check tells what of the history is not linearizable.
func (r *register) check() error { return errors.Join(r.explained(), r.kept()) }

// explained tells whether each change was made by a request.
func (r *register) explained() error {
	since, segment := 0, []change(nil)
	for _, c := range r.changes {
		if !c.foreign {
			segment = append(segment, c)
			continue
		}
		if err := r.explain(since, segment); err != nil {
			return err
		}
		since, segment = c.at, nil
	}
	return r.explain(since, segment)
}

// explain gives each change since a foreign one a request of its own that made it.
func (r *register) explain(since int, changes []change) error {
	maker := make([]int, len(r.requests)) // the change that a request made, counted from 1
	var assign func(i int, tried []bool) bool
	assign = func(i int, tried []bool) bool {
		for j, q := range r.requests {
			if tried[j] || !r.mayMake(q, changes[i], since) {
				continue
			}
			tried[j] = true
			if maker[j] == 0 || assign(maker[j]-1, tried) {
				maker[j] = i + 1
				return true
			}
		}
		return false
	}
	for i, c := range changes {
		if r.free(since, c) {
			continue
		}
		if !assign(i, make([]bool, len(r.requests))) {
			return fmt.Errorf("at %d it became %q, which no request may have done by then\n%s", c.at, c.value, r)
		}
	}
	return nil
}

// free tells whether a request made the change that began before somebody else wrote.
func (r *register) free(since int, c change) bool {
	return since > 0 && slices.ContainsFunc(r.requests, func(q *request) bool { return q.start <= since && q.value == c.value })
}

// mayMake tells whether the request may be what made the change.
func (r *register) mayMake(q *request, c change, since int) bool {
	if q.value != c.value || q.start <= since || q.start > c.at {
		return false
	}
	if q.acknowledged {
		return c.at <= q.over
	}
	return q.over == 0 || !slices.ContainsFunc(r.requests, func(later *request) bool {
		return later.acknowledged && later.start > q.over && later.start > since && later.over <= c.at && later.version > q.version
	})
}

// kept tells whether every acknowledged request took effect: the reading had its value, or got another one right after it.
func (r *register) kept() error {
	for _, q := range r.requests {
		if !q.acknowledged {
			continue
		}
		value, kept := "", false
		for _, c := range r.changes {
			if c.at > q.over {
				break
			}
			if value = c.value; c.at > q.start {
				kept = true
			}
		}
		if !kept && value != q.value && !r.superseded(q, value) {
			return fmt.Errorf("%s was acknowledged at %d, and the reading was %q all the time\n%s", q.what, q.over, value, r)
		}
	}
	return nil
}

// superseded tells whether another request, at the same time, may have given the reading the value that it had all the time, right
// after q had given it its own. It must not be the one that brought the value in the first place.
func (r *register) superseded(q *request, value string) bool {
	return slices.ContainsFunc(r.requests, func(other *request) bool {
		if other == q || other.value != value || other.start > q.over || other.over != 0 && other.over < q.start {
			return false
		}
		rest := &register{changes: r.changes}
		for _, one := range r.requests {
			if one != other {
				rest.requests = append(rest.requests, one)
			}
		}
		return rest.explained() == nil
	})
}

// String tells the history.
func (r *register) String() string {
	var lines []string
	for _, q := range r.requests {
		end := "its client waits"
		switch {
		case q.acknowledged:
			end = fmt.Sprintf("acknowledged at %d", q.over)
		case q.over > 0:
			end = fmt.Sprintf("over at %d", q.over)
		}
		lines = append(lines, fmt.Sprintf("%9d  %s wants %q at version %s; %s", q.start, q.what, q.value, q.version, end))
	}
	for _, c := range r.changes {
		by := ""
		if c.foreign {
			by = " by somebody else"
		}
		lines = append(lines, fmt.Sprintf("%9d  it became %q%s", c.at, c.value, by))
	}
	slices.Sort(lines)
	text := ""
	for _, line := range lines {
		text += line + "\n"
	}
	return text
}

func TestRegister_TellsWhatIsLinearizable(t *testing.T) {
	at := func(n int) reading.Version { return reading.VersionAt(firstHour).Row(int64(n)) }
	acked := func(value string, start, over int) *request {
		return &request{what: "an acknowledged request", value: value, version: at(start), start: start, over: over, acknowledged: true}
	}
	dropped := func(value string, start, over int) *request {
		return &request{what: "a request", value: value, version: at(start), start: start, over: over}
	}
	ahead := func(q *request, by int) *request { q.version = at(q.start + by); return q }
	to := func(at int, value string) change { return change{at: at, value: value} }
	foreign := func(at int, value string) change { return change{at, value, true} }
	for name, c := range map[string]struct {
		requests []*request
		changes  []change
		right    bool
	}{
		"one after the other":                   {[]*request{acked("a", 1, 3), acked("b", 4, 6)}, []change{to(2, "a"), to(5, "b")}, true},
		"at the same time, in any order":        {[]*request{acked("a", 1, 6), acked("b", 2, 5)}, []change{to(3, "b"), to(4, "a")}, true},
		"superseded at once":                    {[]*request{acked("a", 1, 6), acked("b", 2, 5)}, []change{to(3, "b")}, true},
		"superseded by what is there":           {[]*request{acked("b", 1, 3), acked("a", 4, 8), acked("b", 5, 7)}, []change{to(2, "b")}, true},
		"superseded by what was there before":   {[]*request{acked("b", 1, 3), acked("a", 4, 8)}, []change{to(2, "b")}, false},
		"superseded by what brought the value":  {[]*request{dropped("b", 1, 9), acked("a", 4, 8)}, []change{to(2, "b")}, false},
		"acknowledged and never there":          {[]*request{acked("a", 1, 3)}, nil, false},
		"acknowledged before it was there":      {[]*request{acked("a", 1, 3)}, []change{to(4, "a")}, false},
		"the same value again":                  {[]*request{acked("a", 1, 3), acked("a", 4, 5)}, []change{to(2, "a")}, true},
		"undone by a request that was over":     {[]*request{dropped("a", 1, 2), acked("b", 3, 5)}, []change{to(4, "b"), to(6, "a")}, false},
		"undone by one that was not over":       {[]*request{dropped("a", 1, 4), acked("b", 3, 5)}, []change{to(4, "b"), to(6, "a")}, true},
		"undone by one whose clock was ahead":   {[]*request{ahead(dropped("a", 1, 2), 9), acked("b", 3, 5)}, []change{to(4, "b"), to(6, "a")}, true},
		"not acknowledged, and there in time":   {[]*request{dropped("a", 1, 2), acked("b", 3, 6)}, []change{to(4, "a"), to(5, "b")}, true},
		"an acknowledged value that comes back": {[]*request{acked("a", 1, 3), acked("b", 4, 6)}, []change{to(2, "a"), to(5, "b"), to(7, "a")}, false},
		"a value that shows twice":              {[]*request{dropped("a", 1, 9), acked("b", 2, 6)}, []change{to(3, "a"), to(5, "b"), to(7, "a")}, false},
		"two requests of one value":             {[]*request{dropped("a", 1, 9), dropped("a", 2, 9), acked("b", 2, 6)}, []change{to(3, "a"), to(5, "b"), to(7, "a")}, true},
		"a value that nobody wanted":            {[]*request{acked("a", 1, 3)}, []change{to(2, "a"), to(5, "b")}, false},
		"a deletion that is undone":             {[]*request{dropped("a", 1, 2), acked("", 3, 5)}, []change{to(6, "a")}, false},
		"a deletion, and a newer value":         {[]*request{acked("a", 1, 3), acked("", 4, 6), acked("b", 7, 9)}, []change{to(2, "a"), to(5, ""), to(8, "b")}, true},
		"another region's value":                {[]*request{acked("a", 1, 3)}, []change{to(2, "a"), foreign(4, "x")}, true},
		"undone after another region's value":   {[]*request{dropped("a", 1, 2), acked("b", 3, 5)}, []change{to(4, "b"), foreign(6, "x"), to(7, "a")}, true},
		"from before another region's, twice":   {[]*request{acked("a", 1, 3)}, []change{to(2, "a"), foreign(4, "x"), to(5, "a"), foreign(6, "y"), to(7, "a")}, true},
		"undone later than another region's": {
			[]*request{dropped("a", 5, 6), acked("b", 7, 9)}, []change{foreign(4, "x"), to(8, "b"), to(10, "a")}, false,
		},
	} {
		r := &register{c.requests, c.changes}
		if err := r.check(); (err == nil) != c.right {
			t.Errorf("%s: %v", name, err)
		}
	}
}
