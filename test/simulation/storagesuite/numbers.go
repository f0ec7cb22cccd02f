package storagesuite

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// testNumbers holds what is kept of a number
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html#HowItWorks.DataTypes.Number).
func testNumbers(t T, s *subject) {
	key := keyOf("E", "t1")
	nines := strings.Repeat("9", 38)
	for sent, stored := range map[string]string{ // refused where empty
		"0": "0", "-0": "0", "0.0": "0", "1": "1", "-1": "-1", "1.50": "1.5", "007": "7", "1e2": "100", "1E+2": "100", "12e-1": "1.2", "0e9": "0", "+1": "1",
		nines: nines, "-" + nines: "-" + nines, nines + "9": "", "1" + nines: "", nines + "0": nines + "0", "0." + nines: "0." + nines, "0.0" + nines: "0.0" + nines,
		nines[:19] + "." + nines[:19]: nines[:19] + "." + nines[:19], nines[:19] + "." + nines[:20]: "", "1." + strings.Repeat("0", 37) + "1": "",
		"1." + strings.Repeat("0", 36) + "1": "1." + strings.Repeat("0", 36) + "1", "1." + strings.Repeat("0", 60): "1",
		"1e125": "1" + strings.Repeat("0", 125), "1e126": "", "-1e126": "", "1e-130": "0." + strings.Repeat("0", 129) + "1", "1e-131": "",
		"": "", "x": "", "1x": "", " 1": "", "1 ": "", "1,5": "", "NaN": "", "Infinity": "", "0x10": "", "1e": "", "--1": "",
	} {
		_, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: with(key, Item{"n": number(sent)})})
		if stored == "" {
			want(t, "the number "+sent, err, refused)
			continue
		}
		want(t, "the number "+sent, err, done)
		s.wantItem(t, "the number "+sent, key, with(key, Item{"n": number(stored)}))
	}
}

func testAdd(t T, s *subject) {
	nines := strings.Repeat("9", 38)
	for _, c := range []struct{ a, b, sum string }{ // refused where there is no sum
		{"0.1", "0.2", "0.3"}, {"0.1", "-0.1", "0"}, {"1e20", "1e-17", "100000000000000000000.00000000000000001"}, {nines, "-1", nines[:37] + "8"},
		{nines, "1", "1" + strings.Repeat("0", 38)}, {"1e20", "1e-20", ""}, {nines, "0.1", ""}, {nines, nines, "1" + nines[:37] + "8"}, {"9.5e125", "9e125", ""},
		{"99999999999999999", "1", "100000000000000000"}, {"-0.5", "0.25", "-0.25"}, {"9007199254740993", "1", "9007199254740994"},
	} {
		if c.sum == "1"+nines[:37]+"8" {
			c.sum = "" // 39 digits
		}
		key := keyOf("E", "t1")
		s.put(t, with(key, Item{"n": number(c.a)}))
		before := s.get(t, s.table, key)
		for _, update := range []string{"ADD n :x", "SET n = n + :x"} {
			s.put(t, before)
			_, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
				TableName: &s.table, Key: key, UpdateExpression: aws.String(update), ExpressionAttributeValues: Item{":x": number(c.b)},
			})
			if c.sum == "" {
				want(t, c.a+" and "+c.b+": "+update, err, refused)
				s.wantItem(t, c.a+" and "+c.b+": "+update, key, before)
				continue
			}
			want(t, c.a+" and "+c.b+": "+update, err, done)
			s.wantItem(t, c.a+" and "+c.b+": "+update, key, with(key, Item{"n": number(c.sum)}))
		}
	}
}
