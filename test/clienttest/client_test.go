package clienttest

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/test/await"
)

// newClient is a machine's client of the system, or of other regions before it.
func newClient(t *testing.T, before ...client.Region) *client.Client {
	t.Helper()
	at := slices.Concat(before, []client.Region{{URL: local.Info.APIURL, TokenURL: local.Info.TokenURL}})
	c, err := client.New(client.Machine{ID: local.Info.ClientID, Secret: local.Info.ClientSecret}, at, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func decimal(t *testing.T, text string) client.Decimal {
	t.Helper()
	value, err := client.ParseValue(text)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestClient_SendsAndReadsEverything sends more than a page of readings, and goes over all of them again in each way that there is.
func TestClient_SendsAndReadsEverything(t *testing.T) {
	const id, count = client.EquipmentID("client.all"), 2500
	c := newClient(t)
	hour := time.Now().UTC().Truncate(time.Hour).Add(-3 * time.Hour)
	s := c.NewSender(t.Context(), client.SenderOptions{BatchReadings: 400})
	value := decimal(t, "0.000000000000000000000000001")
	for i := range count {
		if err := s.Send(t.Context(), client.Reading{EquipmentID: id, Timestamp: hour.Add(time.Duration(i) * time.Second), Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, last := 0, time.Now()
	for r, err := range c.Readings(t.Context(), client.Range{EquipmentID: id, From: hour}) {
		if err != nil || r.Value != value || !r.Timestamp.Before(last) {
			t.Fatalf("reading %d is %v: %v", got, r, err)
		}
		got, last = got+1, r.Timestamp
	}
	if got != count {
		t.Errorf("%d readings, want %d", got, count)
	}
	window := client.Window{From: hour, To: hour.Add(time.Hour), Granularity: "5m", Equipment: []client.EquipmentID{id}}
	await.NoError(t, time.Minute, func() error {
		all, err := c.Summarize(t.Context(), window)
		if err == nil && (all.Count != count || all.Average != value) {
			err = fmt.Errorf("the summary is %+v", all)
		}
		return err
	})
	total, steps := int64(0), 0
	for a, err := range c.Aggregates(t.Context(), window) {
		if err != nil || a.Min == nil || *a.Min != value || *a.Max != value || a.EquipmentID != id {
			t.Fatalf("%+v, %v", a, err)
		}
		total, steps = total+a.Count, steps+1
	}
	if total != count || steps != 9 {
		t.Errorf("%d readings in %d steps, want %d in 9", total, steps, count)
	}
	var file bytes.Buffer
	if err := c.ExportReadings(t.Context(), client.Range{EquipmentID: id}, &file); err != nil || strings.Count(file.String(), "\n") != count+1 {
		t.Errorf("the export has %d lines: %v", strings.Count(file.String(), "\n"), err)
	}
	found := 0
	for e, err := range c.Equipments(t.Context(), "client.a") {
		if err != nil || e.ID != id || e.Last == nil || e.Last.Value != value || !e.First.Timestamp.Equal(hour) {
			t.Errorf("%+v, %v", e, err)
		}
		found++
	}
	if found != 1 {
		t.Errorf("%d equipments were found", found)
	}
	deleted, err := c.DeleteRange(t.Context(), client.Range{EquipmentID: id, From: hour, To: hour.Add(time.Hour)})
	if err != nil || deleted != count {
		t.Errorf("%d were deleted: %v", deleted, err)
	}
}

// TestClient_FailsOver has a first region that is not there, and a second one that is the system.
func TestClient_FailsOver(t *testing.T) {
	const gone = "http://127.0.0.1:1" // a port of which the system makes no use
	c := newClient(t, client.Region{URL: gone, TokenURL: gone + "/oauth2/token"})
	began := time.Now()
	if _, err := c.Send(t.Context(), client.Reading{EquipmentID: "client.failover", Timestamp: time.Now(), Value: decimal(t, "1")}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestClient_UploadsAFile has rows that are rejected, which are told of.
func TestClient_UploadsAFile(t *testing.T) {
	c := newClient(t)
	now := time.Now().UTC().Truncate(time.Hour)
	var file strings.Builder
	file.WriteString("equipmentId,timestamp,value\n")
	for i := range 1000 {
		fmt.Fprintf(&file, "client.file,%s,0.1\n", now.Add(-time.Duration(i)*time.Second).Format(time.RFC3339))
	}
	file.WriteString("client.file,yesterday,1\n")
	var last client.Progress
	content := strings.NewReader(file.String())
	done, err := c.Upload(t.Context(), "file.csv", content, content.Size(), client.UploadOptions{Progress: func(p client.Progress) { last = p }})
	if err != nil || done.RowsAccepted != 1000 || done.RowsRejected != 1 || done.Status != client.UploadCompletedWithRejects {
		t.Fatalf("%+v, %v", done, err)
	}
	if last.Sent != content.Size() || last.Processed != content.Size() {
		t.Errorf("the last progress is %+v", last)
	}
	var rejects strings.Builder
	if err := c.Rejects(t.Context(), done, &rejects); err != nil || !strings.Contains(rejects.String(), `"client.file,yesterday,1"`) {
		t.Errorf("the rejects are %q: %v", &rejects, err)
	}
	for u, err := range c.Uploads(t.Context()) {
		if err != nil || u.ID != done.ID || u.RowsAccepted != 1000 {
			t.Errorf("the newest upload is %+v, %v", u, err)
		}
		break
	}
	wrong := strings.NewReader("a,b,c\n1,2,3\n")
	if u, err := c.Upload(t.Context(), "wrong.csv", wrong, wrong.Size(), client.UploadOptions{}); err == nil || u.Status != client.UploadFailed || u.Reason == "" {
		t.Errorf("a file with another header: %+v, %v", u, err)
	}
}

func TestClient_OfAPersonSignsInAndOut(t *testing.T) {
	regions := []client.Region{{URL: local.Info.APIURL}}
	c, err := client.New(client.Person{Username: local.Info.Username, Password: local.Info.Password}, regions, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.SignIn(t.Context())
	if err != nil || time.Until(token.ExpiresAt) < 55*time.Minute {
		t.Fatalf("%v, %v", token, err)
	}
	if who, err := c.Me(t.Context()); err != nil || who.Username == "" || len(who.Scopes) < 2 {
		t.Errorf("%+v, %v", who, err)
	}
	if err := c.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	await.NoError(t, time.Minute, func() error {
		kept, err := client.New(client.Signed{}, regions, client.Options{Token: token})
		if err != nil {
			return err
		}
		if _, err := kept.Me(t.Context()); err == nil {
			return fmt.Errorf("the token is still good")
		}
		return nil
	})
}

func TestClient_TellsWhatTheServiceRefuses(t *testing.T) {
	rejected, err := newClient(t).SendBatch(t.Context(), []client.Reading{
		{EquipmentID: "no blanks", Timestamp: time.Now(), Value: decimal(t, "1")}, {EquipmentID: "client.late", Timestamp: time.Now().Add(48 * time.Hour)},
	})
	if err != nil || len(rejected) != 2 || rejected[0].Errors[0].Field != "equipmentId" || rejected[1].Errors[0].Field != "timestamp" {
		t.Errorf("a batch of which nothing is valid: %+v, %v", rejected, err)
	}
	_, err = newClient(t).Send(t.Context(), client.Reading{EquipmentID: "no blanks", Timestamp: time.Now(), Value: decimal(t, "1")})
	var refused *client.Error
	if !asError(err, &refused) || refused.Status != http.StatusBadRequest || refused.RequestID == "" || len(refused.Fields) != 1 || refused.Title == "" {
		t.Errorf("a reading that is not valid: %#v", err)
	}
}
