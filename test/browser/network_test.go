package browser_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// slow lets a page send no faster than so many bytes a second. Zero is as fast as can be.
func (p *page) slow(bytesPerSecond float64) {
	p.t.Helper()
	if bytesPerSecond == 0 {
		bytesPerSecond = -1
	}
	p.must(chromedp.Do(p.ctx,
		call(network.Enable, network.EnableParams{}),
		call(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{DownloadThroughput: -1, UploadThroughput: bytesPerSecond}},
		})))
}

// answerWith lets calls to an address, by the end of its path, get an answer that the service gives only in states that take long to
// come about. It lasts as long as the page.
func (p *page) answerWith(path string, status int, body any) {
	p.t.Helper()
	content, err := json.Marshal(body)
	p.must(err)
	paused := make(chan fetch.RequestID, 16)
	p.must(chromedp.Listen(p.ctx, func(event any) {
		if e, ok := event.(*fetch.EventRequestPaused); ok && strings.HasSuffix(strings.SplitN(e.Request.URL, "?", 2)[0], path) {
			paused <- e.RequestID
		}
	}))
	go func() {
		for {
			select {
			case <-p.ctx.Done():
				return
			case id := <-paused:
				_, _ = chromedp.Call(p.ctx, fetch.FulfillRequest, fetch.FulfillRequestParams{
					RequestID: id, ResponseCode: int64(status), Body: content,
					ResponseHeaders: []*fetch.HeaderEntry{{Name: "Content-Type", Value: "application/json"}, {Name: "X-Region", Value: "eu-west-1"}},
				}) // a page that has gone needs no answer
			}
		}
	}()
	p.must(chromedp.Do(p.ctx, call(fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "*" + path + "*"}}})))
}

// holdCalls lets the page's calls of a method to addresses that begin with a text wait, as long as its document lives, until letGo. Their
// addresses are in window.held.
func (p *page) holdCalls(method, beginning string) {
	p.t.Helper()
	eval[bool](p, `(() => {
		const own = window.fetch;
		window.held = [];
		const free = new Promise((resolve) => { window.letGo = () => { window.fetch = own; resolve(); }; });
		window.fetch = async (address, options = {}) => {
			if ((options.method || "GET") !== %s || !String(address).startsWith(%s)) return own(address, options);
			window.held.push(String(address));
			await free;
			return own(address, options);
		};
		return true;
	})()`, method, beginning)
}

// letGo lets the calls go on that holdCalls holds.
func (p *page) letGo() {
	p.t.Helper()
	eval[bool](p, `(window.letGo(), true)`)
}

// held are calls of a page that wait.
type held struct {
	p       *page
	waiting chan fetch.RequestID
}

// hold lets calls to addresses of a pattern wait, with their request or with their answer, until they are let go. It lasts as long as
// the page. Questions whether another origin may be called are not held.
func (p *page) hold(pattern string, stage fetch.RequestStage) *held {
	p.t.Helper()
	h := &held{p: p, waiting: make(chan fetch.RequestID, 16)}
	p.must(chromedp.Listen(p.ctx, func(event any) {
		e, ok := event.(*fetch.EventRequestPaused)
		switch {
		case !ok:
		case e.Request.Method == http.MethodOptions:
			go h.release(e.RequestID) // an event's listener may not call the browser
		default:
			h.waiting <- e.RequestID
		}
	}))
	p.must(chromedp.Do(p.ctx, call(fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: pattern, RequestStage: stage}}})))
	return h
}

// one waits for a call that waits.
func (h *held) one() fetch.RequestID {
	h.p.t.Helper()
	ctx, cancel := context.WithTimeout(h.p.ctx, stepWithin)
	defer cancel()
	select {
	case id := <-h.waiting:
		return id
	case <-ctx.Done():
		h.p.t.Fatalf("no call has come; the page says: %s", h.p.words())
		return ""
	}
}

// release lets a call go on. One that the page has given up needs it no more.
func (h *held) release(id fetch.RequestID) {
	_, _ = chromedp.Call(h.p.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: id})
}

// cut lets nothing reach addresses of some patterns, until slow says how fast all are reached.
func (p *page) cut(patterns ...string) {
	p.t.Helper()
	p.slow(0)
	var conditions []*network.Conditions
	for _, one := range patterns {
		conditions = append(conditions, &network.Conditions{URLPattern: one, DownloadThroughput: -1, UploadThroughput: -1, Offline: true})
	}
	p.must(chromedp.Do(p.ctx, call(network.EmulateNetworkConditionsByRule,
		network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: conditions})))
}
