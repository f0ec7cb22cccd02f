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
)

//go:embed documents
var documentFiles embed.FS

// documents are the pages by their path and the files that they load by their name.
type documents struct {
	pages  map[string]document
	assets map[string]document
}

// Content security policies of the pages: nothing but what the page needs, and only from this origin. No page holds a
// script or a style of its own.
const (
	docsPolicy    = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src %s; " +
		"require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

const mediaHTML = "text/html; charset=utf-8"

func newDocuments(o Options) (documents, error) {
	d := documents{pages: map[string]document{}, assets: map[string]document{}}
	description, err := describe(o)
	if err != nil {
		return d, err
	}
	docs, err := docsFor(o)
	if err != nil {
		return d, err
	}
	console, err := documentFiles.ReadFile("documents/console.html")
	if err != nil {
		return d, fmt.Errorf("read the console: %w", err)
	}
	connect := strings.TrimSpace("'self' " + o.UploadOrigin)
	d.pages["/openapi.json"] = newDocument(description, mediaJSON, apiPolicy)
	d.pages["/docs"] = newDocument(docs, mediaHTML, docsPolicy)
	d.pages["/console"] = newDocument(console, mediaHTML, fmt.Sprintf(consolePolicy, connect))
	for name, media := range map[string]string{
		"pages.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
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
	table := []route{{method: http.MethodGet, path: "/assets/{name}", query: takesAny, document: true, handle: d.getAsset}}
	for path, page := range d.pages {
		table = append(table, route{method: http.MethodGet, path: path, query: takesAny, document: true, handle: page.serve})
	}
	return table
}

func (d documents) getAsset(w http.ResponseWriter, r *http.Request) error {
	asset, ok := d.assets[r.PathValue("name")]
	if !ok {
		return &problem{kind: problemNotFound, message: "There is no such file."}
	}
	return asset.serve(w, r)
}
