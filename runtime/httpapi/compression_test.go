package httpapi_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/cputime"
)

// raw sends a request and returns the answer as it came: a header of its own keeps Go's client from undoing the compression. The error
// is that of an answer that breaks off.
func (f *fixture) raw(method, path, token, body string, headers map[string]string) (*http.Response, []byte, error) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	response, err := f.client.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	got, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	return response, got, err
}

func unzipped(t *testing.T, text []byte) string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	zip.Multistream(false) // browsers pass over what follows the first member
	plain, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// numbered is a window of so many items with totals that differ.
func numbered(t testing.TB, items int) aggregate.Answer {
	answer := aggregate.Answer{TotalCount: int64(items)}
	for n := range items {
		answer.Items = append(answer.Items, aggregate.Item{
			EquipmentID: reading.EquipmentID(fmt.Sprintf("EQ-%05d", n%50)), IntervalStart: testNow.Add(time.Duration(n/50) * time.Hour),
			TotalValue: decimal(t, fmt.Sprintf("%d.%02d", 4000+n*7919%1000, n*104729%100)), SampleCount: 60,
		})
	}
	return answer
}

var zipWanted = map[string]string{"Accept-Encoding": "gzip"}

// A new route has to be judged: does its answer hold a secret beside what somebody else may choose? compression.go says more.
func TestCompression_IsOfTheseCallsAlone(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	want := []string{"POST /sensor-data/batch", "GET /sensor-data", "GET /sensor-data/aggregated", "GET /equipment"}
	if got := f.api.CompressedPatterns(); !slices.Equal(got, want) {
		t.Errorf("compressed are %q, want %q", got, want)
	}
}

// The names of files are chosen by those who send them, and come back beside presigned addresses; a problem repeats the request.
func TestCompression_NeverOfSecretsBesideChosenText(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	f.deletions.err = errors.New("broken")
	chosen := strings.Repeat("x", 5000)
	f.uploads.known["upload-1"] = csvfile.Upload{ID: "upload-1", FileName: chosen, RowsRejected: 1}
	for _, c := range []struct{ method, path, token, body string }{
		{"GET", "/sensor-data/uploads/upload-1", tokenReader, ""},
		{"GET", "/sensor-data/uploads", tokenReader, ""},
		{"POST", "/sensor-data/uploads", tokenWriter, `{"fileName":"` + chosen[:200] + `.csv","size":10}`},
		{"POST", "/sensor-data/uploads", tokenWriter, `{"` + chosen + `":1}`},
		{"GET", "/auth/me", tokenPerson, ""},
		{"POST", "/auth/login", "", ""},
		{"GET", "/sensor-data/aggregated?interval=24h&" + chosen + "=1", tokenReader, ""},
		{"GET", "/sensor-data?equipmentId=" + chosen, tokenReader, ""},
	} {
		got, _, err := f.raw(c.method, c.path, c.token, c.body, zipWanted)
		if err != nil || got.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s %.40s: %d, compressed by %q, error %v", c.method, c.path, got.StatusCode, got.Header.Get("Content-Encoding"), err)
		}
	}
}

func TestCompression_GivesTheSameAnswer(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	f.windows.answer = numbered(t, contract.AggregatesPageMax)
	bad := `[` + body("EQ-1", "2026-03-01T08:30:00Z", "1") + strings.Repeat(`,{}`, 2000) + `]`
	for name, c := range map[string]struct {
		method, path, token, body, accept string
		below                             int // percent of the plain answer
	}{
		"a page":       {"GET", "/sensor-data/aggregated?interval=24h&limit=10000", tokenReader, "", "", 18},
		"an export":    {"GET", "/sensor-data/aggregated?interval=24h", tokenReader, "", "text/csv", 30},
		"many rejects": {"POST", "/sensor-data/batch", tokenWriter, bad, "", 10},
	} {
		plain, text, err := f.raw(c.method, c.path, c.token, c.body, map[string]string{"Accept": c.accept})
		zipped, packed, zipErr := f.raw(c.method, c.path, c.token, c.body, map[string]string{"Accept": c.accept, "Accept-Encoding": "gzip"})
		if err != nil || zipErr != nil || zipped.StatusCode != plain.StatusCode || zipped.Header.Get("Content-Encoding") != "gzip" ||
			plain.Header.Get("Content-Encoding") != "" || zipped.Header.Get("Content-Type") != plain.Header.Get("Content-Type") {
			t.Errorf("%s: %v %v, errors %v, %v", name, plain.Header, zipped.Header, err, zipErr)
			continue
		}
		for _, got := range []*http.Response{plain, zipped} {
			if !slices.Contains(got.Header.Values("Vary"), "Accept-Encoding") {
				t.Errorf("%s: Vary is %q", name, got.Header.Values("Vary"))
			}
		}
		if again := unzipped(t, packed); again != string(text) {
			t.Errorf("%s: %d bytes, plain %d", name, len(again), len(text))
		}
		if len(packed)*100 > len(text)*c.below {
			t.Errorf("%s: %d bytes of %d", name, len(packed), len(text))
		}
		t.Logf("%s: %d bytes, compressed %d", name, len(text), len(packed))
	}
}

func TestCompression_LeavesSmallAnswersAndAgreesWithHEAD(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for items, zipped := range map[int]bool{1: false, 100: true, 1000: true} {
		f.windows.answer = numbered(t, items)
		const path = "/sensor-data/aggregated?interval=24h"
		get, _, err := f.raw("GET", path, tokenReader, "", zipWanted)
		head, none, headErr := f.raw("HEAD", path, tokenReader, "", zipWanted)
		if err != nil || headErr != nil || (get.Header.Get("Content-Encoding") == "gzip") != zipped || len(none) > 0 {
			t.Errorf("%d items: %v, errors %v, %v", items, get.Header, err, headErr)
		}
		for _, name := range []string{"Content-Encoding", "Content-Type", "Vary"} {
			if !slices.Equal(get.Header.Values(name), head.Header.Values(name)) {
				t.Errorf("%d items: %s is %q, with HEAD %q", items, name, get.Header.Values(name), head.Header.Values(name))
			}
		}
	}
}

func TestCompression_OnlyForClientsThatTakeIt(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	f.windows.answer = numbered(t, 100)
	for accepted, zipped := range map[string]bool{
		"gzip": true, "GZIP;q=0.5": true, "x-gzip": true, "br, gzip;q=0.8, *;q=0.1": true, "*": true, "deflate, *;q=0.5": true, "gzip;q=1.0, identity;q=0.5": true,
		"identity": false, "br": false, "gzip;q=0": false, "gzip;q=0, *": false, "*;q=0": false, "gzip;q=0.5, identity": false, "gzip;q=x": false, "gzipped": false,
	} {
		for _, path := range []string{"/sensor-data/aggregated?interval=24h", "/docs"} {
			got, _, err := f.raw("GET", path, tokenReader, "", map[string]string{"Accept-Encoding": accepted})
			if err != nil || (got.Header.Get("Content-Encoding") == "gzip") != zipped {
				t.Errorf("%s for %q: compressed by %q, error %v", path, accepted, got.Header.Get("Content-Encoding"), err)
			}
		}
	}
}

// A compressed export that breaks off is not whole for its reader either, whether that looks at the connection or at the compression.
func TestCompression_ABrokenExportLooksBroken(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	f.windows.answer = numbered(t, contract.AggregatesPageMax)
	f.windows.answer.Next = aggregate.Place{From: testNow, After: aggregate.ItemKey{Start: testNow, EquipmentID: "EQ-1"}}
	f.api.Windows = &brokenWindows{windows: windows{answer: f.windows.answer}, broken: errors.New("broken")}
	got, part, err := f.raw("GET", "/sensor-data/aggregated?interval=24h", tokenReader, "", map[string]string{"Accept": "text/csv", "Accept-Encoding": "gzip"})
	if !errors.Is(err, io.ErrUnexpectedEOF) || got.Header.Get("Content-Encoding") != "gzip" || len(part) == 0 {
		t.Errorf("%d bytes with the error %v, %v", len(part), err, got.Header)
	}
	zip, err := gzip.NewReader(bytes.NewReader(part))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(zip); !errors.Is(err, io.ErrUnexpectedEOF) || len(text) == 0 {
		t.Errorf("%d bytes unpacked, error %v", len(text), err)
	}
}

// Clients that do not read keep no compressor, or two of them would end all compression.
func TestCompression_ClientsThatDoNotReadAreInNobodysWay(t *testing.T) {
	underAttack(t, nil, func(p *attacked) {
		p.windows.answer = largePage()
		const request = "GET /sensor-data/aggregated?interval=24h&limit=10000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nAccept-Encoding: gzip\r\n\r\n"
		for range 100 {
			p.begin(request, tokenReader)
		}
		synctest.Wait()
		began := time.Now()
		response, err := http.ReadResponse(bufio.NewReader(p.begin(request, tokenPerson)), nil)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := io.ReadAll(response.Body)
		if err != nil || strings.Count(unzipped(t, packed), "EQ-") != contract.AggregatesPageMax {
			t.Errorf("another caller's page: status %d, %d bytes, error %v", response.StatusCode, len(packed), err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("another caller's page took %s", took)
		}
	})
}

// slowPages answers one item a page, and takes its time for it.
type slowPages struct {
	windows
	pages int
	pause time.Duration
}

func (s *slowPages) Query(ctx context.Context, q aggregate.Query) (aggregate.Answer, error) {
	time.Sleep(s.pause)
	got, err := s.windows.Query(ctx, q)
	if s.pages--; s.pages > 0 {
		got.Next = aggregate.Place{From: testNow, After: aggregate.ItemKey{Start: testNow, EquipmentID: "EQ-1"}}
	}
	return got, err
}

// Load balancers end a connection on which nothing comes for a minute.
func TestExport_ThatIsSlowlyMadeSendsWhatThereIs(t *testing.T) {
	for _, coding := range []string{"gzip", "identity"} {
		t.Run(coding, func(t *testing.T) {
			underAttack(t, nil, func(p *attacked) {
				p.api.Windows = &slowPages{windows: windows{answer: numbered(t, 20)}, pages: 20, pause: 9 * time.Second}
				conn := &timed{Conn: p.begin("GET /sensor-data/aggregated?interval=24h HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nAccept: text/csv\r\nAccept-Encoding: %s\r\n\r\n",
					tokenReader, coding)}
				began := time.Now()
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				if coding == "gzip" {
					text = []byte(unzipped(t, text))
				}
				if rows := strings.Count(string(text), "EQ-"); rows != 20*20 {
					t.Errorf("%d rows", rows)
				}
				if took := time.Since(began); took < 170*time.Second || conn.silent > 20*time.Second {
					t.Errorf("the export took %s and was silent for %s", took, conn.silent)
				}
			})
		})
	}
}

// timed notes the longest time that a reader waited.
type timed struct {
	net.Conn
	silent time.Duration
}

// Read implements io.Reader.
func (c *timed) Read(p []byte) (int, error) {
	began := time.Now()
	n, err := c.Conn.Read(p)
	c.silent = max(c.silent, time.Since(began))
	return n, err
}

// The forms of a document have tags of their own, which stand for exactly these bytes.
func TestDocuments_HaveStrongTagsPerForm(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for _, path := range []string{"/docs", "/openapi.json", "/console", "/console/main.js", "/assets/pages.css", "/assets/icon.svg"} {
		plain, text, err := f.raw("GET", path, "", "", nil)
		zipped, packed, zipErr := f.raw("GET", path, "", "", zipWanted)
		if err != nil || zipErr != nil {
			t.Fatal(err, zipErr)
		}
		if small := len(text) < 1400; small {
			if zipped.Header.Get("Content-Encoding") != "" || !bytes.Equal(packed, text) {
				t.Errorf("%s: %d bytes are compressed", path, len(text))
			}
		} else if zipped.Header.Get("Content-Encoding") != "gzip" || unzipped(t, packed) != string(text) || plain.Header.Get("ETag") == zipped.Header.Get("ETag") {
			t.Errorf("%s: %v, plain %v", path, zipped.Header, plain.Header)
		}
		for _, c := range []struct {
			coding string
			of     *http.Response
			other  string
		}{
			{"identity", plain, `"other"`}, {"gzip", zipped, `"other"`},
		} {
			tag := c.of.Header.Get("ETag")
			for match, status := range map[string]int{
				tag: http.StatusNotModified, `"a", ` + tag: http.StatusNotModified, "W/" + tag: http.StatusNotModified, "*": http.StatusNotModified,
				`"other"`: http.StatusOK, strings.Trim(tag, `"`): http.StatusOK, "": http.StatusOK,
			} {
				got, rest, err := f.raw("GET", path, "", "", map[string]string{"Accept-Encoding": c.coding, "If-None-Match": match})
				if err != nil || got.StatusCode != status || got.Header.Get("ETag") != tag || got.Header.Get("Vary") != "Accept-Encoding" ||
					status == http.StatusNotModified && len(rest) > 0 {
					t.Errorf("%s as %s with %s: status %d, %v, error %v", path, c.coding, match, got.StatusCode, got.Header, err)
				}
			}
			head, _, err := f.raw("HEAD", path, "", "", map[string]string{"Accept-Encoding": c.coding})
			if err != nil || head.Header.Get("ETag") != tag || head.ContentLength != c.of.ContentLength || head.Header.Get("Content-Encoding") != c.of.Header.Get("Content-Encoding") {
				t.Errorf("HEAD %s as %s: %v, error %v", path, c.coding, head.Header, err)
			}
		}
	}
}

// BenchmarkGetAggregated measures what of the processors a page of 10,000 items takes from the answer of package aggregate to the connection. x-plain is
// how many times as much it takes compressed; bytes are what the client is sent.
func BenchmarkGetAggregated(b *testing.B) {
	answer := numbered(b, contract.AggregatesPageMax)
	api := benchmarked(b, &authenticator{})
	api.Windows = &windows{answer: answer}
	var took [2]time.Duration
	var size [2]int
	for b.Loop() {
		for i, coding := range []string{"identity", "gzip"} {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/sensor-data/aggregated?interval=24h&limit=10000", nil)
			r.Header.Set("Authorization", "Bearer "+tokenReader)
			r.Header.Set("Accept-Encoding", coding)
			w := httptest.NewRecorder()
			w.Body.Grow(1 << 20)
			began := cputime.Own(b)
			if api.ServeHTTP(w, r); w.Code != http.StatusOK {
				b.Fatalf("status %d: %s", w.Code, w.Body)
			}
			took[i], size[i] = took[i]+cputime.Own(b)-began, w.Body.Len()
		}
	}
	b.ReportMetric(0, "ns/op") // of both together
	b.ReportMetric(took[0].Seconds()*1000/float64(b.N), "plain-cpu-ms/op")
	b.ReportMetric(float64(took[1])/float64(took[0]), "x-plain")
	b.ReportMetric(float64(size[0]), "plain-bytes")
	b.ReportMetric(float64(size[1]), "gzip-bytes")
}
