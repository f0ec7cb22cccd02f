package console

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed files
var files embed.FS

// Page is the name of the file that is the console's page; the others are what it loads.
const Page = "index.html"

// File is one of the console's files.
type File struct {
	Name    string // without a folder
	Media   string // its Content-Type
	Content []byte
}

// Files returns all of the console's files, by name.
func Files() (map[string]File, error) {
	entries, err := files.ReadDir("files")
	if err != nil {
		return nil, fmt.Errorf("list the console's files: %w", err)
	}
	all := make(map[string]File, len(entries))
	for _, entry := range entries {
		name := entry.Name()
		media, known := mediaTypes[path.Ext(name)]
		if !known {
			return nil, fmt.Errorf("the console's file %s is of a kind that no browser is told of", name)
		}
		content, err := files.ReadFile("files/" + name)
		if err != nil {
			return nil, fmt.Errorf("read the console's file %s: %w", name, err)
		}
		all[name] = File{name, media, content}
	}
	return all, nil
}

var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// Policy is the content security policy of the page: scripts, styles and pictures from its own origin and none inside the page, no
// text that is read as HTML, and connections to the service and to uploadOrigin, the origin of presigned addresses, alone.
// Empty leaves that one out.
func Policy(uploadOrigin string) string {
	connect := strings.TrimSpace("'self' " + uploadOrigin)
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src " + connect + "; " +
		"require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
