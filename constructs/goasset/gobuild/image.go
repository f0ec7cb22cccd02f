package gobuild

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// dockerfile makes the image. 65532 is the user that images without a distribution commonly call nonroot.
const dockerfile = `FROM scratch
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY app /app
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/app"]
`

// certificates are the roots that Mozilla trusts for servers, as PEM. They are those of
// golang.org/x/crypto/x509roots/fallback in the version of this module's go.mod. They lie here as a file: an app that
// imports this package may have another version of that module, and the image would then depend on the app. A test
// compares the two and rewrites the file with -update.
//
//go:embed ca-certificates.crt
var certificates []byte

func buildImage(t target) (string, error) {
	function, err := Function(t.command, t.architecture)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(function, FunctionBinary)
	digest := sha256.New()
	digest.Write([]byte(dockerfile))
	digest.Write(certificates)
	if err := copyTo(digest, binary); err != nil {
		return "", err
	}
	return keep(t.command+"-"+t.architecture+"-image", hex.EncodeToString(digest.Sum(nil)), func(dir string) error {
		for name, content := range map[string][]byte{
			"Dockerfile": []byte(dockerfile), "ca-certificates.crt": certificates,
		} {
			if err := write(filepath.Join(dir, name), 0o644, content); err != nil {
				return err
			}
		}
		app, err := os.Create(filepath.Join(dir, "app")) //nolint:gosec // in our own cache
		if err != nil {
			return fmt.Errorf("write the image's folder: %w", err)
		}
		if err := copyTo(app, binary); err != nil {
			return err
		}
		if err := app.Close(); err != nil {
			return fmt.Errorf("write the image's folder: %w", err)
		}
		return os.Chmod(app.Name(), 0o755) //nolint:gosec // a program must be executable
	})
}

func write(path string, mode os.FileMode, content []byte) error {
	if err := os.WriteFile(path, content, mode); err != nil {
		return fmt.Errorf("write the image's folder: %w", err)
	}
	return os.Chmod(path, mode)
}

func copyTo(w io.Writer, path string) error {
	f, err := os.Open(path) //nolint:gosec // what was built
	if err != nil {
		return fmt.Errorf("read what was built: %w", err)
	}
	defer func() { _ = f.Close() }()
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("read what was built: %w", err)
	}
	return nil
}
