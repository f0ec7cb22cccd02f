package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/local/datadir"
)

// layoutFile names the regions whose data a folder holds, where there are several. Each has a folder of its own in it then.
const layoutFile = "regions.json"

type layout struct {
	Regions []string `json:"regions"`
}

// claim makes sure that a folder holds the data of these regions and no others, or nothing yet. One region alone has no name.
func claim(folder *datadir.Dir, names []string) error {
	path := folder.Kept(layoutFile)
	if path == "" {
		return nil
	}
	held, err := readLayout(path)
	if err != nil {
		return err
	}
	_, err = os.Stat(folder.File(secretsFile))
	begun := err == nil
	switch {
	case len(held.Regions) > 0 && !slices.Equal(held.Regions, names):
		return fmt.Errorf("the data folder %s holds the data of %d regions (%s); open it with REGIONS=%d, or choose another DATA_DIR",
			folder.File(""), len(held.Regions), strings.Join(held.Regions, ", "), len(held.Regions))
	case len(held.Regions) == 0 && begun && len(names) > 0:
		return fmt.Errorf("the data folder %s holds the data of one region; leave REGIONS out, or choose another DATA_DIR", folder.File(""))
	case len(held.Regions) > 0 || len(names) == 0:
		return nil
	}
	content, err := json.Marshal(layout{names})
	if err != nil {
		return fmt.Errorf("encode %s: %w", layoutFile, err)
	}
	return datadir.WriteFile(path, content)
}

func readLayout(path string) (layout, error) {
	var held layout
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return held, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &held)
	}
	if err != nil {
		return held, fmt.Errorf("read which regions' data a folder holds: %s: %w", path, err)
	}
	return held, nil
}
