package storagesuite

import (
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// callers is how many calls are made at once.
const callers = 12

// atOnce makes the calls at the same time, one after another where the implementation takes no more, and counts what came of them.
func (s *subject) atOnce(call func(i int) string) map[string]int {
	outcomes := make([]string, callers)
	var calls sync.WaitGroup
	for i := range callers {
		if !s.Concurrent {
			outcomes[i] = call(i)
			continue
		}
		calls.Go(func() { outcomes[i] = call(i) })
	}
	calls.Wait()
	counts := map[string]int{}
	for _, o := range outcomes {
		counts[o]++
	}
	return counts
}

// testAtOnce holds that a condition and its write are one: of writes at the same moment, each sees those before it.
func testAtOnce(t T, s *subject) {
	key := keyOf("E", "insertions")
	got := s.atOnce(func(i int) string {
		of, _ := s.run(t, s.insert(with(key, Item{"n": number(fmt.Sprint(i))})))
		return of
	})
	if got[done] != 1 || got[duplicate] != callers-1 {
		t.Errorf("insertions of one key: %v, want one done and %d of %s", got, callers-1, duplicate)
	}
	key = keyOf("E", "versions")
	s.put(t, with(key, Item{"v": text("0")}))
	got = s.atOnce(func(i int) string {
		version := text(fmt.Sprintf("%02d", i+1))
		of, _ := s.run(t, s.replace(key, Item{"v": version}, version))
		return of
	})
	if got[done] == 0 || got[done]+got[conditionFailed] != callers {
		t.Errorf("updates below a version: %v", got)
	}
	s.wantItem(t, "the highest version wins", key, with(key, Item{"v": text(fmt.Sprint(callers))}))
	key = keyOf("E", "additions")
	got = s.atOnce(func(int) string {
		_, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: key, UpdateExpression: aws.String("ADD n :one"), ExpressionAttributeValues: Item{":one": number("0.1")},
		})
		return outcome(err)
	})
	if got[done] != callers {
		t.Errorf("additions: %v", got)
	}
	s.wantItem(t, "all additions count", key, with(key, Item{"n": number("1.2")}))
}

// testTransactionsAtOnce holds that transactions on one item either follow each other or are canceled, with a reason that tells so.
func testTransactionsAtOnce(t T, s *subject) {
	shared := keyOf("E", "shared")
	got := s.atOnce(func(i int) string {
		_, err := s.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
			s.add(shared, "1", ""), s.add(keyOf("E", fmt.Sprint(i)), "1", ""),
		}})
		return outcome(err)
	})
	made := got[done]
	for of, n := range got {
		if of != done && of != "canceled: TransactionConflict, None" && !strings.HasPrefix(of, "TransactionInProgress") {
			t.Errorf("%d times %s", n, of)
		}
	}
	if made == 0 {
		t.Fatalf("none was made: %v", got)
	}
	s.wantItem(t, "what was made counts once", shared, with(shared, Item{"n": number(fmt.Sprint(made))}))
}
