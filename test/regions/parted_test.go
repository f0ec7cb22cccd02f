package regions_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

const (
	// togetherFor and partedFor are how long clients send while the regions are joined, before and after, and while they are not.
	togetherFor, partedFor = 2 * time.Second, 4 * time.Second
	// equalWithin is generous: the machine may be busy. How long it took is printed.
	equalWithin = 60 * time.Second
	// fileWithin too; a file that was being worked on at a restart goes on within a minute.
	fileWithin = 90 * time.Second
)

// TestRegions_PartAndComeBack sends to both regions all the time, corrects the same readings in both, and parts them meanwhile. In
// the end both hold the same, the last writer of each reading has won, nothing acknowledged is lost, and the aggregates are exact.
func TestRegions_PartAndComeBack(t *testing.T) {
	d := start(t)
	ctx := t.Context()
	one, two := newLoad(d.first, 0), newLoad(d.second, 1)
	one.start(ctx)
	two.start(ctx)
	pause(ctx, togetherFor)
	if err := d.Replicator.Cut(ctx, d.second.Region); err != nil {
		t.Fatal(err)
	}
	parted := time.Now()
	d.apart()
	d.person()
	for i, m := range []*member{d.first, d.second} {
		d.file(m, i)
	}
	pause(ctx, time.Until(parted.Add(partedFor)))
	waiting := len(d.readings(d.first))
	if err := d.Replicator.Heal(ctx, d.second.Region); err != nil {
		t.Fatal(err)
	}
	healed := time.Now()
	pause(ctx, togetherFor)
	d.fits()
	one.end()
	two.end()
	ended := time.Now()
	d.equal(equalWithin)
	d.exact(d.first, equalWithin)
	d.exact(d.second, equalWithin)
	d.equal(equalWithin) // the aggregates too, now that all of them are there

	both := time.Now()
	for _, m := range []*member{d.first, d.second} {
		d.nothingGivenUp(m)
	}
	stored := d.readings(d.first)
	for i := range 2 {
		if !slices.ContainsFunc(stored, func(r probe.Stored) bool { return r.EquipmentID == fmt.Sprintf("file-%d", i) }) {
			t.Errorf("the first region has nothing of the file that was sent to region %d", i)
		}
	}
	found := lost(stored, one.ledger, two.ledger)
	for i, difference := range found {
		if i < 10 {
			t.Error(difference)
		}
	}
	for _, fault := range append(one.faults, two.faults...) {
		t.Error(fault)
	}
	counts := d.Replicator.Counts()
	t.Logf("sent %d requests, lost %d of %d readings, refused %d; equal and exact %.1f s after the last one, %.1f s after the regions were joined",
		one.sent.Load()+two.sent.Load(), len(found), len(stored), one.refused.Load()+two.refused.Load(),
		both.Sub(ended).Seconds(), both.Sub(healed).Seconds())
	t.Logf("when they were joined the first had %d readings; replication: %+v", waiting, counts)
	if counts.Outvoted == 0 || counts.Merged == 0 {
		t.Error("no write was outvoted, or none merged: the drill tests less than it should")
	}
}

// apart checks what holds while the regions are parted: each serves, tokens of each are good in both, and nothing passes.
func (d *drill) apart() {
	d.t.Helper()
	at := time.Now().UTC().Format(time.RFC3339)
	for i, m := range []*member{d.first, d.second} {
		for from := range d.Info.Regions {
			client := &probe.Client{Base: m.client.Base, Token: d.token(from), HTTP: m.client.HTTP}
			body := fmt.Appendf(nil, `{"equipmentId":"only-%d","timestamp":%q,"value":1}`, i, at)
			if got, err := client.Do(d.t.Context(), probe.Call{Path: "/sensor-data", Body: body}); err != nil || got.Status != http.StatusCreated {
				d.t.Errorf("%s with a token of %s: %d %s, %v", m.Region, d.Info.Regions[from].Name, got.Status, got.Body, err)
			} else if told := got.Header.Get("X-Region"); told != m.Region {
				d.t.Errorf("an answer of %s says that it is of %q", m.Region, told)
			}
		}
	}
	pause(d.t.Context(), 3*regionDelay)
	for i, m := range []*member{d.first, d.second} {
		for _, r := range d.readings(m) {
			if r.EquipmentID == fmt.Sprintf("only-%d", 1-i) {
				d.t.Errorf("%s has a reading of the region that it is parted from", m.Region)
			}
		}
	}
}

// person signs in at the second region and is known in the first.
func (d *drill) person() {
	d.t.Helper()
	d.known(d.first, d.signIn(d.second), http.StatusOK)
}

// signIn returns the cookie of a person.
func (d *drill) signIn(m *member) (cookie string) {
	d.t.Helper()
	user := base64.StdEncoding.EncodeToString([]byte(d.Info.Username + ":" + d.Info.Password))
	nobody := &probe.Client{Base: m.client.Base}
	got, err := nobody.Do(d.t.Context(), probe.Call{Method: http.MethodPost, Path: "/auth/login", Header: map[string]string{"Authorization": "Basic " + user}})
	if err != nil || got.Status != http.StatusOK {
		d.t.Fatalf("sign in at %s: %d %s, %v", m.Region, got.Status, got.Body, err)
	}
	cookie, _, _ = strings.Cut(got.Header.Get("Set-Cookie"), ";")
	return cookie
}

func (d *drill) signOut(m *member, cookie string) {
	d.t.Helper()
	of := &probe.Client{Base: m.client.Base}
	call := probe.Call{Method: http.MethodPost, Path: "/auth/logout", Header: map[string]string{"Cookie": cookie}}
	if got, err := of.Do(d.t.Context(), call); err != nil || got.Status >= http.StatusBadRequest {
		d.t.Fatalf("sign out at %s: %d %s, %v", m.Region, got.Status, got.Body, err)
	}
}

// known checks what a region says when it is asked who has a cookie.
func (d *drill) known(m *member, cookie string, want int) {
	d.t.Helper()
	if err := d.knows(m, cookie, want); err != nil {
		d.t.Error(err)
	}
}

func (d *drill) knows(m *member, cookie string, want int) error {
	of := &probe.Client{Base: m.client.Base}
	got, err := of.Do(d.t.Context(), probe.Call{Path: "/auth/me", Header: map[string]string{"Cookie": cookie}})
	if err == nil && got.Status != want {
		err = fmt.Errorf("status %d, want %d: %s", got.Status, want, got.Body)
	}
	if err != nil {
		return fmt.Errorf("ask %s who has a cookie: %w", m.Region, err)
	}
	return nil
}

// file goes through a region's own bucket, queue and function.
func (d *drill) file(m *member, number int) {
	d.t.Helper()
	d.fileEnds(m, d.sendFile(m, number))
}

const fileRows = 50

func (d *drill) sendFile(m *member, number int) (upload string) {
	d.t.Helper()
	content := []byte("equipmentId,timestamp,value\n")
	at := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	for i := range fileRows {
		content = fmt.Appendf(content, "file-%d,%s,0.%d\n", number, at.Add(time.Duration(i)*time.Second).Format(time.RFC3339), i)
	}
	upload, err := m.client.UploadFile(d.t.Context(), "readings.csv", content)
	if err != nil {
		d.t.Fatalf("%s: %v", m.Region, err)
	}
	return upload
}

func (d *drill) fileEnds(m *member, upload string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), fileWithin)
	defer cancel()
	if upload, err := m.client.WaitForUpload(ctx, upload); err != nil || upload.RowsAccepted != fileRows {
		d.t.Fatalf("%s: the file ended as %+v, %v", m.Region, upload, err)
	}
}
