package eventsource

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/sensorflow/sensorflow/runtime/local/datadir"
)

// shardEnd is the checkpoint of a shard that was read to its end.
const shardEnd = "SHARD_END"

// checkpoints remember how far each shard of one stream was processed, in a file if there is a path. Losing them only
// repeats records, which may happen at any time anyway.
type checkpoints struct {
	path string

	mu     sync.Mutex
	shards map[string]string // sequence numbers, or shardEnd, by shard id
}

func loadCheckpoints(path string) (*checkpoints, error) {
	c := &checkpoints{path: path, shards: map[string]string{}}
	if path == "" {
		return c, nil
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints: %w", err)
	}
	if err := json.Unmarshal(content, &c.shards); err != nil {
		return nil, fmt.Errorf("read the checkpoints in %s: %w", path, err)
	}
	return c, nil
}

func (c *checkpoints) get(shard string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shards[shard]
}

func (c *checkpoints) set(shard, sequence string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shards[shard] = sequence
	if c.path == "" {
		return nil
	}
	content, err := json.Marshal(c.shards)
	if err != nil {
		return fmt.Errorf("encode the checkpoints: %w", err)
	}
	if err := datadir.WriteFile(c.path, content); err != nil {
		return fmt.Errorf("keep the checkpoints: %w", err)
	}
	return nil
}
