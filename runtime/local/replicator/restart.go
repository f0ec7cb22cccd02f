package replicator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/datadir"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

const (
	keptFile = "replicator.json"
	// finishWithin bounds the last look at the streams.
	finishWithin = 2 * time.Second
)

// kept is the content of keptFile: what a restart must know beside the journals of the trackers.
type kept struct {
	Base  uint64           `json:"base"`
	Cut   []string         `json:"cut"`
	Links map[string]place `json:"links"`
}

// load takes up what an earlier process has kept in the folder, and begins to keep.
func (r *Replicator) load(journalBytes int64) error {
	const private = 0o700
	if err := os.MkdirAll(r.dir, private); err != nil {
		return fmt.Errorf("make the replicator's folder: %w", err)
	}
	path := filepath.Join(r.dir, keptFile)
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the replicator's places: %w", err)
	}
	var of kept
	if err == nil {
		if err := json.Unmarshal(content, &of); err != nil {
			return fmt.Errorf("read the replicator's places in %s: %w", path, err)
		}
	}
	r.base = of.Base
	for _, region := range of.Cut {
		r.cut[region] = true
	}
	for _, l := range r.links {
		l.goTo(of.Links[l.name()])
	}
	for _, t := range r.trackers {
		t.pages.base = r.base
		found, err := t.load(filepath.Join(r.dir, t.table.name+".jsonl"), journalBytes, time.Now())
		if err != nil {
			return err
		}
		r.resumed = r.resumed || found
	}
	return nil
}

// keep writes the file, and returns the places that are in it.
func (r *Replicator) keep() (map[string]place, error) {
	r.mu.Lock() // until the file is there: an older one must not replace a newer one
	defer r.mu.Unlock()
	places := map[string]place{}
	for _, l := range r.links {
		places[l.name()] = l.place()
	}
	if r.dir == "" {
		return places, nil
	}
	of := kept{Base: r.base, Links: places}
	for _, region := range slices.Sorted(maps.Keys(r.cut)) {
		if r.cut[region] {
			of.Cut = append(of.Cut, region)
		}
	}
	content, err := json.Marshal(of)
	if err != nil {
		return nil, fmt.Errorf("encode the replicator's places: %w", err)
	}
	if err := datadir.WriteFile(filepath.Join(r.dir, keptFile), content); err != nil {
		return nil, fmt.Errorf("keep the replicator's places: %w", err)
	}
	return places, nil
}

// resume finds out what became of the writes that an earlier process was making. It tells whether it could before ctx ended.
func (r *Replicator) resume(ctx context.Context) bool {
	if !r.resumed {
		return true
	}
	for pause := pollInterval; ; pause = min(2*pause, pauseMax) {
		err := r.takeUp(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		r.log.Warn("could not take up the replication; trying again", "error", err)
		_ = pacing.Sleep(ctx, pause) // the loop looks at ctx itself
	}
}

func (r *Replicator) takeUp(ctx context.Context) error {
	if err := r.rebase(ctx); err != nil {
		return err
	}
	for _, l := range r.links {
		l.pages.base = r.base
		if last, _ := l.from.read(); l.position.Load() < min(r.base, last) {
			l.gap = true
		}
	}
	for _, t := range r.trackers {
		if err := t.catchUp(ctx); err != nil {
			return err
		}
		if err := t.resumeAll(); err != nil {
			return err
		}
	}
	return nil
}

// rebase goes on counting where DynamoDB Local has begun anew: with a folder that rested for two days it has deleted all records, and
// the next one is number one. The numbers from before stay as they are, and those from now on are higher by the highest of them.
func (r *Replicator) rebase(ctx context.Context) error {
	anew := false
	for _, t := range r.trackers {
		shards, err := t.pages.shards(ctx)
		if err != nil {
			return err
		}
		for _, s := range shards {
			// A shard that was not the one at hand is newer, and begins behind everything that was read.
			anew = anew || s.end == 0 && s.start <= t.last && s.id != t.shard
		}
	}
	if !anew {
		return nil
	}
	base := r.highest()
	r.log.Info("the streams have begun anew", "base", base)
	r.mu.Lock()
	r.base = base
	r.mu.Unlock()
	for _, t := range r.trackers {
		t.pages.base = base
	}
	_, err := r.keep()
	return err
}

// highest is above every number so far.
func (r *Replicator) highest() uint64 {
	highest := r.latest()
	for _, t := range r.trackers {
		t.mu.Lock()
		for _, s := range t.stamps {
			highest = max(highest, s.at)
		}
		t.mu.Unlock()
	}
	for _, l := range r.links {
		highest = max(highest, l.floor.Load())
	}
	return highest
}

// finish reads what was written since the last look, and keeps everything.
func (r *Replicator) finish(ctx context.Context, resumed bool) {
	if r.dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, finishWithin)
	defer cancel()
	var problems []error
	if !resumed {
		problems = append(problems, r.takeUp(ctx))
	}
	for _, t := range r.trackers {
		if !r.isLost(t.table.region) {
			problems = append(problems, t.catchUp(ctx))
		}
	}
	_, err := r.keep()
	problems = append(problems, err)
	for _, t := range r.trackers {
		problems = append(problems, t.journal.close())
	}
	if err := errors.Join(problems...); err != nil {
		r.log.Warn("could not keep all that a restart would like to know", "error", err)
	}
}
