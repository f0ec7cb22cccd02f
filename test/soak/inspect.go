package soak

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

// Inspection is what was seen of a program, all of its instances together.
type Inspection struct {
	// Heap is the live memory after a collection, Resident what the processes hold of the machine's memory, in bytes.
	Heap, Resident int64
	Goroutines     int
	Files          int
	Instances      int
}

// Live is the live memory of an instance, in bytes, without the cushion that each holds for its collector and never uses (package
// memory): a cushion that counted would hide a rise of what is used.
func (i Inspection) Live(cushion int64) float64 {
	return float64(i.Heap)/float64(max(i.Instances, 1)) - float64(cushion)
}

// ResidentEach is what an instance holds of the machine's memory, in bytes.
func (i Inspection) ResidentEach() float64 { return float64(i.Resident) / float64(max(i.Instances, 1)) }

// Programs knows where the instances of programs serve profiles of themselves: it reads that in their logs.
type Programs struct {
	mu        sync.Mutex
	addresses map[string][]string
	unread    map[string]string
}

// NewPrograms returns one that knows of none.
func NewPrograms() *Programs {
	return &Programs{addresses: map[string][]string{}, unread: map[string]string{}}
}

// Log returns where the log of a program goes.
func (p *Programs) Log(program string) io.Writer { return logOf{p, program} }

type logOf struct {
	programs *Programs
	program  string
}

// Write implements io.Writer. Lines may come in pieces.
func (l logOf) Write(b []byte) (int, error) {
	p := l.programs
	p.mu.Lock()
	defer p.mu.Unlock()
	text := p.unread[l.program] + string(b)
	for {
		line, rest, whole := strings.Cut(text, "\n")
		if !whole {
			p.unread[l.program] = line
			return len(b), nil
		}
		text = rest
		if !strings.Contains(line, "pprof_address") {
			continue
		}
		var told struct {
			Address string `json:"pprof_address"`
		}
		if json.Unmarshal([]byte(line), &told) == nil && told.Address != "" {
			p.addresses[l.program] = append(p.addresses[l.program], told.Address)
		}
	}
}

// Inspect looks into the instances of a program that live; pids are theirs.
func (p *Programs) Inspect(ctx context.Context, program string, pids []int) (Inspection, error) {
	p.mu.Lock()
	addresses := p.addresses[program]
	p.mu.Unlock()
	var seen Inspection
	for _, address := range addresses {
		heap, err := ask(ctx, address, "heap?gc=1&debug=1", "# HeapAlloc = ")
		if err != nil {
			continue // an instance that has ended
		}
		goroutines, err := ask(ctx, address, "goroutine?debug=1", "goroutine profile: total ")
		if err != nil {
			continue
		}
		seen.Instances++
		seen.Heap += heap
		seen.Goroutines += int(goroutines)
	}
	if seen.Instances == 0 && len(pids) > 0 {
		return seen, fmt.Errorf("no instance of %s serves profiles", program)
	}
	for _, pid := range pids {
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			continue // it has ended
		}
		seen.Files += len(files)
		seen.Resident += resident(pid)
	}
	return seen, nil
}

// ask returns the number behind a text in a profile.
func ask(ctx context.Context, address, profile, text string) (int64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/debug/pprof/"+profile, http.NoBody)
	if err != nil {
		return 0, fmt.Errorf("ask for a profile: %w", err)
	}
	r.Close = true // a connection that is kept would be counted
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, fmt.Errorf("ask for a profile: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if number, found := strings.CutPrefix(lines.Text(), text); found {
			n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read a profile: %w", err)
			}
			return n, nil
		}
	}
	return 0, fmt.Errorf("a profile has no line %q: %w", text, lines.Err())
}

// resident is what a process holds of the machine's memory.
func resident(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if number, found := strings.CutPrefix(line, "VmRSS:"); found {
			kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(number), " kB"), 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
