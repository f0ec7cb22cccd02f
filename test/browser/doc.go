// Package browser tests the console in Debian's Chromium, driven over its DevTools protocol, against the whole local system with a
// month of readings. Every test fails on an error in the browser's console, on an uncaught exception and on a report of the content
// security policy; axe-core looks for what keeps people out. Screenshots of what was looked at are in .local/browser.
//
// It needs Chromium and axe-core, which `make browser` gets. Without them the tests are left out, and fail where CI is true.
package browser
