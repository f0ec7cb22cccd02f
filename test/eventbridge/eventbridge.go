// Package eventbridge does in tests what EventBridge does between a bucket and a queue: it tells of a new object, by events of the
// shape that AWS documents (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html), compares them with a rule's
// pattern, and writes what the rule's target is sent. It knows as much of patterns and templates as our rules use, and refuses the rest.
package eventbridge

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Created is the event of a new object. The key stands in it as it is: unlike S3 itself, EventBridge encodes none.
func Created(account, region, bucket, key string) (event string) {
	encoded, _ := json.Marshal(map[string]any{
		"version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created", "source": "aws.s3",
		"account": account, "time": "2026-11-26T08:00:00Z", "region": region, "resources": []string{"arn:aws:s3:::" + bucket},
		"detail": map[string]any{
			"version": "0", "bucket": map[string]any{"name": bucket},
			"object": map[string]any{
				"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184", "sequencer": "617f08299329d189",
			},
			"request-id": "N4N7GDK58NMKJ12R", "requester": account, "source-ip-address": "192.0.2.1", "reason": "PutObject",
		},
	})
	return string(encoded)
}

// Matches tells whether a rule's pattern takes an event.
func Matches(pattern map[string]any, event string) (bool, error) {
	var decoded any
	if err := json.Unmarshal([]byte(event), &decoded); err != nil {
		return false, fmt.Errorf("read the event: %w", err)
	}
	return matches(pattern, decoded)
}

func matches(pattern, value any) (bool, error) {
	switch p := pattern.(type) {
	case map[string]any:
		object, _ := value.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(p)) {
			if ok, err := matches(p[key], object[key]); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	case []any:
		for _, one := range p {
			if ok, err := matchesOne(one, value); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	default:
		return false, fmt.Errorf("a pattern is an object or a list, not %v", pattern)
	}
}

// matchesOne compares a text with a text, or with an object that holds a wildcard.
func matchesOne(pattern, value any) (bool, error) {
	text, _ := value.(string)
	switch p := pattern.(type) {
	case string:
		return value == p, nil
	case map[string]any:
		wildcard, found := p["wildcard"].(string)
		if !found || len(p) != 1 {
			return false, fmt.Errorf("the comparison %v is not known", p)
		}
		// A * of EventBridge takes a / as well, other than that of package path.
		return path.Match(strings.ReplaceAll(wildcard, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
	default:
		return false, fmt.Errorf("the comparison %v is not known", pattern)
	}
}

// Transform writes what an input transformer sends for an event: in the template, each <name> becomes the JSON of what is at its path.
func Transform(paths map[string]string, template, event string) (string, error) {
	var decoded any
	if err := json.Unmarshal([]byte(event), &decoded); err != nil {
		return "", fmt.Errorf("read the event: %w", err)
	}
	written := template
	for name, path := range paths {
		value := decoded
		names, found := strings.CutPrefix(path, "$.")
		if !found {
			return "", fmt.Errorf("the path %s is not known", path)
		}
		for part := range strings.SplitSeq(names, ".") {
			object, _ := value.(map[string]any)
			value = object[part]
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return "", fmt.Errorf("write %s: %w", name, err)
		}
		written = strings.ReplaceAll(written, "<"+name+">", string(encoded))
	}
	if !json.Valid([]byte(written)) {
		return "", fmt.Errorf("what is sent is not JSON: %s", written)
	}
	return written, nil
}
