package docs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestMain(m *testing.M) { cdktest.Main(m) }

// page is the place of a page of constructs, as cdktest.Golden takes it.
func page(name string) string { return filepath.Join("..", "..", "..", "constructs", name) }

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "constructs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
