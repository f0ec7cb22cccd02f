package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

const nodeMajorMin = 20

// checkNode checks that there is a Node.js that can run the CDK, which is written in TypeScript.
func checkNode(ctx context.Context, getenv func(string) string) error {
	if getenv("JSII_RUNTIME") != "" {
		return nil // started by a command of the user's own
	}
	node := getenv("JSII_NODE")
	if node == "" {
		node = "node"
	}
	//nolint:gosec // whoever sets JSII_NODE wants it to be run
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return fmt.Errorf("the CDK needs Node.js %d or newer, and %s cannot be run: install it from https://nodejs.org",
			nodeMajorMin, node)
	}
	version := strings.TrimSpace(string(out))
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	n, err := strconv.Atoi(major)
	if err != nil || n < nodeMajorMin {
		return fmt.Errorf("the CDK needs Node.js %d or newer, and %s is %s: install a newer one from "+
			"https://nodejs.org", nodeMajorMin, node, version)
	}
	return nil
}
