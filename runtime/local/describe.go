package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
)

// printer writes for a person. What cannot be printed is lost: the system goes on when its terminal is gone.
type printer struct{ io.Writer }

func (p printer) printf(format string, args ...any) { _, _ = fmt.Fprintf(p, format, args...) }

// dataPlace tells where the data lives: parts that the environment replaces keep theirs.
func dataPlace(s settings) string {
	place := "in memory; DATA_DIR keeps it"
	if s.dataDir != "" {
		place = s.dataDir
	}
	elsewhere := func(keys ...string) string {
		for _, key := range keys {
			for _, pair := range s.environ {
				if address, found := strings.CutPrefix(pair, key+"="); found && address != "" {
					return address
				}
			}
		}
		return ""
	}
	const all = "AWS_ENDPOINT_URL"
	tables, files := elsewhere(all+"_DYNAMODB", all), elsewhere(all+"_S3", all)
	switch {
	case tables != "" && files != "":
		return fmt.Sprintf("tables at %s, files at %s", tables, files)
	case tables != "":
		return fmt.Sprintf("tables at %s, which keeps them; files %s", tables, place)
	case files != "":
		return fmt.Sprintf("files at %s, which keeps them; tables %s", files, place)
	}
	return place
}

// describe prints what stack.json says for a person, with calls to try.
func describe(out printer, running running, s settings, took time.Duration) {
	info := running.info
	out.printf("\nSensorFlow is running (started in %.1f s). Ctrl-C ends it.\n\n", took.Seconds())
	aligned := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	table := printer{aligned}
	for _, row := range [][2]string{
		{"API", info.APIURL},
		{"Console", info.ConsoleURL},
		{"Documents", info.DocsURL},
		{"Token endpoint", info.TokenURL},
		{"User", info.Username},
		{"Password", info.Password},
		{"Client id", info.ClientID},
		{"Client secret", info.ClientSecret},
		{"Scopes", strings.Join(info.Scopes, " ")},
		{"Data", dataPlace(s)},
		{"For programs", filepath.Join(s.state, localsystem.StateFile)},
		{"Logs", filepath.Join(s.state, "logs")},
	} {
		if row[1] != "" {
			table.printf("  %s\t%s\n", row[0], row[1])
		}
	}
	for _, region := range info.Regions {
		table.printf("  %s\t%s, tokens from %s\n", region.Name, region.APIURL, region.TokenURL)
	}
	_ = aligned.Flush() // nobody reads it when the terminal is gone
	out.printf(`
Try it:
  TOKEN=$(curl -s -u %s:%s -d grant_type=client_credentials %s | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{"equipmentId":"EQ-12495","timestamp":"%s","value":78.42}' %s/sensor-data
  curl -H "Authorization: Bearer $TOKEN" '%s/sensor-data/aggregated?interval=24h'

`, info.ClientID, info.ClientSecret, info.TokenURL, time.Now().UTC().Format(time.RFC3339), info.APIURL, info.APIURL)
	if n := len(info.Regions); n > 0 {
		out.printf("Part the regions, and join them again:\n  make cut REGION=%[1]s\n  make heal REGION=%[1]s\n\n", info.Regions[n-1].Name)
	}
	for _, region := range running.cutOff {
		out.printf("%[1]s is still cut off, as it was when this was last stopped; make heal REGION=%[1]s brings it back\n\n", region)
	}
}
