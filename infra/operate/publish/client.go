package publish

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sensorflow/sensorflow/infra/operate/image"
)

// Exit statuses. The CDK takes 1 as the answer that an image is not there, and any other one as a failure.
const (
	StatusOK      = 0
	StatusAbsent  = 1
	StatusFailure = 2
)

// passwordBytesMax bounds a password; those of ECR have about 2,000 bytes.
const passwordBytesMax = 64 << 10

// Client answers verbs. All fields are required.
type Client struct {
	// Dir keeps images and passwords between the calls of one deployment; only this user can read it.
	Dir string
	// Transport carries what is sent to registries, over HTTPS or to this machine, such as one that NewTransport returns.
	Transport http.RoundTripper
	Now       func() time.Time
	In        io.Reader
	Out       io.Writer
}

// Run answers one verb with its flags, and returns the exit status. An error is one sentence.
func (c Client) Run(ctx context.Context, arguments []string) (status int, err error) {
	err = c.run(ctx, arguments)
	switch {
	case err == nil:
		return StatusOK, nil
	case errors.Is(err, errNoImage):
		return StatusAbsent, err
	default:
		return StatusFailure, err
	}
}

func (c Client) run(ctx context.Context, arguments []string) error {
	// The CDK gives --config where a file of its own names credentials for images that others build on. Ours build on none.
	if len(arguments) > 1 && arguments[0] == "--config" {
		arguments = arguments[2:]
	}
	if len(arguments) == 0 {
		return errors.New("a verb is missing: inspect, images, build, tag, login or push")
	}
	verb, rest := arguments[0], arguments[1:]
	switch verb {
	case "inspect":
		return c.inspect(rest)
	case "images":
		return c.images(rest)
	case "build":
		return c.build(rest)
	case "tag":
		return c.tag(rest)
	case "login":
		return c.login(ctx, rest)
	case "push":
		return c.push(ctx, rest)
	default:
		return fmt.Errorf("the verb %q is not supported: there are inspect, images, build, tag, login and push; "+
			"DOCKER=yes takes Docker", verb)
	}
}

// flags are those of one verb.
func flags(verb string) *flag.FlagSet {
	set := flag.NewFlagSet(verb, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	return set
}

// parse reads the flags of a verb and the arguments behind them, of which there must be so many.
func parse(set *flag.FlagSet, arguments []string, count int) ([]string, error) {
	if err := set.Parse(arguments); err != nil {
		return nil, fmt.Errorf("%s: %w; DOCKER=yes takes Docker", set.Name(), err)
	}
	if set.NArg() != count {
		return nil, fmt.Errorf("%s takes %d arguments behind its flags, got %q", set.Name(), count, set.Args())
	}
	return set.Args(), nil
}

func (c Client) store() store { return store{c.Dir} }

func (c Client) registries() registries { return registries{c.Dir, c.Transport, c.Now, c.Out} }

func (c Client) inspect(arguments []string) error {
	tags, err := parse(flags("inspect"), arguments, 1)
	if err != nil {
		return err
	}
	found, err := c.store().find(tags[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.Out, found.Tag, found.Digest)
	return err
}

// images lists tags, the whole tag being compared with the pattern.
func (c Client) images(arguments []string) error {
	set := flags("images")
	format := set.String("format", "", "")
	filter := set.String("filter", "", "")
	if _, err := parse(set, arguments, 0); err != nil {
		return err
	}
	pattern, found := strings.CutPrefix(*filter, "reference=")
	if !found || *format != "{{.Repository}}:{{.Tag}}" {
		return errors.New("images takes --format {{.Repository}}:{{.Tag}} and --filter reference=PATTERN, and nothing else")
	}
	all, err := c.store().all()
	if err != nil {
		return err
	}
	for _, tag := range all {
		matches, err := path.Match(pattern, tag)
		if err != nil {
			return fmt.Errorf("the pattern %q: %w", pattern, err)
		}
		if matches {
			if _, err := fmt.Fprintln(c.Out, tag); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c Client) build(arguments []string) error {
	set := flags("build")
	tag := set.String("tag", "", "")
	dockerfile := set.String("file", "Dockerfile", "")
	platform := set.String("platform", "", "")
	folder, err := parse(set, arguments, 1)
	if err != nil {
		return err
	}
	if *tag == "" {
		return errors.New("build needs --tag")
	}
	built, err := image.Build(folder[0], *dockerfile, *platform)
	if err != nil {
		return fmt.Errorf("build %s: %w", *tag, err)
	}
	if err := c.store().save(*tag, built, c.Now()); err != nil {
		return fmt.Errorf("build %s: %w", *tag, err)
	}
	return c.say("built", *tag, built)
}

// say tells the digest of an image and how many bytes its layers have, as they are sent.
func (c Client) say(done, tag string, image v1.Image) error {
	digest, err := image.Digest()
	if err != nil {
		return fmt.Errorf("compute the digest: %w", err)
	}
	layers, err := image.Layers()
	if err != nil {
		return fmt.Errorf("look at the layers: %w", err)
	}
	var bytes int64
	for _, layer := range layers {
		size, err := layer.Size()
		if err != nil {
			return fmt.Errorf("look at the layers: %w", err)
		}
		bytes += size
	}
	_, err = fmt.Fprintf(c.Out, "%s %s: digest %s, %d bytes in %d layers\n", done, tag, digest, bytes, len(layers))
	return err
}

func (c Client) tag(arguments []string) error {
	tags, err := parse(flags("tag"), arguments, 2)
	if err != nil {
		return err
	}
	found, err := c.store().find(tags[0])
	if err != nil {
		return err
	}
	return c.store().setTag(tagged{tags[1], found.Digest})
}

func (c Client) login(ctx context.Context, arguments []string) error {
	set := flags("login")
	username := set.String("username", "", "")
	fromInput := set.Bool("password-stdin", false, "")
	hosts, err := parse(set, arguments, 1)
	if err != nil {
		return err
	}
	if *username == "" || !*fromInput {
		return errors.New("login needs --username and --password-stdin: a password in an argument could be seen by others")
	}
	password, err := io.ReadAll(io.LimitReader(c.In, passwordBytesMax))
	if err != nil {
		return fmt.Errorf("read the password: %w", err)
	}
	password = bytes.TrimRight(password, "\r\n")
	if len(password) == 0 {
		return errors.New("login got no password from its input")
	}
	if err := c.registries().login(ctx, hosts[0], login{Username: *username, Password: string(password)}); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	_, err = fmt.Fprintln(c.Out, "signed in to", hosts[0])
	return err
}

func (c Client) push(ctx context.Context, arguments []string) error {
	tags, err := parse(flags("push"), arguments, 1)
	if err != nil {
		return err
	}
	found, err := c.store().find(tags[0])
	if err != nil {
		return err
	}
	kept, err := c.store().image(found.Digest)
	if err != nil {
		return err
	}
	if err := c.registries().push(ctx, tags[0], kept); err != nil {
		return fmt.Errorf("push: %w", err)
	}
	return c.say("pushed", tags[0], kept)
}
