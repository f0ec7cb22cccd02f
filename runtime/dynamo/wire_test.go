package dynamo_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/dynamo"
)

// An answer is taken for a success of all of its statements only if it says so, however answers are changed at random.
func TestTry_TakesForMadeOnlyWhatTheTableSaysIsMade(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, seed := range []string{
		`{"Responses":[{"TableName":"t"},{"TableName":"arn:aws:dynamodb:eu-west-1:1:table/t_-.T"}]}`, `{"Responses":[]}`, `{}`, ``,
		`{"Responses":[{"TableName":"t","Error":{"Code":"DuplicateItem"}}]}`, `{"Responses":[{"TableName":"t"},{}]}`,
		`{"Responses":[{"TableName":"t"}],"ConsumedCapacity":[]}`,
	} {
		for change := range 5000 { // the first of which is none
			answer := []byte(seed)
			for range min(change, 1+random.IntN(3)) {
				at := random.IntN(len(answer) + 1)
				end := min(at+random.IntN(4), len(answer))
				answer = slices.Replace(answer, at, end, []byte(seed[random.IntN(len(seed)+1):])...)
				if len(answer) > 0 {
					answer[random.IntN(len(answer))] ^= byte(random.IntN(2) * random.IntN(256))
				}
			}
			holdsAllMade(t, answer)
		}
	}
	if made, ok := dynamo.AllMade([]byte(`{"Responses":[{"TableName":"t"},{"TableName":"t"}]}`)); made != 2 || !ok {
		t.Errorf("%d made, %t", made, ok)
	}
}

func holdsAllMade(t *testing.T, answer []byte) {
	t.Helper()
	made, ok := dynamo.AllMade(answer)
	if !ok {
		return
	}
	var said struct{ Responses []map[string]any }
	if err := json.Unmarshal(answer, &said); err != nil || len(said.Responses) != made {
		t.Fatalf("%d statements made, and %v says %q", made, err, answer)
	}
	for _, one := range said.Responses {
		if _, named := one["TableName"].(string); !named || len(one) != 1 {
			t.Fatalf("a statement was made, says %q", answer)
		}
	}
}
