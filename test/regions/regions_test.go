package regions_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/system"
)

// regionDelay is how long a write takes from region to region, and some more where the machine is busy.
const regionDelay = 300 * time.Millisecond

// drill is two regions with a client of each.
type drill struct {
	*stack.Regions
	t      *testing.T
	log    *capture.Buffer
	first  *member
	second *member
}

// member is a region and a client of it, which has a token of the other region.
type member struct {
	*stack.Stack
	client *probe.Client
}

func start(t *testing.T) *drill {
	t.Helper()
	d := &drill{t: t, log: &capture.Buffer{}}
	build(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	load := watchLoad()
	var err error
	if d.Regions, err = stack.StartRegions(ctx, stack.RegionsOptions{
		Options: stack.Options{Log: d.log, Environ: []string{"IGNORED=1"}}, Count: 2, Delay: regionDelay,
	}); err != nil {
		t.Fatalf("%v\n%s", err, d.log)
	}
	t.Cleanup(func() {
		_ = d.Stop() // how a stack ends is for its own tests
		if t.Failed() {
			file := filepath.Join(os.TempDir(), "sensorflow-"+t.Name()+".log")
			_ = os.WriteFile(file, []byte(d.log.String()), 0o600)
			t.Logf("the regions' log is in %s", file)
		}
	})
	load.readyWithin(t, readyMax)
	d.first, d.second = d.member(0, 1), d.member(1, 0)
	return d
}

func (d *drill) member(of, tokenFrom int) *member {
	d.t.Helper()
	client := &probe.Client{Base: d.Info.Regions[of].APIURL, Token: d.token(tokenFrom), HTTP: probe.NewHTTP()}
	return &member{d.Stacks[of], client}
}

// readyMax is how long two regions may take to start once everything is built, on a machine that does nothing else.
const readyMax = 15 * time.Second

// memoryMax is what two regions may hold in memory, all processes together, this one included.
const memoryMax = 800 << 20

// fits checks what all processes hold in memory now.
func (d *drill) fits() {
	d.t.Helper()
	var sum int64
	var parts []string
	for part, pids := range d.PIDs() {
		for _, pid := range pids {
			now, _ := system.Memory(d.t, pid)
			sum += now
			parts = append(parts, fmt.Sprintf("%s %.0f", part, system.Mebibytes(now)))
		}
	}
	slices.Sort(parts)
	d.t.Logf("all processes hold %.0f MiB: %s", system.Mebibytes(sum), strings.Join(parts, ", "))
	if sum > memoryMax {
		d.t.Errorf("%d bytes are more than %d", sum, memoryMax)
	}
}

// token asks a region's own endpoint.
func (d *drill) token(of int) string {
	d.t.Helper()
	token, err := probe.MachineToken(d.t.Context(), d.Info.Regions[of].TokenURL, d.Info.ClientID, d.Info.ClientSecret)
	if err != nil {
		d.t.Fatal(err)
	}
	return token
}

// items are everything that a table holds, as text, in the order of the keys.
func (d *drill) items(m *member, table contract.Table) []string {
	d.t.Helper()
	name := m.Tables[table.Name]
	pages := dynamodb.NewScanPaginator(probe.NewDynamoDB(m.Region, m.DynamoDBEndpoint), &dynamodb.ScanInput{TableName: &name, ConsistentRead: aws.Bool(true)})
	var all []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(d.t.Context())
		if err != nil {
			d.t.Fatal(err)
		}
		for _, item := range page.Items {
			all = append(all, textOf(item, table.Key))
		}
	}
	slices.Sort(all)
	return all
}

func textOf(item map[string]types.AttributeValue, key contract.Key) string {
	var parts []string
	for name, value := range item {
		if set, is := value.(*types.AttributeValueMemberSS); is {
			slices.Sort(set.Value)
		}
		text := fmt.Sprint(reflect.ValueOf(value).Elem().Field(0))
		if number, is := value.(*types.AttributeValueMemberN); is { // DynamoDB Local writes 1E3 and 1000
			text = probe.Number(number.Value).RatString()
		}
		parts = append(parts, name+"="+text)
	}
	slices.Sort(parts)
	var head []string
	for _, name := range []string{key.Partition, key.Sort} {
		head = append(head, fmt.Sprint(reflect.ValueOf(item[name]).Elem().Field(0)))
	}
	return strings.Join(append(head, parts...), " ")
}

// equal waits until the global tables of both regions hold the same.
func (d *drill) equal(within time.Duration) {
	d.t.Helper()
	for _, table := range contract.Tables() {
		if !table.Global {
			continue
		}
		await.NoError(d.t, within, func() error {
			first, second := d.items(d.first, table), d.items(d.second, table)
			for _, item := range first {
				if _, found := slices.BinarySearch(second, item); !found {
					return fmt.Errorf("%s: %d and %d items; only the first region has %s", table.Name, len(first), len(second), item)
				}
			}
			if len(first) != len(second) {
				return fmt.Errorf("%s: the first region has %d items, the second %d", table.Name, len(first), len(second))
			}
			return nil
		})
	}
}

// readings scans a region's table.
func (d *drill) readings(m *member) []probe.Stored {
	d.t.Helper()
	all, err := probe.Readings(d.t.Context(), probe.NewDynamoDB(m.Region, m.DynamoDBEndpoint), m.Tables[contract.ReadingsTable().Name])
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// exact waits until what a region answers is what its readings give, for the fleet and for each equipment.
func (d *drill) exact(m *member, within time.Duration) {
	d.t.Helper()
	const interval, hours = "1w", 168
	ctx, cancel := context.WithTimeout(d.t.Context(), within)
	defer cancel()
	now := time.Now()
	stored := probe.Within(d.readings(m), now, hours)
	byEquipment := map[string][]probe.Stored{"": stored}
	for _, r := range stored {
		byEquipment[r.EquipmentID] = append(byEquipment[r.EquipmentID], r)
	}
	for id, of := range byEquipment {
		err := await.Until(ctx, func() error {
			pages, err := m.client.Aggregates(d.t.Context(), interval, id, 1000)
			if err != nil {
				return err
			}
			if found := probe.Differences(of, pages); len(found) > 0 {
				return errors.New(found[0])
			}
			return nil
		})
		if time.Now().Truncate(time.Hour) != now.Truncate(time.Hour) {
			d.t.Skip("the hour ended meanwhile")
		}
		if err != nil {
			d.t.Errorf("%s, %q: %v", m.Region, id, err)
		}
	}
	d.t.Logf("%s: %d readings of %d equipments are aggregated exactly", m.Region, len(stored), len(byEquipment)-1)
}

// nothingGivenUp checks that no record and no message was put aside.
func (d *drill) nothingGivenUp(m *member) {
	d.t.Helper()
	for name, q := range map[string]*sqslocal.Queue{"records": m.StreamFailures, "records for good": m.StreamDeadLetters, "files": m.DeadLetters} {
		if depth := q.Depth(); depth != (sqslocal.Depth{}) {
			d.t.Errorf("%s: %s were given up: %+v", m.Region, name, depth)
		}
	}
}

func newDice(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(rand.Uint64(), stream)) }
