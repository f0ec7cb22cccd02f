package browser_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

const (
	deletionForm = "main form"
	found        = "main .found"
)

// stored stores readings of an equipment a second apart, and waits until the aggregates hold them.
func (p *page) stored(equipment string, from time.Time, count int) {
	p.t.Helper()
	for first := 0; first < count; first += 1000 {
		batch := "["
		for i := first; i < min(first+1000, count); i++ {
			if i > first {
				batch += ","
			}
			batch += fmt.Sprintf(`{"equipmentId":%q,"timestamp":%q,"value":%d.5}`, equipment, from.Add(time.Duration(i)*time.Second).Format(time.RFC3339), i)
		}
		answer, err := local.client.Do(p.ctx, probe.Call{Path: "/sensor-data/batch", Body: []byte(batch + "]")})
		p.must(err)
		if answer.Status != http.StatusCreated {
			p.t.Fatalf("send a batch: %d %s", answer.Status, answer.Body)
		}
	}
	await.NoError(p.t, stepWithin, func() error {
		if got := p.total(equipment, from); got != count {
			return fmt.Errorf("the aggregates hold %d of %d", got, count)
		}
		return nil
	})
}

// total is how many readings of an equipment the aggregates hold for the day of a time.
func (p *page) total(equipment string, at time.Time) int {
	p.t.Helper()
	var window struct{ TotalCount int }
	day := at.Truncate(24 * time.Hour)
	p.ask(fmt.Sprintf("/sensor-data/aggregated?limit=1&equipmentId=%s&from=%s&to=%s", equipment, day.Format(time.RFC3339), day.Add(24*time.Hour).Format(time.RFC3339)), &window)
	return window.TotalCount
}

// range fills in what is to be deleted.
func (p *page) deletionOf(equipment, from, to string) {
	p.t.Helper()
	p.fill(`input[name="equipmentId"]`, equipment)
	p.choose(`input[name="from"]`, from)
	p.choose(`input[name="to"]`, to)
}

func TestDeletion_ShowsWhatWouldGoBeforeItGoes(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	from := time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)
	p.stored("EQ-GOING", from, 1500)
	p.signIn("#/deletion")
	p.says(deletionForm, "America/Sao_Paulo")
	// Of 12:00 to 12:25 UTC the part from 12:01 to 12:24: ends inside of steps of five minutes, and more than a page.
	p.deletionOf("EQ-GOING", "2026-10-05T09:01", "2026-10-05T09:24")
	p.click(deletionForm + ` button[type="submit"]`)
	p.says(found, "1,380 readings would go")
	p.says(found, "1,439.5") // the newest of them
	p.shot("would-go")
	p.accessible("what would go")
	// It speaks of what was asked alone.
	p.choose(`input[name="to"]`, "2026-10-05T09:23")
	p.await("what was shown has gone", `document.querySelector(%s).innerText === ""`, found)
	p.click(deletionForm + ` button[type="submit"]`)
	p.says(found, "1,320 readings would go")
	p.click(found + " button.danger")
	p.says(deletionForm, "1,320 readings of EQ-GOING are deleted")
	p.shot("deleted")
	await.NoError(t, stepWithin, func() error {
		if got := p.total("EQ-GOING", from); got != 180 {
			return fmt.Errorf("%d readings are left, want 180", got)
		}
		return nil
	})
	p.deletionOf("EQ-GOING", "2026-10-05T09:02", "2026-10-05T09:20")
	p.click(deletionForm + ` button[type="submit"]`)
	p.says(deletionForm, "has no readings")
}

func TestDeletion_TakesOneReading(t *testing.T) {
	t.Parallel()
	p := open(t, look{language: "pt-BR"})
	p.stored("EQ-SINGLE", time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC), 1)
	p.signIn("#/deletion?zone=UTC")
	p.deletionOf("EQ-SINGLE", "2026-10-06T12:00", "2026-10-06T12:01")
	p.click(deletionForm + ` button[type="submit"]`)
	p.says(found, "Uma leitura seria excluída")
	p.click(found + " button.danger")
	p.says(deletionForm, "Uma leitura de EQ-SINGLE foi excluída")
}

func TestDeletion_FollowsAZoneWithoutMovingTheMoments(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/deletion")
	p.deletionOf("EQ-12001", "2026-10-05T09:00", "2026-10-05T10:00")
	p.choose(`header select`, "UTC")
	p.await("the fields tell the same moments", `document.querySelector('input[name="from"]').value === "2026-10-05T12:00"`)
	p.says(deletionForm, "UTC")
	p.deletionOf("", "2026-10-05T09:00", "2026-10-05T08:00")
	p.click(deletionForm + ` button[type="submit"]`)
	p.says(deletionForm, "Enter the equipment.")
	p.fill(`input[name="equipmentId"]`, "EQ-12001")
	p.click(deletionForm + ` button[type="submit"]`)
	p.says(deletionForm, "The end must be after the beginning.")
}

func TestDeletion_IsNotOfferedWithoutTheScope(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.answerWith("/auth/me", http.StatusOK, map[string]any{
		"username": "reader", "sub": "s", "email": "reader@example.com", "groups": []string{},
		"scopes": []string{"sensor-flow/read"}, "expiresAt": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
	})
	p.signIn("#/overview")
	p.see(`nav a[data-view="machines"]`)
	for _, view := range []string{"send", "uploads", "deletion"} {
		if eval[bool](p, `document.querySelector(%s) !== null`, `nav a[data-view="`+view+`"]`) {
			t.Errorf("%s is offered to somebody who may only read", view)
		}
	}
}

// What would go is told of what stands in the fields, and of nothing else.
func TestDeletion_DropsTheAnswerToAnotherQuestion(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.stored("DEL-A", time.Date(2026, 10, 7, 12, 0, 0, 0, time.UTC), 3)
	p.signIn("#/deletion")
	p.deletionOf("DEL-A", "2026-10-07T00:00", "2026-10-08T00:00")
	p.holdCalls("GET", "/sensor-data?")
	p.click(deletionForm + ` button[type="submit"]`)
	p.await("it is being looked up", `window.held.length > 0`)
	p.fill(`input[name="equipmentId"]`, "DEL-B")
	p.letGo()
	p.await("the look-up has ended", `!document.querySelector("main form button[aria-disabled]")`)
	if text := p.text(found); text != "" {
		t.Errorf("beside DEL-B it says %q", text)
	}
	p.click(deletionForm + ` button[type="submit"]`)
	p.says(deletionForm+" .note", "DEL-B")
}

// A long deletion goes on whoever is signed in. A session that ends meanwhile asks nobody for a password who is typing something else.
func TestDeletion_IsFollowedAfterTheSessionHasEnded(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	from := time.Date(2026, 10, 8, 12, 0, 0, 0, time.UTC)
	p.stored("DEL-LONG", from, 5001)
	p.signIn("#/deletion?zone=UTC")
	p.deletionOf("DEL-LONG", "2026-10-08T00:00", "2026-10-09T00:00")
	p.click(deletionForm + ` button[type="submit"]`)
	p.says(found, "5,001 readings would go")
	p.holdCalls("GET", "/sensor-data/deletions/")
	p.click(found + " button.danger")
	p.await("it is followed", `window.held.length === 1`)
	p.click(`nav a[data-view="send"]`)
	p.says("main h1", "Send a reading")
	p.fill(`input[name="equipmentId"]`, "EQ-ME")
	p.endSession()
	p.letGo()
	p.await("the page says that the session has ended", `!!document.querySelector(".ended button") || !!document.querySelector("dialog")`)
	p.key("AN")
	p.holds(`input[name="equipmentId"]`, "EQ-MEAN")
	p.click(`nav a[data-view="deletion"]`)
	p.says(deletionForm, "Your session has ended. The deletion goes on")
	p.click(".ended button")
	p.fill(dialog+" "+passwordField, local.Info.Password+"\r")
	p.gone(dialog)
	p.patiently("its end is told", `document.querySelector(%s).innerText.includes("5,001 readings of DEL-LONG are deleted")`, deletionForm)
}
