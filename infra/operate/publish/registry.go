package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

const (
	// loginTimeout and pushTimeout bound what leaves the process, also where a registry is slow and never silent for long. An image of
	// 8 MB needs a line of 75 kbit/s for the second one.
	loginTimeout = 30 * time.Second
	pushTimeout  = 15 * time.Minute
	// loginValidFor is how long a password of ECR is good.
	loginValidFor = 12 * time.Hour
)

// login is what one sign-in leaves behind for the push, in a file of its own.
type login struct {
	Username string    `json:"username"`
	Password string    `json:"password"`
	At       time.Time `json:"at"`
}

// String leaves the password out.
func (l login) String() string { return l.Username }

// registries are the registries that somebody signed in to.
type registries struct {
	dir       string
	transport http.RoundTripper
	now       func() time.Time
	out       io.Writer
}

func (r registries) file(host string) string { return filepath.Join(r.dir, "logins", fileName(host)) }

// login asks a registry whether it takes the password, and keeps it for a push.
func (r registries) login(ctx context.Context, host string, l login) error {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	registry, err := name.NewRegistry(host, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("%q is no registry: %w", host, err)
	}
	signed, err := transport.NewWithContext(ctx, registry, &authn.Basic{Username: l.Username, Password: l.Password}, r.guarded(), nil)
	if err != nil {
		return explain(host, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, registry.Scheme()+"://"+registry.Name()+"/v2/", nil)
	if err != nil {
		return fmt.Errorf("ask the registry: %w", err)
	}
	response, err := (&http.Client{Transport: signed}).Do(request)
	if err != nil {
		return explain(host, err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if err := transport.CheckError(response, http.StatusOK); err != nil {
		return explain(host, err)
	}
	l.At = r.now()
	content, err := json.Marshal(l) //nolint:gosec // the password is kept for the push, in a file of mode 0600
	if err != nil {
		return fmt.Errorf("keep the sign-in: %w", err)
	}
	return writeWhole(r.file(host), content)
}

// credentials returns what was kept for a registry; nobody where nothing was, or where it is no longer good.
func (r registries) credentials(host string) (authn.Authenticator, error) {
	content, err := os.ReadFile(r.file(host))
	if errors.Is(err, fs.ErrNotExist) {
		return authn.Anonymous, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the sign-in: %w", err)
	}
	var l login
	if err := json.Unmarshal(content, &l); err != nil {
		return nil, fmt.Errorf("read the sign-in of %s: it is damaged; sign in again", host)
	}
	if r.now().Sub(l.At) > loginValidFor {
		if err := os.Remove(r.file(host)); err != nil {
			return nil, fmt.Errorf("remove a sign-in that is over: %w", err)
		}
		return authn.Anonymous, nil
	}
	return &authn.Basic{Username: l.Username, Password: l.Password}, nil
}

// push uploads what the registry does not have yet. It may be repeated at any time.
func (r registries) push(ctx context.Context, tag string, image v1.Image) error {
	ctx, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	reference, err := name.NewTag(tag, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("%q is no tag of a registry: %w", tag, err)
	}
	host := reference.RegistryStr()
	credentials, err := r.credentials(host)
	if err != nil {
		return err
	}
	telling := &progress{next: r.guarded(), tag: tag, now: r.now, out: r.out, last: r.now()}
	err = remote.Write(reference, image, remote.WithContext(ctx), remote.WithAuth(credentials), remote.WithTransport(telling))
	switch {
	case err == nil:
		return nil
	case refused(err) && credentials == authn.Anonymous:
		return fmt.Errorf("nobody has signed in to %s, and it takes nothing from strangers", host)
	case refused(err):
		return explain(host, err)
	default:
		return fmt.Errorf("%w; a push may be repeated, and goes on with what is missing", explain(host, err))
	}
}

// explain turns a registry's refusal or silence into a sentence, without what the request held.
func explain(host string, err error) error {
	var none silent
	switch {
	case refused(err):
		return fmt.Errorf("%s refused the user name or the password", host)
	case errors.As(err, &none):
		return none
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not get ready in time: %w", host, err)
	default:
		return fmt.Errorf("%s: %w", host, err)
	}
}

func refused(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) &&
		(answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden)
}

// guarded is the transport without requests that anybody on the network could read.
func (r registries) guarded() http.RoundTripper { return encryptedOrLocal{r.transport} }

// encryptedOrLocal lets plain HTTP only reach this machine. The library would also use it with private networks.
type encryptedOrLocal struct{ next http.RoundTripper }

func (e encryptedOrLocal) RoundTrip(request *http.Request) (*http.Response, error) {
	host := request.URL.Hostname()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if ip := net.ParseIP(host); ip != nil {
		local = ip.IsLoopback()
	}
	if request.URL.Scheme != "https" && !local {
		return nil, fmt.Errorf("%s is asked over plain HTTP, which only this machine may be", host)
	}
	return e.next.RoundTrip(request)
}
