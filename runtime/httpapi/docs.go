package httpapi

import (
	"errors"
	"fmt"
	"html"
	"strings"
)

// The page to read is made from the description by a test (docs_test.go) and not by the program. The program would need
// html/template, which calls methods by name, and so makes the linker keep every method of every AWS client. What only a
// deployment knows is filled in here.
const (
	// docsPublicURL and docsMachinesURL stand in the page for the addresses of the service and of the token endpoint.
	docsPublicURL   = "{public-url}"
	docsMachinesURL = "{token-url}"
	// docsMachines and docsMachinesEnd enclose what a service without a token endpoint does not show.
	docsMachines    = "<!--machines-->"
	docsMachinesEnd = "<!--/machines-->"
)

// docsFor returns the page to read with the addresses of this deployment filled in.
func docsFor(o Options) ([]byte, error) {
	page, err := documentFiles.ReadFile("documents/docs.html")
	if err != nil {
		return nil, fmt.Errorf("read the page to read: %w", err)
	}
	text, err := withoutMarked(string(page), o.TokenURL != "")
	if err != nil {
		return nil, err
	}
	server := o.PublicURL
	if server == "" {
		server = "https://…"
	}
	// One pass over the page: an address that looks like a placeholder stays as it is.
	fill := strings.NewReplacer(docsPublicURL, html.EscapeString(server), docsMachinesURL, html.EscapeString(o.TokenURL))
	return []byte(fill.Replace(text)), nil
}

// withoutMarked takes the marks of what is for machines out of the page, and where they are not to be shown what is between them.
func withoutMarked(page string, machines bool) (string, error) {
	var text strings.Builder
	for {
		before, rest, found := strings.Cut(page, docsMachines)
		text.WriteString(before)
		if !found {
			return text.String(), nil
		}
		marked, after, ended := strings.Cut(rest, docsMachinesEnd)
		if !ended {
			return "", errors.New("the page to read does not mark where what is for machines ends")
		}
		if machines {
			text.WriteString(marked)
		}
		page = after
	}
}
