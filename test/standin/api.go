package standin

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/child"
)

// APIOptions are what is told to the API beside what leads it to the stand-in.
type APIOptions struct {
	// Env has further variables, as KEY=value, such as MEMORY_LIMIT_MIB=512 or GOMAXPROCS=2.
	Env []string
	// Log receives what the API logs. Default: nobody.
	Log io.Writer
}

// API is a running API.
type API struct {
	// URL is its address, without a path.
	URL string
	// Token is a machine's access token with all scopes.
	Token string
	Process
}

// StartAPI builds the API as it is deployed, for the processor of this machine, starts it beside the stand-in and waits until
// it is ready. The caller ends it with Stop or Kill; it never outlives the caller's process. ctx bounds the start alone.
func StartAPI(ctx context.Context, b *Backend, o APIOptions) (*API, error) {
	dir, err := gobuild.Function("api", runtime.GOARCH)
	if err != nil {
		return nil, fmt.Errorf("start the API: %w", err)
	}
	port, err := child.FreePort(ctx, 0)
	if err != nil {
		return nil, err
	}
	token, err := b.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("start the API: %w", err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	env := append(b.Environment(), contract.EnvListenAddress+"="+address)
	started, err := child.Start(child.Program{
		Path: filepath.Join(dir, gobuild.FunctionBinary), Env: append(env, o.Env...), Output: o.Log,
	})
	if err != nil {
		return nil, err
	}
	api := &API{URL: "http://" + address, Token: token, Process: Process{child: started}}
	if err := started.WaitServing(ctx, api.URL+"/readyz"); err != nil {
		api.Kill()
		return nil, fmt.Errorf("start the API: %w", err)
	}
	return api, nil
}
