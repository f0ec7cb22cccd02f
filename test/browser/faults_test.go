package browser_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	pages "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// faults are what the browser complains of: errors and warnings in its console, uncaught exceptions, and reports of the content
// security policy. All that a test did not expect fails it at its end.
type faults struct {
	t  *testing.T
	mu sync.Mutex
	// found are the complaints so far, and expected the words of those that the test provokes.
	found    []string
	expected []string
}

func newFaults(t *testing.T) *faults {
	f := &faults{t: t}
	t.Cleanup(f.judge)
	return f
}

// expect says that complaints with some words belong to the test, such as the status of an answer that it provokes.
func (f *faults) expect(words string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expected = append(f.expected, words)
}

func (f *faults) judge() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.found {
		if !f.isExpected(fault) {
			f.t.Errorf("the browser complained: %s", fault)
		}
	}
}

func (f *faults) isExpected(fault string) bool {
	for _, words := range f.expected {
		if strings.Contains(fault, words) {
			return true
		}
	}
	return false
}

func (f *faults) add(format string, arguments ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.found = append(f.found, fmt.Sprintf(format, arguments...))
}

const (
	// reportName is what the page calls when its policy was violated.
	reportName = "reportPolicyViolation"
	// reporter runs before the page's own scripts do.
	reporter = `document.addEventListener("securitypolicyviolation", (e) =>
		` + reportName + `(e.effectiveDirective + " " + e.blockedURI + " " + e.sourceFile + ":" + e.lineNumber))`
)

// watch listens to a tab from now on.
func (f *faults) watch(ctx context.Context) error {
	if err := chromedp.Listen(ctx, f.take); err != nil {
		return fmt.Errorf("listen to the browser: %w", err)
	}
	return chromedp.Do(ctx,
		call(log.Enable, cdp.Empty{}), call(audits.Enable, cdp.Empty{}),
		call(runtime.AddBinding, runtime.AddBindingParams{Name: reportName}),
		call(pages.AddScriptToEvaluateOnNewDocument, pages.AddScriptToEvaluateOnNewDocumentParams{Source: reporter}),
	)
}

// take notes an event that is a complaint.
func (f *faults) take(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		d := e.ExceptionDetails
		text := d.Text
		if d.Exception != nil {
			text += " " + d.Exception.Description
		}
		f.add("exception at %s:%d: %s", d.URL, d.LineNumber, text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			var words []string
			for _, a := range e.Args {
				words = append(words, string(a.Value)+a.Description)
			}
			f.add("console.%s: %s", e.Type, strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			f.add("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			f.add("content security policy: %s %s", d.ViolatedDirective, d.BlockedURL)
		}
	case *runtime.EventBindingCalled:
		if e.Name == reportName {
			f.add("content security policy: %s", e.Payload)
		}
	}
}
