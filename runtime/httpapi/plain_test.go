package httpapi_test

import (
	"testing"

	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

func TestReadPlain_ReadsWhatClientsUsuallySend(t *testing.T) {
	want := [3]string{"EQ-1", "2026-03-01T08:00:00Z", "-1.25e2"}
	for _, text := range []string{
		`{"equipmentId":"EQ-1","timestamp":"2026-03-01T08:00:00Z","value":-1.25e2}`,
		`{"value": -1.25e2, "timestamp": "2026-03-01T08:00:00Z", "equipmentId": "EQ-1"}`,
		" {\r\n\t\"timestamp\" : \"2026-03-01T08:00:00Z\" ,\n\t\"equipmentId\" : \"EQ-1\" ,\n\t\"value\" : -1.25e2\n}\n",
	} {
		if got, ok := httpapi.ReadPlain(text); !ok || got != want {
			t.Errorf("%s: read %q, %t", text, got, ok)
		}
	}
	for _, text := range odd {
		if got, ok := httpapi.ReadPlain(text); ok {
			t.Errorf("%s: read %q", text, got)
		}
	}
}

// odd are texts that are left to the decoder that can tell what is wrong with them, if anything is.
var odd = []string{
	"", "{", "{}", "null", `[]`, `"equipmentId"`,
	`{"equipmentId":"EQ-1","timestamp":"t","value":1`, `{"equipmentId":"EQ-1","timestamp":"t","value":1}}`,
	`{"equipmentId":"EQ-1","timestamp":"t","value":1,}`, `{,"equipmentId":"EQ-1","timestamp":"t","value":1}`,
	`{"equipmentId":"EQ-1" "timestamp":"t","value":1}`, `{"equipmentId" "EQ-1","timestamp":"t","value":1}`,
	`{"equipmentId":"EQ-1","timestamp":"t"}`, `{"equipmentId":"EQ-1","value":1}`, `{"timestamp":"t","value":1}`,
	`{"equipmentId":"","equipmentId":"EQ-1","timestamp":"t","value":1}`, `{"equipmentId":"EQ-1","timestamp":"t","value":1,"value":2}`,
	`{"equipmentId":"EQ-1","timestamp":"t","value":"1"}`, `{"equipmentId":1,"timestamp":"t","value":1}`, `{"equipmentId":null,"timestamp":"t","value":1}`,
	`{"EquipmentId":"EQ-1","timestamp":"t","value":1}`, `{"equipmentId":"EQ-1","timestamp":"t","value":1,"more":1}`,
	`{"equipmentId":"EQ\u002d1","timestamp":"t","value":1}`, "{\"equipmentId\":\"EQ\xff\",\"timestamp\":\"t\",\"value\":1}", "{\"equipmentId\":\"E\nQ\",\"timestamp\":\"t\",\"value\":1}",
	`{"equipmentId":"EQ-1","timestamp":"t","value":01}`, `{"equipmentId":"EQ-1","timestamp":"t","value":1.}`, `{"equipmentId":"EQ-1","timestamp":"t","value":.5}`,
	`{"equipmentId":"EQ-1","timestamp":"t","value":+1}`, `{"equipmentId":"EQ-1","timestamp":"t","value":-}`, `{"equipmentId":"EQ-1","timestamp":"t","value":1e}`,
	`{"equipmentId":"EQ-1","timestamp":"t","value":1e+-1}`, `{"equipmentId":"EQ-1","timestamp":"t","value":NaN}`, `{"equipmentId":"EQ-1","timestamp":"t","value":}`,
}

// FuzzReadPlain holds that what is read in one pass is what the strict decoder reads.
func FuzzReadPlain(f *testing.F) {
	f.Add(`{"equipmentId":"EQ-1","timestamp":"2026-03-01T08:00:00Z","value":1}`)
	for _, text := range odd {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := httpapi.ReadPlain(text)
		if !ok {
			return
		}
		if want, ok := httpapi.DecodeReading(text); !ok || got != want {
			t.Errorf("%q: read %q, and the decoder %q, %t", text, got, want, ok)
		}
	})
}
