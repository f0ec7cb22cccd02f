// Command function is the Lambda function that the tests of lambdalocal run.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

type event struct{ Do, Marker string }

func main() { lambda.Start(handle) }

func handle(ctx context.Context, e event) (any, error) {
	fmt.Println("doing", e.Do)
	switch e.Do {
	case "pid":
		return os.Getpid(), nil
	case "environment":
		return os.Getenv("AWS_LAMBDA_FUNCTION_NAME") + " " + os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") + " " +
			os.Getenv("GREETING") + " " + os.Getenv("LAMBDALOCAL_TEST_PARENT"), nil
	case "error":
		return nil, errors.New("refused")
	case "exit":
		os.Exit(3)
	case "panic":
		panic("at the disco")
	case "hang":
		if e.Marker != "" {
			_ = os.WriteFile(e.Marker, nil, 0o600)
		}
		select {} // beyond the deadline of ctx, too
	case "meet":
		return meet(ctx, e.Marker)
	}
	return nil, errors.New("unknown: " + e.Do)
}

// meet waits until two processes have left a file in the folder, and tells how many there are.
func meet(ctx context.Context, dir string) (int, error) {
	if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(os.Getpid())), nil, 0o600); err != nil {
		return 0, err
	}
	for ctx.Err() == nil {
		if files, err := os.ReadDir(dir); err != nil || len(files) >= 2 {
			return len(files), err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return 0, ctx.Err()
}
