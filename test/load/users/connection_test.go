package users

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestExchange_ReadsAnswersOfEveryForm(t *testing.T) {
	long := strings.Repeat("x", 3*answerBytesMax)
	for _, test := range []struct {
		name, text string
		want       answer
		wrong      bool
	}{
		{"a length", "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-Request-Id: 1\r\n\r\nhello", answer{status: 201}, false},
		{"a length in other letters", "HTTP/1.1 201 Created\r\ncontent-length:  5\r\n\r\nhello", answer{status: 201}, false},
		{"nothing in it", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", answer{status: 201}, false},
		{"more than there is room for", "HTTP/1.1 400 Bad\r\nContent-Length: " + strconv.Itoa(len(long)) + "\r\n\r\n" + long, answer{status: 400}, false},
		{"a refusal", "HTTP/1.1 503 No\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}", answer{status: 503, retryAfter: true}, false},
		{"a refusal that says nothing", "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\n{}", answer{status: 503}, false},
		{"the last on its connection", "HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", answer{status: 201, closes: true}, false},
		{"chunks", "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", answer{status: 201}, false},
		{"until the end", "HTTP/1.1 503 No\r\nRetry-After: 1\r\n\r\n{}", answer{status: 503, retryAfter: true, closes: true}, false},
		{"an older server", "HTTP/1.0 201 Created\r\nContent-Length: 2\r\n\r\n{}", answer{status: 201, closes: true}, false},
		{"announced by another", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", answer{status: 201}, false},
		{"rejects one that is cut", "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhel", answer{}, true},
		{"rejects a cut header", "HTTP/1.1 201 Created\r\nContent-Le", answer{}, true},
		{"rejects two lengths", "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", answer{}, true},
		{"rejects what is no HTTP", "SSH-2.0-x\r\n\r\n", answer{}, true},
		{"rejects a header without an end", "HTTP/1.1 201 Created\r\nX: " + long, answer{}, true},
		{"rejects nothing", "", answer{}, true},
	} {
		for name, piece := range map[string]int{"whole": len(test.text), "byte by byte": 1} {
			t.Run(test.name+", "+name, func(t *testing.T) {
				client, server := net.Pipe()
				defer func() { _ = client.Close() }()
				go func() {
					defer func() { _ = server.Close() }()
					_, _ = io.ReadFull(server, make([]byte, 7))
					for rest := test.text; rest != ""; {
						n := min(max(piece, 1), len(rest))
						if _, err := io.WriteString(server, rest[:n]); err != nil {
							return
						}
						rest = rest[n:]
					}
				}()
				got, err := exchange(client, []byte("request"), make([]byte, answerBytesMax), time.Now().Add(time.Minute))
				if (err != nil) != test.wrong || got != test.want {
					t.Errorf("got %+v, %v; want %+v", got, err, test.want)
				}
			})
		}
	}
}

// What comes behind an answer would be taken for the next one.
func TestExchange_RefusesMoreThanTheAnswerHas(t *testing.T) {
	client, server := net.Pipe()
	defer func() { _ = client.Close() }()
	go func() {
		_, _ = io.ReadFull(server, make([]byte, 7))
		_, _ = io.WriteString(server, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}HTTP")
	}()
	if got, err := exchange(client, []byte("request"), make([]byte, answerBytesMax), time.Now().Add(time.Minute)); err == nil {
		t.Errorf("got %+v and no error", got)
	}
}

// The request is one that net/http reads, and after the answer the connection carries the next one.
func TestExchange_KeepsAConnectionToARealServer(t *testing.T) {
	connections := 0
	var bodies []string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, r.Method+" "+r.URL.Path+" "+r.Host+" "+r.Header.Get("Authorization")+" "+r.Header.Get("Content-Type")+" "+string(body))
		w.WriteHeader(http.StatusCreated)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections++
		}
	}
	server.Start()
	defer server.Close()
	address := addressOf(t, server.URL)
	conn, err := address.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	at := time.Date(2026, 3, 1, 9, 30, 0, 1, time.FixedZone("", 3600))
	for n := range 2 {
		request := appendRequest(nil, address.head(), EquipmentID("e-", 7), at, Value(7, n))
		got, err := exchange(conn, request, make([]byte, answerBytesMax), time.Now().Add(10*time.Second))
		if err != nil || got.status != http.StatusCreated || got.closes {
			t.Fatalf("got %+v, %v", got, err)
		}
		want := "POST /sensor-data " + address.URL.Host + ` Bearer t application/json {"equipmentId":"e-000007","timestamp":"2026-03-01T08:30:00.000000001Z","value":` +
			[]string{"21.71", "22.42"}[n] + "}"
		if bodies[n] != want {
			t.Errorf("request %s, want %s", bodies[n], want)
		}
	}
	if connections != 1 {
		t.Errorf("%d connections", connections)
	}
}

func addressOf(tb testing.TB, text string) Address {
	tb.Helper()
	u, err := url.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return Address{URL: u, Token: "t", Path: "/sensor-data"}
}

// BenchmarkExchange weighs this package's exchange against the client of net/http, over one connection each to a handler of net/http,
// which costs the same for both.
func BenchmarkExchange(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"message":"Data saved successfully"}`)
	}))
	defer server.Close()
	address := addressOf(b, server.URL)
	at := time.Date(2026, 3, 1, 8, 30, 0, 1, time.UTC)
	b.Run("by=hand", func(b *testing.B) {
		conn, err := address.dial(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		head, request, room := address.head(), make([]byte, 0, requestBytes), make([]byte, answerBytesMax)
		for n := range b.N {
			request = appendRequest(request[:0], head, "e-000007", at, Value(7, n))
			if got, err := exchange(conn, request, room, time.Now().Add(time.Minute)); err != nil || got.status != http.StatusCreated {
				b.Fatal(got, err)
			}
		}
	})
	b.Run("by=net-http", func(b *testing.B) {
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		for n := range b.N {
			ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/sensor-data",
				bytes.NewReader(appendReading(nil, "e-000007", at, Value(7, n))))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer t")
			r.Header.Set("Content-Type", "application/json")
			response, err := client.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			cancel()
		}
	})
}
