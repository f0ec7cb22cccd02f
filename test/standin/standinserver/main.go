// Command standinserver is the process of package standin's backend. Its one argument is the address that it listens on.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/cognitolocal"
	"github.com/sensorflow/sensorflow/test/standin"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("standinserver needs the address that it listens on, and nothing else; got %q", args)
	}
	pool, err := cognitolocal.New(cognitolocal.Options{
		BaseURL: "http://" + args[0], Scopes: contract.Scopes(),
		Browser:  cognitolocal.Client{ID: standin.BrowserID, Secret: standin.BrowserSecret},
		Machines: []cognitolocal.Client{{ID: standin.MachineID, Secret: standin.MachineSecret}},
	})
	if err != nil {
		return err
	}
	server := &http.Server{Addr: args[0], Handler: newBackend(pool), ReadHeaderTimeout: time.Minute}
	return fmt.Errorf("serve: %w", server.ListenAndServe())
}
