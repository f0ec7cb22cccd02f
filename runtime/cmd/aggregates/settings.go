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

// parse reads the command line. What is wrong with the flags is written to messages.
func parse(args []string, region string, messages io.Writer) (s settings, err error) {
	verb := ""
	if len(args) > 0 {
		verb, args = args[0], args[1:]
	}
	if verb != "audit" && verb != "repair" && verb != "adopt" {
		_, _ = io.WriteString(messages, usage)
		if verb == "help" || verb == "-h" || verb == "-help" || verb == "--help" {
			return s, errHelp
		}
		return s, fmt.Errorf("say audit, repair or adopt first, got %q", verb)
	}
	s.repair, s.adopt = verb != "audit", verb == "adopt"
	s.scope = repair.Everything(region)
	var equipment, from, to string
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.Usage = func() {
		_, _ = io.WriteString(messages, usage)
		flags.PrintDefaults()
	}
	if s.adopt { // all or nothing
		flags.StringVar(&s.scope.Region, "region", "", "the region that has left for good")
	} else {
		flags.StringVar(&equipment, "equipment", "", "one equipment's rows alone, without the fleet's unless -fleet is given")
		flags.StringVar(&from, "from", "", "the first UTC hour, such as 2026-03-01T08")
		flags.StringVar(&to, "to", "", "the UTC hour before which to end")
		flags.StringVar(&s.scope.Region, "region", region, "whose rows: this region's, or those of one that has left and was adopted")
		flags.BoolVar(&s.scope.Fleet, "fleet", true, "also the fleet's rows of these days, which are compared with those of all equipments")
	}
	flags.IntVar(&s.readsPerSecond, "reads", readsPerSecondDefault, "the most read units a second; one is up to 4 KB")
	flags.IntVar(&s.concurrency, "concurrency", repair.ConcurrencyDefault, "how many equipments are worked on at once")
	flags.StringVar(&s.placeFile, "place", verb+".place.json", "file that keeps the place while the work is not finished; empty for none")
	flags.BoolVar(&s.verbose, "v", false, "also tell of rows that were being written each time")
	if !s.repair {
		flags.IntVar(&s.sample, "sample", 0, "compare so many rows that are drawn by chance, by default of the last 30 days, and two days of the fleet")
		flags.DurationVar(&s.settle, "settle", repair.SettleDefault,
			"how long to wait before a second look at what differs; longer than the aggregates lag behind the readings")
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return s, errHelp
		}
		return s, fmt.Errorf("read the flags: %w", err)
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if equipment != "" {
		fleetNamed := false
		flags.Visit(func(f *flag.Flag) { fleetNamed = fleetNamed || f.Name == "fleet" })
		s.scope.Fleet = s.scope.Fleet && fleetNamed
	}
	return s, s.complete(equipment, from, to, time.Now())
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

// complete checks the flags and fills the scope in.
func (s *settings) complete(equipment, from, to string, now time.Time) error {
	var errs []error
	if equipment != "" {
		id, err := reading.ParseEquipmentID(equipment)
		if err != nil {
			errs = append(errs, fmt.Errorf("-equipment %w", err))
		}
		s.scope.EquipmentID = id
	}
	if s.sample > 0 {
		s.scope.From, s.scope.Through = reading.Hour(now.Add(-sampleWindow)), reading.Hour(now.Add(contract.FutureMax))
	}
	if from != "" {
		hour, err := time.Parse(hourLayout, from)
		if err != nil {
			errs = append(errs, fmt.Errorf("-from must be an hour such as 2026-03-01T08, got %q", from))
		}
		s.scope.From = hour
	}
	if to != "" {
		hour, err := time.Parse(hourLayout, to)
		if err != nil {
			errs = append(errs, fmt.Errorf("-to must be an hour such as 2026-03-01T08, got %q", to))
		}
		s.scope.Through = hour.Add(-time.Hour)
	}
	if len(errs) == 0 && s.scope.Through.Before(s.scope.From) {
		errs = append(errs, errors.New("-to must be later than -from"))
	}
	if s.scope.Region == "" {
		errs = append(errs, errors.New("-region must name a region"))
	}
	for name, n := range map[string]int{"-reads": s.readsPerSecond, "-concurrency": s.concurrency} {
		if n < 1 {
			errs = append(errs, fmt.Errorf("%s must be at least 1, got %d", name, n))
		}
	}
	if s.sample < 0 {
		errs = append(errs, fmt.Errorf("-sample must not be negative, got %d", s.sample))
	}
	if s.settle <= 0 && !s.repair {
		errs = append(errs, fmt.Errorf("-settle must be above 0, got %s", s.settle))
	}
	return errors.Join(errs...)
}
