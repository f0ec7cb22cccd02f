package main

import "testing"

func TestDataPlace_TellsWhereTablesAndFilesAre(t *testing.T) {
	const dynamodb, s3 = "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8000", "AWS_ENDPOINT_URL_S3=http://127.0.0.1:9000"
	for _, test := range []struct {
		name string
		s    settings
		want string
	}{
		{"nothing is said", settings{}, "in memory; DATA_DIR keeps it"},
		{"a folder", settings{dataDir: "/data"}, "/data"},
		{"another DynamoDB", settings{environ: []string{dynamodb}}, "tables at http://127.0.0.1:8000, which keeps them; files in memory; DATA_DIR keeps it"},
		{"another DynamoDB and a folder", settings{dataDir: "/data", environ: []string{dynamodb}}, "tables at http://127.0.0.1:8000, which keeps them; files /data"},
		{"another S3", settings{dataDir: "/data", environ: []string{s3}}, "files at http://127.0.0.1:9000, which keeps them; tables /data"},
		{"both", settings{environ: []string{dynamodb, s3}}, "tables at http://127.0.0.1:8000, files at http://127.0.0.1:9000"},
		{"one address for all", settings{environ: []string{"AWS_ENDPOINT_URL=http://aws"}}, "tables at http://aws, files at http://aws"},
		{"an empty address", settings{environ: []string{"AWS_ENDPOINT_URL_DYNAMODB="}}, "in memory; DATA_DIR keeps it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := dataPlace(test.s); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
