package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

const (
	hourLayout = "2006-01-02T15"

	readsPerSecondDefault = 500
	// sampleWindow is what a sample is drawn from where no hours are named.
	sampleWindow = 30 * 24 * time.Hour
	// sampleDays is how many days of the fleet belong to a sample.
	sampleDays = 2
)

// settings are what the command line says.
type settings struct {
	repair         bool // adoptions included
	adopt          bool
	scope          repair.Scope
	sample         int
	settle         time.Duration
	readsPerSecond int
	concurrency    int
	placeFile      string
	verbose        bool
}

var errHelp = errors.New("help was asked for")

const usage = `usage: aggregates audit|repair|adopt [flags]

audit compares the aggregates with the readings and writes nothing. Status: 0 all right, 1 something differs, 2 not finished.
repair sets them to what the readings give. Status: 0 all right now, 1 something could not be mended, 2 not finished.
Without -equipment, -from or -to it is everything.
adopt repairs everything of a region that has left for good, named by -region, once all that it has replicated has arrived and every
invocation of the aggregator names it in ADOPTED_REGIONS. Status: 0 adopted, 1 not all of it yet: run it again, 2 not finished.
When it is stopped, the same command goes on from where it was.

`

// written are the flags that name a part of the rows, as they are written.
type written struct{ equipment, from, to string }

// parse reads the command line. What is wrong with the flags is written to messages.
func parse(args []string, region string, messages io.Writer) (s settings, err error) {
	verb := ""
	if len(args) > 0 {
		verb, args = args[0], args[1:]
	}
	switch verb {
	case "audit", "repair", "adopt":
		s.repair, s.adopt = verb != "audit", verb == "adopt"
	case "help", "-h", "-help", "--help":
		_, _ = io.WriteString(messages, usage)
		return s, errHelp
	default:
		_, _ = io.WriteString(messages, usage)
		return s, fmt.Errorf("say audit, repair or adopt first, got %q", verb)
	}
	s.scope = repair.Everything(region)
	var w written
	flags := s.flags(verb, region, &w)
	flags.SetOutput(messages)
	flags.Usage = func() {
		_, _ = io.WriteString(messages, usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return s, errHelp
	} else if err != nil {
		return s, fmt.Errorf("read the flags: %w", err)
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if w.equipment != "" {
		fleetNamed := false
		flags.Visit(func(f *flag.Flag) { fleetNamed = fleetNamed || f.Name == "fleet" })
		s.scope.Fleet = s.scope.Fleet && fleetNamed
	}
	return s, errors.Join(s.narrow(w, time.Now()), s.check())
}

// flags are those that the verb has.
func (s *settings) flags(verb, region string, w *written) *flag.FlagSet {
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	if s.adopt { // all or nothing
		flags.StringVar(&s.scope.Region, "region", "", "the region that has left for good")
	} else {
		flags.StringVar(&w.equipment, "equipment", "", "one equipment's rows alone, without the fleet's unless -fleet is given")
		flags.StringVar(&w.from, "from", "", "the first UTC hour, such as 2026-03-01T08")
		flags.StringVar(&w.to, "to", "", "the UTC hour before which to end")
		flags.StringVar(&s.scope.Region, "region", region, "whose rows: this region's, or those of one that has left and was adopted")
		flags.BoolVar(&s.scope.Fleet, "fleet", true, "also the fleet's rows of these days, which are compared with those of all equipments")
	}
	flags.IntVar(&s.readsPerSecond, "reads", readsPerSecondDefault, "the most read units a second; one is up to 4 KB")
	flags.IntVar(&s.concurrency, "concurrency", repair.ConcurrencyDefault, "how many equipments are worked on at once")
	flags.StringVar(&s.placeFile, "place", verb+".place.json", "file that keeps the place while the work is not finished; empty for none")
	flags.BoolVar(&s.verbose, "v", false, "also tell of rows that were being written each time")
	if !s.repair {
		flags.IntVar(&s.sample, "sample", 0, "compare so many different rows that are drawn by chance, or all where there are fewer, by default of the last 30 days, and two days of the fleet")
		flags.DurationVar(&s.settle, "settle", repair.SettleDefault,
			"how long to wait before a second look at what differs; longer than the aggregates lag behind the readings")
	}
	return flags
}

// permit refuses to write rows that another region may be writing: those of each region have one writer.
func (s *settings) permit(region string, adopted []string) error {
	switch {
	case slices.Contains(adopted, s.scope.Region) || !s.repair:
		return nil
	case s.adopt || s.scope.Region != region:
		return fmt.Errorf("-region must be one that %s has adopted, as %s says: %q; got %q", region, contract.EnvAdoptedRegions,
			strings.Join(adopted, ","), s.scope.Region)
	default:
		return nil
	}
}

// narrow narrows the scope to what the flags name.
func (s *settings) narrow(w written, now time.Time) error {
	var errs []error
	if w.equipment != "" {
		id, err := reading.ParseEquipmentID(w.equipment)
		if err != nil {
			errs = append(errs, fmt.Errorf("-equipment %w", err))
		}
		s.scope.EquipmentID = id
	}
	if s.sample > 0 {
		s.scope.From, s.scope.Through = reading.Hour(now.Add(-sampleWindow)), reading.Hour(now.Add(contract.FutureMax))
	}
	if w.from != "" {
		hour, err := time.Parse(hourLayout, w.from)
		if err != nil {
			errs = append(errs, fmt.Errorf("-from must be an hour such as 2026-03-01T08, got %q", w.from))
		}
		s.scope.From = hour
	}
	if w.to != "" {
		hour, err := time.Parse(hourLayout, w.to)
		if err != nil {
			errs = append(errs, fmt.Errorf("-to must be an hour such as 2026-03-01T08, got %q", w.to))
		}
		s.scope.Through = hour.Add(-time.Hour)
	}
	if len(errs) == 0 && s.scope.Through.Before(s.scope.From) {
		errs = append(errs, errors.New("-to must be later than -from"))
	}
	return errors.Join(errs...)
}

// check looks at the other flags.
func (s *settings) check() error {
	var errs []error
	if s.scope.Region == "" {
		errs = append(errs, errors.New("-region must name a region"))
	}
	if s.readsPerSecond < 1 {
		errs = append(errs, fmt.Errorf("-reads must be at least 1, got %d", s.readsPerSecond))
	}
	if s.concurrency < 1 {
		errs = append(errs, fmt.Errorf("-concurrency must be at least 1, got %d", s.concurrency))
	}
	if s.sample < 0 {
		errs = append(errs, fmt.Errorf("-sample must not be negative, got %d", s.sample))
	}
	if s.settle <= 0 && !s.repair {
		errs = append(errs, fmt.Errorf("-settle must be above 0, got %s", s.settle))
	}
	return errors.Join(errs...)
}
