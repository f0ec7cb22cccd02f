package image

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// supported are the instructions, as the sentence about another one lists them.
const supported = "FROM scratch, COPY, ENV, LABEL, USER, EXPOSE, ENTRYPOINT, CMD and HEALTHCHECK"

// Build makes the image that the Dockerfile of that name in the folder describes. The platform is linux/arm64 or linux/amd64: it says
// what the image is for, and must be that of the programs that are copied. An error is a sentence that names the instruction.
func Build(dir, dockerfile, platform string) (v1.Image, error) {
	files, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of the image: %w", err)
	}
	defer func() { _ = files.Close() }() // it was only read
	if _, err := files.Stat(".dockerignore"); err == nil {
		return nil, errors.New(".dockerignore is not supported: keep in the folder only what the image needs")
	}
	text, err := files.ReadFile(dockerfile)
	if err != nil {
		return nil, fmt.Errorf("read the Dockerfile: %w", err)
	}
	instructions, err := parse(string(text))
	if err != nil {
		return nil, err
	}
	if first := instructions[0]; first.name != "FROM" || first.rest != "scratch" {
		return nil, first.fault("the first instruction must be FROM scratch; an image on another one needs Docker (DOCKER=yes)")
	}
	b := &builder{files: files}
	b.config.OS, b.config.Architecture, err = splitPlatform(platform)
	if err != nil {
		return nil, err
	}
	for _, i := range instructions[1:] {
		if err := b.apply(i); err != nil {
			return nil, err
		}
	}
	return b.image()
}

func splitPlatform(platform string) (system, architecture string, err error) {
	system, architecture, _ = strings.Cut(platform, "/")
	if system != "linux" || architecture != "arm64" && architecture != "amd64" {
		return "", "", fmt.Errorf("the platform must be linux/arm64 or linux/amd64, got %q", platform)
	}
	return system, architecture, nil
}

// builder collects what the instructions say.
type builder struct {
	files  *os.Root
	config v1.ConfigFile // its history and layers come with the additions
	added  []mutate.Addendum
}

func (b *builder) apply(i instruction) (err error) {
	var layer v1.Layer
	container := &b.config.Config
	switch i.name {
	case "COPY":
		layer, err = b.copy(i)
	case "ENV":
		err = b.env(i)
	case "LABEL":
		err = b.label(i)
	case "USER":
		container.User, err = i.one()
	case "EXPOSE":
		err = b.expose(i)
	case "ENTRYPOINT":
		container.Entrypoint, err = i.command()
	case "CMD":
		container.Cmd, err = i.command()
	case "HEALTHCHECK":
		container.Healthcheck, err = healthcheck(i)
	default:
		err = i.fault("%s is not supported; without Docker there are %s (DOCKER=yes builds with Docker)", i.name, supported)
	}
	if err != nil {
		return err
	}
	b.added = append(b.added, mutate.Addendum{Layer: layer, History: v1.History{
		Created: v1.Time{Time: epoch}, CreatedBy: i.String(), EmptyLayer: layer == nil,
	}})
	return nil
}

func (b *builder) image() (v1.Image, error) {
	if len(b.config.Config.Entrypoint) == 0 && len(b.config.Config.Cmd) == 0 {
		return nil, errors.New("the image starts nothing: ENTRYPOINT or CMD is missing")
	}
	b.config.Created = v1.Time{Time: epoch}
	described, err := mutate.ConfigFile(empty.Image, &b.config)
	if err != nil {
		return nil, fmt.Errorf("describe the image: %w", err)
	}
	made, err := mutate.Append(described, b.added...)
	if err != nil {
		return nil, fmt.Errorf("put the layers together: %w", err)
	}
	return made, nil
}

func (b *builder) env(i instruction) error {
	pairs, err := i.pairs()
	for _, p := range pairs {
		b.config.Config.Env = append(b.config.Config.Env, p[0]+"="+p[1])
	}
	return err
}

func (b *builder) label(i instruction) error {
	pairs, err := i.pairs()
	if b.config.Config.Labels == nil {
		b.config.Config.Labels = map[string]string{}
	}
	for _, p := range pairs {
		b.config.Config.Labels[p[0]] = p[1]
	}
	return err
}

func (b *builder) expose(i instruction) error {
	ports, err := i.plain()
	if err != nil {
		return err
	}
	if b.config.Config.ExposedPorts == nil {
		b.config.Config.ExposedPorts = map[string]struct{}{}
	}
	for _, port := range ports {
		number, protocol, found := strings.Cut(port, "/")
		if !found {
			protocol = "tcp"
		}
		if n, err := strconv.ParseUint(number, 10, 16); err != nil || n == 0 || protocol != "tcp" && protocol != "udp" {
			return i.fault("%q is no port such as 8080 or 8080/tcp", port)
		}
		b.config.Config.ExposedPorts[number+"/"+protocol] = struct{}{}
	}
	return nil
}

// healthcheck reads HEALTHCHECK NONE, or options and then CMD with a list.
func healthcheck(i instruction) (*v1.HealthConfig, error) {
	if strings.EqualFold(i.rest, "NONE") {
		return &v1.HealthConfig{Test: []string{"NONE"}}, nil
	}
	c := &v1.HealthConfig{}
	options, command, found := strings.Cut(i.rest, "CMD ")
	if !found {
		return nil, i.fault(`HEALTHCHECK must be NONE, or end with CMD and a list`)
	}
	durations := map[string]*time.Duration{
		"--interval": &c.Interval, "--timeout": &c.Timeout, "--start-period": &c.StartPeriod,
	}
	for _, option := range strings.Fields(options) {
		name, value, _ := strings.Cut(option, "=")
		var err error
		switch into := durations[name]; {
		case into != nil:
			*into, err = time.ParseDuration(value)
		case name == "--retries":
			c.Retries, err = strconv.Atoi(value)
		default:
			err = errors.New("unknown")
		}
		if err != nil {
			return nil, i.fault("%q is not an option that is supported, or has no value that it takes", option)
		}
	}
	words, err := instruction{i.name, strings.TrimSpace(command)}.command()
	if err != nil {
		return nil, err
	}
	c.Test = append([]string{"CMD"}, words...)
	return c, nil
}
