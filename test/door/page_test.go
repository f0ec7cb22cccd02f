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

// TestPages_LinkToWhatIsThere follows the links of the pages that a newcomer meets, to files and to headings.
func TestPages_LinkToWhatIsThere(t *testing.T) {
	link, heading := regexp.MustCompile(`\]\(([^)\s]+)\)`), regexp.MustCompile(`(?m)^#+ (.*)$`)
	for _, page := range []string{"README.md", filepath.Join(".github", "CONTRIBUTING.md"), filepath.Join(".github", "SECURITY.md")} {
		found := link.FindAllStringSubmatch(read(t, page), -1)
		if len(found) < 2 {
			t.Errorf("%s has %d links", page, len(found))
		}
		for _, match := range found {
			if strings.Contains(match[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(match[1], "#")
			target := filepath.Join(filepath.Dir(page), filepath.FromSlash(file))
			if file == "" {
				target = page
			}
			info, err := os.Stat(filepath.Join(root(t), target))
			if err != nil {
				t.Errorf("%s links to %s: %v", page, match[1], err)
				continue
			}
			if anchor == "" || info.IsDir() {
				continue
			}
			names := map[string]bool{}
			for _, h := range heading.FindAllStringSubmatch(read(t, target), -1) {
				names[strings.ReplaceAll(regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
			}
			if !names[anchor] {
				t.Errorf("%s links to %s, where there is no such heading", page, match[1])
			}
		}
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
