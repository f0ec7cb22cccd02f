// Command s3gateway serves S3 on one machine, for the local stack and for tests: the Versity gateway over a folder.
//
// It is a program of its own because the gateway changes the process's working folder and can run only once in a process.
// It checks signatures and expiry as S3 does, refuses an Authorization header beside a signed address as S3 does, stores nothing of a body
// that was cut off as S3 does, and posts an event to -webhook for each object written; the webhook must be listening before this starts.
// GET /healthz answers 200 once it serves. SIGTERM or SIGINT ends it with status 0.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

const (
	// copyBytesMax is the largest source that S3 copies in one call.
	copyBytesMax = 5 << 30
	// connectionsMax and requestsMax are the gateway's own defaults.
	connectionsMax, requestsMax = 250_000, 100_000
	// partsMax is how many parts a multipart upload may have in S3.
	partsMax = 10_000
	// healthPath hides a bucket of the same name.
	healthPath = "/healthz"
	// envSecret is another way to give the secret, which keeps it out of the list of processes.
	envSecret = "S3GATEWAY_SECRET"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "s3gateway:", err)
		os.Exit(1)
	}
}

type options struct {
	port                   int
	dir, sidecar           string
	access, secret, region string
	webhook                string
}

func parse(args []string, getenv func(string) string, output io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("s3gateway", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.IntVar(&o.port, "port", 0, "port on 127.0.0.1 (required)")
	flags.StringVar(&o.dir, "dir", "", "folder of the buckets, made if missing (required)")
	flags.StringVar(&o.sidecar, "sidecar", "", "folder for metadata where -dir keeps no extended attributes (default: beside -dir)")
	flags.StringVar(&o.access, "access", "", "access key (required)")
	flags.StringVar(&o.secret, "secret", "", "secret key (default: "+envSecret+" from the environment)")
	flags.StringVar(&o.region, "region", "us-east-1", "region that requests are signed for")
	flags.StringVar(&o.webhook, "webhook", "", "address that receives events (default: none)")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if o.secret == "" {
		o.secret = getenv(envSecret)
	}
	if o.port < 1 || o.port > 65535 {
		return options{}, fmt.Errorf("-port must be 1 to 65535, got %d", o.port)
	}
	for name, value := range map[string]string{"-dir": o.dir, "-access": o.access, "-secret": o.secret} {
		if value == "" {
			return options{}, fmt.Errorf("%s is required", name)
		}
	}
	err := o.makeAbsolute()
	return o, err
}

// makeAbsolute is needed because the gateway changes the working folder before it looks at the sidecar folder. The
// default sidecar's name must not begin with the whole of dir: the gateway would take it for a folder inside.
func (o *options) makeAbsolute() error {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return fmt.Errorf("find -dir: %w", err)
	}
	o.dir = dir
	if o.sidecar == "" {
		o.sidecar = filepath.Join(filepath.Dir(dir), "meta-"+filepath.Base(dir))
		return nil
	}
	if o.sidecar, err = filepath.Abs(o.sidecar); err != nil {
		return fmt.Errorf("find -sidecar: %w", err)
	}
	return nil
}

func run(ctx context.Context, args []string, getenv func(string) string, output io.Writer) error {
	o, err := parse(args, getenv, output)
	if err != nil {
		return err
	}
	backend, err := openFolder(o)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "s3gateway")
	if err != nil {
		return fmt.Errorf("make a folder for the gateway's socket: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	socket := filepath.Join(folder, "gateway")
	stop, err := serveFront(ctx, o.port, socket)
	if err != nil {
		return err
	}
	defer stop()
	err = embedgw.RunVersityGW(ctx, wholeBodies{backend}, &embedgw.Config{
		RootUserAccess: o.access, RootUserSecret: o.secret, Region: o.region,
		Ports: []string{socket}, SocketPerm: "0600",
		MaxConnections: connectionsMax, MaxRequests: requestsMax, MultipartMaxParts: partsMax,
		KeepAlive: true, Quiet: true, HealthPath: healthPath, EventWebhookURL: o.webhook,
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve S3 on port %d: %w", o.port, err)
	}
	return nil
}

// openFolder keeps metadata in extended attributes where the file system has them, else in the sidecar folder.
func openFolder(o options) (*posix.Posix, error) {
	const private = 0o700
	if err := os.MkdirAll(o.dir, private); err != nil {
		return nil, fmt.Errorf("make the folder of the buckets: %w", err)
	}
	settings := posix.PosixOpts{CopyObjectThreshold: copyBytesMax}
	var store meta.MetadataStorer = meta.XattrMeta{}
	if !keepsAttributes(o.dir) {
		if err := os.MkdirAll(o.sidecar, private); err != nil {
			return nil, fmt.Errorf("make the folder for metadata: %w", err)
		}
		sidecar, err := meta.NewSideCar(o.sidecar)
		if err != nil {
			return nil, fmt.Errorf("open the folder for metadata: %w", err)
		}
		store, settings.SideCarDir = sidecar, o.sidecar
	}
	backend, err := posix.New(o.dir, store, settings)
	if err != nil {
		return nil, fmt.Errorf("open the folder of the buckets: %w", err)
	}
	return backend, nil
}

// keepsAttributes tries it: asking for an attribute tells too little on file systems that refuse only the writing.
func keepsAttributes(dir string) bool {
	const probe = "probe"
	if (meta.XattrMeta{}).StoreAttribute(nil, dir, "", probe, []byte(probe)) != nil {
		return false
	}
	return (meta.XattrMeta{}).DeleteAttribute(dir, "", probe) == nil
}
