// Command publisher takes the place of Docker when the CDK's command line publishes the image of the API:
//
//	CDK_DOCKER=.local/bin/publisher cdk deploy …
//
// `make deploy` does that by itself. The images that it builds, and the passwords of registries, are kept in the folder that the variable
// SENSORFLOW_PUBLISHER_DIR names, by default below the user's cache. The exit status is 1 where an image is not there, and 2 after
// any other failure, which is told in a sentence.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sensorflow/sensorflow/infra/operate/publish"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx)
	stop()
	os.Exit(status)
}

func run(ctx context.Context) int {
	dir, err := folder()
	status := publish.StatusFailure
	if err == nil {
		status, err = publish.Client{
			Dir: dir, Transport: publish.NewTransport(new(net.Dialer).DialContext), Now: time.Now, In: os.Stdin, Out: os.Stdout,
		}.Run(ctx, os.Args[1:])
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "publisher:", err)
	}
	return status
}

func folder() (string, error) {
	if dir := os.Getenv("SENSORFLOW_PUBLISHER_DIR"); dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for images: %w; SENSORFLOW_PUBLISHER_DIR names one", err)
	}
	return filepath.Join(cache, "sensorflow-publisher"), nil
}
