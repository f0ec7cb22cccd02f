package browser_test

import (
	"strings"
	"testing"
)

const sendNote = "main form .note"

func TestSend_StoresWhatWasTypedDigitByDigit(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/send")
	if at := p.value(`input[name="timestamp"]`); !strings.HasSuffix(at, "-03:00") {
		t.Errorf("the time begins as %q, want it with the offset of the viewer's zone", at)
	}
	p.fill(`input[name="equipmentId"]`, "EQ-SENT")
	p.fill(`input[name="timestamp"]`, "2026-03-01T09:30:00+05:30")
	p.says("main form", "Mar 1, 2026, 1:00 AM in the time zone America/Sao_Paulo")
	p.fill(`input[name="value"]`, "12345678901234567890.123456789")
	p.key("\r")
	p.says(sendNote, "Stored: EQ-SENT, 12,345,678,901,234,567,890.123456789")
	p.shot("stored")
	var stored struct {
		Items []struct{ Timestamp, Value string }
	}
	p.ask("/sensor-data?numbers=string&equipmentId=EQ-SENT", &stored)
	if len(stored.Items) != 1 || stored.Items[0].Value != "12345678901234567890.123456789" || stored.Items[0].Timestamp != "2026-03-01T04:00:00Z" {
		t.Errorf("stored %+v", stored.Items)
	}
	// What was said ends when another reading is typed.
	p.fill(`input[name="value"]`, "1")
	p.await("nothing is said of the old one", `document.querySelector(%s).innerText === ""`, sendNote)
}

func TestSend_TakesADecimalCommaWhereTheLanguageHasOne(t *testing.T) {
	t.Parallel()
	p := open(t, look{language: "pt-BR"})
	p.signIn("#/send")
	p.fill(`input[name="equipmentId"]`, "EQ-COMMA")
	p.fill(`input[name="value"]`, "21,50")
	p.key("\r")
	p.says(sendNote, "Gravada: EQ-COMMA, 21,50")
	var stored struct{ Items []struct{ Value string } }
	p.ask("/sensor-data?numbers=string&equipmentId=EQ-COMMA", &stored)
	if len(stored.Items) != 1 || stored.Items[0].Value != "21.5" {
		t.Errorf("stored %+v", stored.Items)
	}
}

func TestSend_LeadsToTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.faults.expect("status of 400")
	p.signIn("#/send")
	p.click(`main form button[type="submit"]`)
	p.says(sendNote, "Enter the equipment.")
	p.focused(`input[name="equipmentId"]`)
	p.fill(`input[name="equipmentId"]`, "EQ-WRONG")
	p.fill(`input[name="value"]`, "1.2.3")
	p.key("\r")
	p.says(sendNote, "The value must be a number")
	p.focused(`input[name="value"]`)
	p.fill(`input[name="value"]`, "1")
	p.fill(`input[name="timestamp"]`, "yesterday")
	p.key("\r")
	p.await("the time is marked", `document.querySelector('input[name="timestamp"]').getAttribute("aria-invalid") === "true"`)
	p.focused(`input[name="timestamp"]`)
	p.accessible("a wrong field")
	p.fill(`input[name="equipmentId"]`, "EQ-120")
	p.await("equipments are suggested", `document.querySelectorAll("main form datalist option").length > 5`)
}

// A mark before three digits divides thousands in one language and is the decimal mark in the other: nobody can know which was meant.
func TestSend_RefusesANumberThatCanBeReadInTwoWays(t *testing.T) {
	t.Parallel()
	for language, one := range map[string]struct{ typed, refused, whole, wholeShown, decimal, decimalShown string }{
		"pt-BR": {"1.234", "Escreva 1234, ou 1,234", "1234", "1.234", "1,234", "1,234"},
		"en-US": {"-1,234", "Write -1234, or -1.234", "-1234", "−1,234", "-1.234", "−1.234"},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			p := open(t, look{language: language})
			p.signIn("#/send")
			equipment := "EQ-TWO-" + language
			p.fill(`input[name="equipmentId"]`, equipment)
			p.fill(`input[name="value"]`, one.typed+"\r")
			p.says(sendNote, one.refused)
			p.focused(`input[name="value"]`)
			// Both ways that the refusal names are taken, and told as the language writes them.
			p.fill(`input[name="timestamp"]`, "2026-03-01T00:00:00Z")
			p.fill(`input[name="value"]`, one.whole+"\r")
			p.says(sendNote, ": "+equipment+", "+one.wholeShown+", ")
			p.fill(`input[name="timestamp"]`, "2026-03-02T00:00:00Z")
			p.fill(`input[name="value"]`, one.decimal+"\r")
			p.says(sendNote, ": "+equipment+", "+one.decimalShown+", ")
			var stored struct{ Items []struct{ Value string } }
			p.ask("/sensor-data?numbers=string&equipmentId="+equipment, &stored)
			sign, _, _ := strings.Cut(one.whole, "1")
			if len(stored.Items) != 2 || stored.Items[0].Value != sign+"1.234" || stored.Items[1].Value != sign+"1234" {
				t.Errorf("stored %+v", stored.Items)
			}
			// Zero begins no thousands.
			p.fill(`input[name="value"]`, "0.125\r")
			p.says(sendNote, equipment+", 0")
		})
	}
}

// Marks between groups of digits are not taken, and what is said of them can be typed.
func TestSend_SaysHowToWriteANumberWithGroups(t *testing.T) {
	t.Parallel()
	for language, typed := range map[string]map[string]string{
		"pt-BR": {
			"1.234.567": "Escreva 1234567.", "1.234,5": "Escreva 1234,5.", "-1,234,567.25": "Escreva -1234567,25.", "1 234": "Escreva 1234.",
		},
		"en-US": {"1,234,567": "Write 1234567.", "1,234.5": "Write 1234.5.", "1.234.567,25": "Write 1234567.25.", "12 345": "Write 12345."},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			p := open(t, look{language: language})
			p.signIn("#/send")
			p.fill(`input[name="equipmentId"]`, "EQ-GROUPS-"+language)
			for number, said := range typed {
				p.fill(`input[name="value"]`, number+"\r")
				p.says(sendNote, said)
				p.focused(`input[name="value"]`)
			}
			// What is no such number is told so.
			p.fill(`input[name="value"]`, "1.23.456\r")
			p.says(sendNote, map[string]string{"pt-BR": "deve ser um número", "en-US": "must be a number"}[language])
		})
	}
}

// What is told of a reading that took long is what was sent, and not what stands in the fields by then.
func TestSend_TellsWhatWasSentWhateverIsTypedMeanwhile(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/send")
	p.fill(`input[name="equipmentId"]`, "EQ-SLOW")
	p.fill(`input[name="timestamp"]`, "2026-03-01T00:00:00Z")
	p.fill(`input[name="value"]`, "1")
	p.holdCalls("POST", "/sensor-data")
	p.key("\r")
	p.await("the call is made", `window.held.length === 1`)
	p.fill(`input[name="value"]`, "2")
	p.fill(`input[name="timestamp"]`, "2026-03-02T00:00:00Z")
	p.fill(`input[name="equipmentId"]`, "EQ-OTHER")
	p.letGo()
	p.says(sendNote, "Stored: EQ-SLOW, 1, 2026-03-01T00:00:00Z.")
}
