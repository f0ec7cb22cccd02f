package replicator

import "testing"

func TestPlain_WritesEqualNumbersAlike(t *testing.T) {
	for _, equal := range [][]string{
		{"0", "-0", "0.00", "0E5", "000"},
		{"1000", "1E3", "1e+3", "1000.000", "0001000", "+1000"},
		{"-1.5", "-1.50", "-15E-1", "-0.15e1"},
		{"0.00000000000000000001", "1E-20"},
		{"123456789012345678901234567890", "12345678901234567890123456789E1"},
	} {
		for _, other := range equal {
			if plain(other) != plain(equal[0]) {
				t.Errorf("%s is %s, %s is %s", other, plain(other), equal[0], plain(equal[0]))
			}
		}
	}
	for _, pair := range [][2]string{{"1", "-1"}, {"1", "10"}, {"0.1", "1"}, {"12", "21"}, {"0", "1"}} {
		if plain(pair[0]) == plain(pair[1]) {
			t.Errorf("%s and %s are both %s", pair[0], pair[1], plain(pair[0]))
		}
	}
}
