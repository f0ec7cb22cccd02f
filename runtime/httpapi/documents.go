package httpapi

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/console"
)

//go:embed documents
var documentFiles embed.FS

// documents are the pages by their path and the files that they load by their name.
type documents struct {
	pages   map[string]document
	assets  map[string]document
	console map[string]document
	root    document // where a browser is led on
}

// docsPolicy is the content security policy of the page to read: nothing but what it needs, and only from this origin. No page holds a
// script or a style of its own.
const docsPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const (
	consolePath = "/console"
	mediaHTML   = "text/html; charset=utf-8"
)

func newDocuments(o Options) (documents, error) {
	d := documents{pages: map[string]document{}, assets: map[string]document{}, console: map[string]document{}}
	description, err := describe(o)
	if err != nil {
		return d, err
	}
	docs, err := docsFor(o)
	if err != nil {
		return d, err
	}
	consoleFiles, err := console.Files()
	if err != nil {
		return d, fmt.Errorf("read the console: %w", err)
	}
	for name, file := range consoleFiles {
		d.console[name] = newDocument(file.Content, file.Media, console.Policy(o.UploadOrigin))
	}
	d.pages[consolePath] = d.console[console.Page]
	delete(d.console, console.Page) // it has one address
	d.pages["/openapi.json"] = newDocument(description, mediaJSON, apiPolicy)
	d.pages["/docs"] = newDocument(docs, mediaHTML, docsPolicy)
	root, err := documentFiles.ReadFile("documents/root.html")
	if err != nil {
		return d, fmt.Errorf("read the first page: %w", err)
	}
	d.root = newDocument(root, mediaHTML, docsPolicy)
	for name, media := range map[string]string{"pages.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		content, err := documentFiles.ReadFile("documents/" + name)
		if err != nil {
			return d, fmt.Errorf("read %s: %w", name, err)
		}
		d.assets[name] = newDocument(content, media, apiPolicy)
	}
	return d, nil
}

// describe returns the OpenAPI description with the addresses of this deployment filled in.
func describe(o Options) ([]byte, error) {
	raw, err := documentFiles.ReadFile("documents/openapi.json")
	if err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	server := o.PublicURL
	if server == "" {
		server = "/" // relative to where this document was found
	}
	raw = bytes.Replace(raw, []byte(`"servers": [
    {
      "url": "/"
    }
  ]`), []byte(`"servers": [
    {
      "url": `+strconv.Quote(server)+`
    }
  ]`), 1)
	if o.TokenURL == "" {
		return withoutMachines(raw)
	}
	raw = bytes.Replace(raw, []byte(`"tokenUrl": "/"`), []byte(`"tokenUrl": `+strconv.Quote(o.TokenURL)), 1)
	if !json.Valid(raw) {
		return nil, fmt.Errorf("the description is not JSON with the addresses %q and %q", o.PublicURL, o.TokenURL)
	}
	return raw, nil
}

// withoutMachines removes the sign-in of machines from a description, for a service that has no token endpoint.
func withoutMachines(raw []byte) ([]byte, error) {
	var document map[string]any
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, fmt.Errorf("decode the description: %w", err)
	}
	var prune func(node any) any
	prune = func(node any) any {
		switch node := node.(type) {
		case map[string]any:
			delete(node, securityMachine)
			for key, value := range node {
				node[key] = prune(value)
			}
		case []any:
			for i, value := range node {
				node[i] = prune(value)
			}
			return slices.DeleteFunc(node, func(value any) bool {
				object, ok := value.(map[string]any)
				return ok && len(object) == 0
			})
		}
		return node
	}
	prune(document)
	pruned, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the description: %w", err)
	}
	return pruned, nil
}

// securityMachine is the name of the machines' security scheme in the description.
const securityMachine = "machine"

// routes lists the documents' addresses.
func (d documents) routes() []route {
	table := []route{
		{method: http.MethodGet, path: "/assets/{name}", query: takesAny, document: true, handle: serveOneOf(d.assets)},
		{method: http.MethodGet, path: consolePath + "/{name}", query: takesAny, document: true, handle: serveOneOf(d.console)},
	}
	for path, page := range d.pages {
		table = append(table, route{method: http.MethodGet, path: path, query: takesAny, document: true, handle: page.serve})
	}
	return table
}

// serveOneOf answers with the file that the address names.
func serveOneOf(files map[string]document) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		file, ok := files[r.PathValue("name")]
		if !ok {
			return &problem{kind: problemNotFound, message: "There is no such file."}
		}
		return file.serve(w, r)
	}
}

// withoutSlash returns the request for a page, where it was made with a slash behind the page's address.
func (d documents) withoutSlash(r *http.Request) *http.Request {
	path, slashed := strings.CutSuffix(r.URL.Path, "/")
	if _, page := d.pages[path]; !slashed || !page {
		return r
	}
	target := *r.URL
	target.Path, target.RawPath = path, ""
	plain := r.WithContext(r.Context())
	plain.URL = &target
	return plain
}
