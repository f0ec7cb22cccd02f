package rollback

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// lambdaTime is how Lambda writes a time.
const lambdaTime = "2006-01-02T15:04:05.000-0700"

// codeBytesMax bounds a function's code; ours have 5 MB, and a direct upload may have 50.
const codeBytesMax = 50 << 20

// functionStep gives a function the code of an earlier version.
type functionStep struct {
	id, name string
	version  int
	sum      string // of the code, as Lambda tells it
}

// configuration is what Lambda tells of a function or a version of it.
type configuration struct {
	FunctionName, Version, CodeSha256, LastModified string
	LastUpdateStatus, LastUpdateStatusReason, State string
	Architectures                                   []string
}

// planFunctions returns a step for each function whose code the deployment changed, and says of the others why they stay.
func (r *rollback) planFunctions(ctx context.Context, c change) (steps []functionStep, stay []string, err error) {
	for _, id := range slices.Sorted(maps.Keys(c.functions)) {
		step, reason, err := r.planFunction(ctx, id, c.functions[id], c)
		if err != nil {
			return nil, nil, err
		}
		if reason != "" {
			stay = append(stay, id+": "+reason)
			continue
		}
		steps = append(steps, step)
	}
	return steps, stay, nil
}

func (r *rollback) planFunction(ctx context.Context, id, name string, c change) (step functionStep, stays string, err error) {
	all, err := r.versions(ctx, name)
	if err != nil {
		return functionStep{}, "", err
	}
	h, err := historyOf(all, c.began)
	if err != nil {
		return functionStep{}, "", err
	}
	if h.now.LastUpdateStatus == "InProgress" {
		return functionStep{}, "", fmt.Errorf("a deployment of the function %s is in progress: wait until it is over", name)
	}
	return functionStep{id, name, number(h.before), h.before.CodeSha256}, h.stays(), nil
}

// history is what of a function's versions a rollback goes by.
type history struct {
	now            configuration // what runs
	newest, before configuration // of those that were published: of all, and of those before the deployment; without a Version where there is none
}

func historyOf(all []configuration, began time.Time) (history, error) {
	var h history
	for _, v := range all {
		if v.Version == "$LATEST" {
			h.now = v
			continue
		}
		if number(v) > number(h.newest) {
			h.newest = v
		}
		published, err := time.Parse(lambdaTime, v.LastModified)
		if err != nil {
			return history{}, fmt.Errorf("version %s of %s: when it was made cannot be read: %w", v.Version, v.FunctionName, err)
		}
		if published.Before(began) && number(v) > number(h.before) {
			h.before = v
		}
	}
	return h, nil
}

// stays says why the function keeps the code that it has; empty where it goes back.
func (h history) stays() string {
	switch {
	case h.newest.Version == "":
		return "its versions are not kept, as those of the CDK's own functions are not"
	case h.before.Version == "":
		return "nothing ran before that Lambda remembers"
	case h.now.CodeSha256 != h.before.CodeSha256:
		return ""
	case h.now.CodeSha256 != h.newest.CodeSha256:
		return "it was rolled back already, to version " + h.before.Version
	default:
		return "its code is the same as before"
	}
}

func number(v configuration) int {
	n, _ := strconv.Atoi(v.Version) // $LATEST and what is no number come before all
	return n
}

// versions lists what Lambda has of a function, what runs now included.
func (r *rollback) versions(ctx context.Context, name string) ([]configuration, error) {
	var all []configuration
	for marker := ""; ; {
		var page struct {
			Versions   []configuration
			NextMarker string
		}
		path := functionPath(name) + "/versions?MaxItems=50"
		if marker != "" {
			path += "&Marker=" + url.QueryEscape(marker)
		}
		if err := r.lambda(ctx, http.MethodGet, path, nil, &page); err != nil {
			return nil, fmt.Errorf("list the versions of %s: %w", name, err)
		}
		all = append(all, page.Versions...)
		if marker = page.NextMarker; marker == "" {
			return all, nil
		}
	}
}

// putBack gives a function its earlier code, and waits until that is in force.
func (r *rollback) putBack(ctx context.Context, step functionStep) error {
	var version struct {
		Configuration configuration
		Code          struct{ Location string }
	}
	path := functionPath(step.name) + "?Qualifier=" + strconv.Itoa(step.version)
	if err := r.lambda(ctx, http.MethodGet, path, nil, &version); err != nil {
		return fmt.Errorf("look up the code of %s: %w", step.name, err)
	}
	code, err := r.download(ctx, version.Code.Location)
	if err != nil {
		return fmt.Errorf("get the code of %s: %w", step.name, err)
	}
	if sum := sha256.Sum256(code); base64.StdEncoding.EncodeToString(sum[:]) != step.sum {
		return fmt.Errorf("get the code of %s: it is not that of version %d", step.name, step.version)
	}
	// The architecture goes with the program.
	err = r.lambda(ctx, http.MethodPut, functionPath(step.name)+"/code",
		map[string]any{"ZipFile": code, "Architectures": version.Configuration.Architectures}, nil)
	if err != nil {
		return fmt.Errorf("put %s back: %w", step.name, err)
	}
	for {
		var now configuration
		if err := r.lambda(ctx, http.MethodGet, functionPath(step.name)+"/configuration", nil, &now); err != nil {
			return fmt.Errorf("look at %s: %w", step.name, err)
		}
		switch {
		case now.LastUpdateStatus == "Successful" && now.CodeSha256 == step.sum:
			r.say("%s: runs the code of version %d", step.id, step.version)
			return nil
		case now.LastUpdateStatus == "Failed":
			return fmt.Errorf("%s did not take the code of version %d: %s", step.name, step.version, now.LastUpdateStatusReason)
		}
		if err := r.Wait(ctx, pollEvery); err != nil {
			return fmt.Errorf("wait for %s: %w", step.name, err)
		}
	}
}

// download follows the address that Lambda gives for a version's code. It is signed, so it gets into no message.
func (r *rollback) download(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil || address == "" {
		return nil, errors.New("there is no address for it")
	}
	response, err := r.HTTP.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if response.StatusCode != http.StatusOK {
		return nil, errors.New("the answer is " + response.Status)
	}
	code, err := io.ReadAll(io.LimitReader(response.Body, codeBytesMax))
	if err != nil {
		return nil, fmt.Errorf("read it: %w", err)
	}
	return code, nil
}

func functionPath(name string) string { return "/2015-03-31/functions/" + url.PathEscape(name) }

func (r *rollback) lambda(ctx context.Context, method, path string, in, out any) error {
	return r.calls.REST(ctx, "lambda", r.Region, method, path, in, out)
}
