package csvfile_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// randomFile makes a file in which few identities recur often, among rows that are rejected for any reason.
func randomFile(rng *rand.Rand) []byte {
	var b strings.Builder
	if rng.IntN(4) == 0 {
		b.WriteString("\ufeff")
	}
	eol := []string{"\n", "\r\n"}[rng.IntN(2)]
	b.WriteString("timestamp,\"value\",equipmentId" + eol)
	count := rng.IntN(60)
	if rng.IntN(8) == 0 {
		count = 200 + rng.IntN(500) // more than the processor writes at a time
	}
	for i := range count {
		id, second := fmt.Sprintf("E%d", rng.IntN(3)), rng.IntN(3)
		at := fmt.Sprintf("2026-03-01T08:30:%02dZ", second)
		switch rng.IntN(15) {
		case 0:
			b.WriteString("") // an empty line
		case 1:
			fmt.Fprintf(&b, "%s,1", at)
		case 2:
			fmt.Fprintf(&b, "%s,\"%d,%s", at, i, id)
		case 3:
			fmt.Fprintf(&b, "2099-01-01T00:00:00Z,x%d,\"a \"\"b\"\"\"", i)
		case 4:
			fmt.Fprintf(&b, "%s,%d,\xff\xfe%s%[1]s,%[2]d,%[4]s%[3]s%[1]s,-%[2]d,%[4]s", at, i, eol, id) // not most lines
		case 5:
			if rng.IntN(5) == 0 {
				b.WriteString(strings.Repeat("z", contract.CSVRecordBytesMax-1+rng.IntN(5000)))
			}
		case 6:
			fmt.Fprintf(&b, "\"2026-03-01T10:30:%02d+02:00\",\"%d\",\"%s\"", second, i, id)
		case 7: // near the limit of what may lie in the future
			fmt.Fprintf(&b, "%s,%d,%s", epoch.Add(contract.FutureMax).Add(time.Duration(rng.IntN(1200))*time.Second).Format(time.RFC3339), i, id)
		default:
			fmt.Fprintf(&b, "%s,%d,%s", at, i, id)
		}
		b.WriteString(eol)
	}
	if file := b.String(); rng.IntN(3) == 0 {
		return []byte(strings.TrimSuffix(file, eol))
	}
	return []byte(b.String())
}

// TestProcessor_AgreesWithTheReferenceHoweverAFileIsCut takes random files in ranges of any size, which are worked on in any
// order while their messages come twice.
func TestProcessor_AgreesWithTheReferenceHoweverAFileIsCut(t *testing.T) {
	const seeds = 300
	several := 0
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			file := randomFile(rng)
			rangeBytes := 1 + rng.Int64N(int64(len(file))+200)
			if rng.IntN(3) > 0 {
				rangeBytes = 60 + rng.Int64N(300) + int64(len(file)/10)
			}
			f := newFixture(file)
			if seed%3 == 0 {
				f = packedFixture(pack(file[:len(file)/3], file[len(file)/3:]))
			}
			f.pieces = rng.IntN(2) == 0
			f.settle(t, rangeBytes, func(n int) int {
				if i := rng.IntN(n); len(f.queue) < 50 && rng.IntN(4) == 0 {
					f.queue = append(f.queue, f.queue[i]) // it comes once more
				}
				f.now = f.now.Add(time.Duration(rng.IntN(600)) * time.Second)
				return rng.IntN(n)
			})
			f.check(t, file)
			if f.begun != 1 {
				t.Errorf("planned %d times", f.begun)
			}
			if f.upload.Plan.Ranges > 1 {
				several++
			}
			before := f.upload
			for _, body := range []string{s3Event("uploads/" + uploadID + ".csv"), rangeBody("0")} {
				if err := f.process(t, body, rangeBytes); err != nil || f.upload != before {
					t.Errorf("a repeated message: %v, %+v", err, f.upload)
				}
			}
		})
	}
	if several < seeds/3 {
		t.Errorf("only %d files had several ranges", several)
	}
}
