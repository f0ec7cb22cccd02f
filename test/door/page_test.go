package door

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// size writes a number of bytes as the page does.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%d GiB", bytes>>30)
	case bytes >= 1<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

func TestReadme_StatesTheLimitsOfTheService(t *testing.T) {
	_, rest, _ := strings.Cut(read(t, "README.md"), "\n## Limits\n")
	section, _, found := strings.Cut(rest, "\n## ")
	if !found {
		t.Fatal("README.md has no limits")
	}
	for _, want := range []string{
		"| one reading | a body of " + size(contract.ReadingBodyBytesMax),
		fmt.Sprintf("an id of %d of", contract.EquipmentIDCharsMax),
		fmt.Sprintf("a value of %d digits before and %d after the point, %d in all", contract.ValueIntegerDigitsMax, contract.ValueFractionDigitsMax, contract.ValueDigitsMax),
		fmt.Sprintf("at most %d h in the future", int(contract.FutureMax/time.Hour)),
		fmt.Sprintf("| a batch | %d,%03d readings, %s |", contract.BatchReadingsMax/1000, contract.BatchReadingsMax%1000, size(contract.BatchBodyBytesMax)),
		fmt.Sprintf("| a CSV file | %s", size(contract.UploadBytesMax)),
		fmt.Sprintf("above %s in parts", size(contract.UploadPutBytesMax)),
		fmt.Sprintf("a person's for %d h |", int(contract.CookieLifetime/time.Hour)),
		fmt.Sprintf("%s through the API itself", size(contract.SmallUploadBytesMax)),
		fmt.Sprintf("%s with gzip", size(contract.CSVUnpackedBytesMax)),
		fmt.Sprintf("at least %d h", int(contract.RetentionMin/time.Hour)),
		fmt.Sprintf("| a window of aggregates | %d days; %d equipments by name; %d,%03d items a page |",
			contract.AggregatesDaysMax, contract.AggregatesEquipmentsMax, contract.AggregatesPageMax/1000, contract.AggregatesPageMax%1000),
	} {
		if !strings.Contains(section, want) {
			t.Errorf("the limits do not say %q", want)
		}
	}
}

// TestReadme_HasTheFirstExampleOfTheConstructs holds the main.go of the page to the example of the constructs' page. Package consumertest
// builds it as it stands.
func TestReadme_HasTheFirstExampleOfTheConstructs(t *testing.T) {
	first := regexp.MustCompile("(?s)```go\n(.*?)```")
	example, whole := first.FindStringSubmatch(read(t, "constructs", "README.md")), first.FindStringSubmatch(read(t, "README.md"))
	if example == nil || whole == nil {
		t.Fatal("a page has no Go")
	}
	body := "\t" + strings.ReplaceAll(strings.TrimSpace(example[1]), "\n", "\n\t") + "\n\tapp.Synth(nil)\n"
	if !strings.Contains(whole[1], body) {
		t.Errorf("README.md shows\n%s\nwithout\n%s", whole[1], body)
	}
}

// What is for those who change the project stands elsewhere, so that the page is read to its end.
func TestReadme_IsNotTooLong(t *testing.T) {
	const linesMax = 400
	if lines := strings.Count(read(t, "README.md"), "\n"); lines >= linesMax {
		t.Errorf("README.md has %d lines", lines)
	}
}

// TestReadme_HasAPictureThatLoadsFast holds the size of the pictures that the page shows.
func TestReadme_HasAPictureThatLoadsFast(t *testing.T) {
	const bytesMax = 200_000
	pictures := regexp.MustCompile(`!\[[^\]]+\]\(([^)]+)\)`).FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(pictures) == 0 {
		t.Error("README.md shows no picture of the console")
	}
	for _, picture := range pictures {
		info, err := os.Stat(filepath.Join(root(t), filepath.FromSlash(picture[1])))
		if err != nil || info.Size() > bytesMax {
			t.Errorf("%s: %v", picture[1], err)
		}
	}
}
