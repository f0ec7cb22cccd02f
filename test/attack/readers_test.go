package attack_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/system"
)

// pageFill is how many readings are stored at a time; the emulator is slow where others use the machine as well.
const pageFill = 500

// store sends readings until they are stored.
func (s *target) store(t *testing.T, lines []byte) {
	t.Helper()
	await.NoError(t, time.Minute, func() error {
		answer, err := s.Client.Do(t.Context(), probe.Call{
			Path: "/sensor-data/batch", Body: lines, Header: map[string]string{"Content-Type": "application/x-ndjson"},
		})
		if err == nil && answer.Status != http.StatusCreated {
			err = fmt.Errorf("%d %.300s", answer.Status, answer.Body)
		}
		return err
	})
}

// pageItems is how many rows the largest page has.
const pageItems = contract.AggregatesPageMax

// deafClients ask for the largest page and do not read it.
func deafClients(t *testing.T, s *target) {
	s.fillAggregates(t)
	const clients = 400
	path := fmt.Sprintf("/sensor-data/aggregated?interval=24h&limit=%d", pageItems)
	var work sync.WaitGroup
	for range clients {
		work.Go(func() {
			if conn := s.dial(t); conn != nil {
				_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", path, s.Client.Token)
			}
		})
	}
	work.Wait()
	var took []time.Duration
	got := status{}
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		began := time.Now()
		answer, err := s.Client.Do(t.Context(), probe.Call{Path: "/sensor-data?limit=10&equipmentId=" + pageEquipment(1)})
		if err != nil {
			t.Error(err)
			continue
		}
		got[answer.Status]++
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("beside %d clients that do not read their page of %d items, small pages: %v, half of them within %v, all within %v", clients, pageItems, got,
		took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	if share := got.share(http.StatusOK); share < 1 {
		t.Errorf("%.0f %% of the small pages were answered with 200, want all", 100*share)
	}
	staysBelowTheLimit(t, s)
	if _, most := s.memory(t); most > int64(deafBytesMax) {
		t.Errorf("the API held %.0f MiB, more than %.0f", system.Mebibytes(most), system.Mebibytes(deafBytesMax))
	}
}

// deafBytesMax is what clients that do not read may make the API hold in all.
const deafBytesMax = 200 << 20

// longestValue has as many digits as a value may have.
const longestValue = "123456789012345678901234567.12345678901"

// pageEquipment has as long a name as an equipment may have.
func pageEquipment(n int) string { return fmt.Sprintf("%0*d", contract.EquipmentIDCharsMax, n) }

// fillAggregates stores a reading of each of so many equipments and waits until all have their row.
func (s *target) fillAggregates(t *testing.T) {
	t.Helper()
	at := time.Now().UTC().Truncate(time.Hour).Format(time.RFC3339)
	for from := 1; from <= pageItems; from += pageFill {
		var lines []byte
		for n := from; n < from+pageFill && n <= pageItems; n++ {
			lines = fmt.Appendf(lines, "{\"equipmentId\":%q,\"timestamp\":%q,\"value\":%s}\n", pageEquipment(n), at, longestValue)
		}
		s.store(t, lines)
	}
	await.NoError(t, 2*time.Minute, func() error {
		pages, err := s.Client.Aggregates(t.Context(), "24h", "", pageItems)
		if err == nil && pages[0].TotalCount < pageItems {
			err = fmt.Errorf("the aggregates of %d readings are there", pages[0].TotalCount)
		}
		return err
	})
}
