package stack

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/sensorflow/sensorflow/runtime/local/datadir"
)

const (
	accessKey = "local"
	username  = "operator@example.com"
	browserID = "local-browser"
	machineID = "local-machine"
)

// secrets are made once for a DataDir, otherwise at each start.
type secrets struct {
	Password      string `json:"password"`
	ClientSecret  string `json:"clientSecret"`
	BrowserSecret string `json:"browserSecret"`
	S3Secret      string `json:"s3Secret"`
	// PoolURL is where the user pool was first served: tokens name it.
	PoolURL string `json:"poolUrl"`
}

func newSecrets() secrets {
	return secrets{Password: rand.Text(), ClientSecret: rand.Text(), BrowserSecret: rand.Text(), S3Secret: rand.Text()}
}

const secretsFile = "credentials.json"

// keepSecrets writes them to the folder; those that regions share are kept already.
func (s *Stack) keepSecrets() error {
	if s.options.of != nil {
		return nil
	}
	return s.secrets.save(s.folder)
}

// loadSecrets reads the secrets of the folder, or makes new ones.
func loadSecrets(folder *datadir.Dir) (secrets, error) {
	content, err := os.ReadFile(folder.File(secretsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return newSecrets(), nil
	}
	if err != nil {
		return secrets{}, fmt.Errorf("read the credentials: %w", err)
	}
	var kept secrets
	if err := json.Unmarshal(content, &kept); err != nil {
		return secrets{}, fmt.Errorf("read the credentials in %s: %w; delete the file to get new ones", folder.File(secretsFile), err)
	}
	return kept, nil
}

func (s secrets) save(folder *datadir.Dir) error {
	content, err := json.Marshal(s) //nolint:gosec // keeping them for the owner is what the file is for
	if err != nil {
		return fmt.Errorf("encode the credentials: %w", err)
	}
	return datadir.WriteFile(folder.File(secretsFile), content)
}
