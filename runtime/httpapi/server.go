package httpapi

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Limits of the HTTP server.
const (
	// headerTimeout and headerBytesMax bound what an unknown client can make the server hold. A token takes about 2 KB.
	headerTimeout  = 10 * time.Second
	headerBytesMax = 32 << 10
	// idleTimeout must exceed the load balancer's own of 60 s: otherwise it could send a request over a connection at the
	// moment when this server closes it.
	idleTimeout = 75 * time.Second
	// answerTimeout bounds how long a client may take to read an answer.
	answerTimeout = 60 * time.Second
	// callTimeout bounds the work for one request after its body has arrived.
	callTimeout = 15 * time.Second
)

// Server answers the HTTP API. It is safe for concurrent use.
type Server struct {
	Dependencies
	options  Options
	mux      *http.ServeMux
	routes   []route
	methods  methods // of all paths, ready made: the room to make them would be on the stack of every request
	requests *requestChecker
	cursors  cursors
	gates
	batchRooms batchRooms
	headers    headers
	readiness  readiness
	compressors
	documents documents
	origins   map[string]bool
	draining  atomic.Bool
}

// access says who may call a route.
type access int

const (
	public access = iota
	signedIn
	mayRead
	mayWrite
	mayDelete
)

// scope is what the caller's token must hold; empty where any valid token will do.
func (a access) scope() string {
	switch a {
	case mayRead:
		return contract.ScopeRead
	case mayWrite:
		return contract.ScopeWrite
	case mayDelete:
		return contract.ScopeAdmin
	default:
		return ""
	}
}

// route is one call of the API. A handler that returns an error has not answered yet.
type route struct {
	method, path string
	access       access
	query        parameters
	handle       func(http.ResponseWriter, *http.Request) error
	// document marks what browsers show, which has a content security policy of its own and may be cached.
	document bool
	// compressed answers are compressed where the client has it so. They are large, and hold no secret; see compression.go.
	compressed bool
	// quiet routes are called every few seconds by load balancers and are logged at debug level.
	quiet bool
}

// New returns a Server.
func New(d Dependencies, o Options) (*Server, error) {
	s := &Server{Dependencies: d, options: o.withDefaults(), mux: http.NewServeMux(), origins: map[string]bool{}}
	s.gates = newGates(s.options.Memory)
	s.headers = newHeaders(s.options)
	s.compressors = newCompressors()
	for _, origin := range s.options.AllowedOrigins {
		s.origins[origin] = true
	}
	if s.options.PublicURL != "" {
		s.origins[s.options.PublicURL] = true
	}
	if s.cursors.key = s.options.CursorKey; len(s.cursors.key) == 0 {
		s.cursors.key = []byte(rand.Text())
	}
	var err error
	if s.requests, err = newRequestChecker(); err != nil {
		return nil, fmt.Errorf("prepare the request checks: %w", err)
	}
	if s.documents, err = newDocuments(s.options); err != nil {
		return nil, fmt.Errorf("prepare the documents: %w", err)
	}
	s.routes = s.routeTable()
	s.register()
	return s, nil
}

// NewHTTPServer returns the server that carries handler, with limits that fit it. It is to serve what connections.Listen
// returns.
func NewHTTPServer(address string, handler http.Handler, connections *Connections) *http.Server {
	server := &http.Server{
		Addr: address, Handler: handler,
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytesMax,
		DisableGeneralOptionsHandler: true, // its answers to "OPTIONS *" would have no request id
		// Bodies and answers get their deadlines from the handler, which knows how long each may take.
	}
	connections.attach(server)
	return server
}

// Drain makes GET /readyz answer 503, so that load balancers send no more requests; all other calls still work.
func (s *Server) Drain() { s.draining.Store(true) }

func (s *Server) routeTable() []route {
	table := []route{
		{method: "GET", path: "/{$}", query: takesAny, handle: s.getRoot, quiet: true},
		{method: "GET", path: "/healthz", query: takesAny, handle: s.getHealth, quiet: true},
		{method: "GET", path: "/readyz", query: takesAny, handle: s.getReady, quiet: true},
		{method: "POST", path: "/auth/login", handle: s.postLogin},
		{method: "GET", path: "/auth/me", access: signedIn, handle: s.getMe},
		{method: "POST", path: "/auth/logout", access: signedIn, handle: s.postLogout},
		{method: "POST", path: "/sensor-data", access: mayWrite, handle: s.postReading},
		{method: "POST", path: "/sensor-data/batch", access: mayWrite, handle: s.postBatch, compressed: true},
		{method: "GET", path: "/sensor-data", access: mayRead, query: takesOwn, handle: s.getReadings, compressed: true},
		{method: "DELETE", path: "/sensor-data", access: mayDelete, query: takesOwn, handle: s.deleteReadings},
		{method: "GET", path: deletionsPath + "{id}", access: mayDelete, handle: s.getDeletion},
		{method: "POST", path: "/sensor-data/uploads", access: mayWrite, handle: s.postUpload},
		{method: "POST", path: "/sensor-data/uploads/preview", access: mayWrite, query: takesOwn, handle: s.postPreview},
		{method: "POST", path: "/sensor-data/uploads/{id}/parts", access: mayWrite, handle: s.postParts},
		{method: "POST", path: "/sensor-data/uploads/{id}/complete", access: mayWrite, handle: s.postComplete},
		{method: "POST", path: "/sensor-data/upload-csv", access: mayWrite, handle: s.postFile},
		{method: "GET", path: "/sensor-data/uploads", access: mayRead, query: takesOwn, handle: s.getUploads},
		{method: "GET", path: "/sensor-data/uploads/{id}", access: mayRead, handle: s.getUpload},
		{method: "GET", path: "/sensor-data/aggregated", access: mayRead, query: takesOwn, handle: s.getAggregated, compressed: true},
		{method: "GET", path: "/equipment", access: mayRead, query: takesOwn, handle: s.getEquipment, compressed: true},
	}
	return append(table, s.documents.routes()...)
}

// register gives each path one handler that knows all its methods, so that the answer to any other names them.
func (s *Server) register() {
	s.methods = methods{}
	byPath := map[string]methods{}
	for _, r := range s.routes {
		if byPath[r.path] == nil {
			byPath[r.path] = methods{}
		}
		byPath[r.path].add(r)
		s.methods.add(r)
	}
	for path, of := range byPath {
		s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { s.dispatch(w, r, of) })
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &problem{kind: problemNotFound, message: "There is nothing at this address; /docs lists what there is."})
	})
}

// methods are routes by their method: those of one path, or one for each method that any path takes.
type methods map[string]route

func (m methods) add(r route) {
	m[r.method] = r
	if r.method == http.MethodGet {
		m[http.MethodHead] = r
	}
}

func (m methods) allow() string {
	names := []string{http.MethodOptions}
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Patterns lists what is served, as "METHOD /path", in the notation of the OpenAPI description.
func (s *Server) Patterns() []string {
	patterns := make([]string, len(s.routes))
	for i, r := range s.routes {
		patterns[i] = r.method + " " + strings.TrimSuffix(r.path, "{$}")
	}
	return patterns
}
