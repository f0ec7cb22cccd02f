package storagesuite_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/simulation/storagesuite"
)

func deviationsOfReads() map[string]deviation {
	ctx := context.Background()
	return map[string]deviation{
		"a query ends with its first page": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.query = func(in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
				out, err := m.Query(ctx, in)
				if err == nil {
					out.LastEvaluatedKey = nil
				}
				return out, err
			}
		},
		"a query knows one direction": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.query = func(in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
				forward := *in
				forward.ScanIndexForward = nil
				return m.Query(ctx, &forward)
			}
		},
		"the limit counts what the filter leaves": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.query = func(in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
				if in.FilterExpression == nil {
					return m.Query(ctx, in)
				}
				whole := *in
				whole.Limit = nil
				return m.Query(ctx, &whole)
			}
		},
		"an index is read consistently": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.query = func(in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
				lax := *in
				lax.ConsistentRead = nil
				return m.Query(ctx, &lax)
			}
		},
	}
}

func deviationsOfScans() map[string]deviation {
	ctx := context.Background()
	return map[string]deviation{
		"a scan always begins with the first item": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.scan = func(in *dynamodb.ScanInput) (*dynamodb.ScanOutput, error) {
				if len(in.ExclusiveStartKey) > 0 {
					return &dynamodb.ScanOutput{}, nil
				}
				return m.Scan(ctx, in)
			}
		},
		"a scan gives whole items": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.scan = func(in *dynamodb.ScanInput) (*dynamodb.ScanOutput, error) {
				whole := *in
				whole.ProjectionExpression, whole.ExpressionAttributeNames = nil, nil
				return m.Scan(ctx, &whole)
			}
		},
		"a batch of reads has no end": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.gets = func(in *dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error) {
				out, err := m.BatchGetItem(ctx, in)
				for err == nil && len(out.UnprocessedKeys) > 0 {
					var more *dynamodb.BatchGetItemOutput
					if more, err = m.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: out.UnprocessedKeys}); err == nil {
						for table, items := range more.Responses {
							out.Responses[table] = append(out.Responses[table], items...)
						}
						out.UnprocessedKeys = more.UnprocessedKeys
					}
				}
				return out, err
			}
		},
		"a batch of reads forgets what it left": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.gets = func(in *dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error) {
				out, err := m.BatchGetItem(ctx, in)
				if err == nil {
					out.UnprocessedKeys = nil
				}
				return out, err
			}
		},
		"reads do not tell what they took": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.query = func(in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
				silent := *in
				silent.ReturnConsumedCapacity = ""
				return m.Query(ctx, &silent)
			}
		},
		"an index gives what it does not carry": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.query = func(in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
				out, err := m.Query(ctx, in)
				if in.IndexName != nil && err != nil && strings.Contains(err.Error(), "does not project") {
					return &dynamodb.QueryOutput{}, nil
				}
				return out, err
			}
		},
		"an index keeps what has lost its keys": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.update = func(in *dynamodb.UpdateItemInput) (*dynamodb.UpdateItemOutput, error) {
				if aws.ToString(in.UpdateExpression) == "REMOVE indexSort" {
					return &dynamodb.UpdateItemOutput{}, nil
				}
				return m.UpdateItem(ctx, in)
			}
		},
	}
}

func deviationsOfStreams() map[string]deviation {
	records := func(s *storagesuite.Storage, change func([]storagesuite.Record)) {
		of := s.Records
		s.Records = func(t storagesuite.T, table string) []storagesuite.Record {
			all := slices.Clone(of(t, table))
			change(all)
			return all
		}
	}
	return map[string]deviation{
		"old images are missing": func(_ storagesuite.Client, _ *deviant, s *storagesuite.Storage) {
			records(s, func(all []storagesuite.Record) {
				for i := range all {
					all[i].Old = nil
				}
			})
		},
		"two records of an item change places": func(_ storagesuite.Client, _ *deviant, s *storagesuite.Storage) {
			records(s, func(all []storagesuite.Record) {
				if len(all) > 8 {
					slices.Reverse(all[:len(all)-1])
				}
			})
		},
		"a sequence number occurs twice": func(_ storagesuite.Client, _ *deviant, s *storagesuite.Storage) {
			records(s, func(all []storagesuite.Record) {
				for i := range all {
					all[i].Sequence = "1"
				}
			})
		},
		"a record's time is cut to the minute": func(_ storagesuite.Client, _ *deviant, s *storagesuite.Storage) {
			records(s, func(all []storagesuite.Record) {
				for i := range all {
					all[i].At = all[i].At.Truncate(time.Minute)
				}
			})
		},
		"a sequence number is no number": func(_ storagesuite.Client, _ *deviant, s *storagesuite.Storage) {
			records(s, func(all []storagesuite.Record) {
				for i := range all {
					all[i].Sequence = "0x" + all[i].Sequence
				}
			})
		},
		"an expiry looks like a deletion": func(_ storagesuite.Client, _ *deviant, s *storagesuite.Storage) {
			records(s, func(all []storagesuite.Record) {
				for i := range all {
					all[i].Service = false
				}
			})
		},
		"a stream is read from its beginning only": func(_ storagesuite.Client, _ *deviant, s *storagesuite.Storage) {
			s.From = func(t storagesuite.T, table string, _ storagesuite.Record) []storagesuite.Record {
				return s.Records(t, table)[:1]
			}
		},
	}
}

func deviationsOfTables() map[string]deviation {
	ctx := context.Background()
	settings := func(s *storagesuite.Storage, change func(*storagesuite.Settings)) {
		of := s.Settings
		s.Settings = func(t storagesuite.T, table string) storagesuite.Settings {
			all := of(t, table)
			change(&all)
			return all
		}
	}
	return map[string]deviation{
		"time to live is not switched on": func(_ storagesuite.Client, _ *deviant, s *storagesuite.Storage) {
			settings(s, func(all *storagesuite.Settings) { all.TimeToLive = "" })
		},
		"a stream has new images only": func(_ storagesuite.Client, _ *deviant, s *storagesuite.Storage) {
			settings(s, func(all *storagesuite.Settings) { all.Images = "NEW_IMAGE" })
		},
		"an expiry removes nothing": func(_ storagesuite.Client, _ *deviant, s *storagesuite.Storage) {
			s.Expire = func(storagesuite.T, string, storagesuite.Item) {}
		},
		"replicas do not replicate": func(_ storagesuite.Client, _ *deviant, s *storagesuite.Storage) {
			other := storagesuite.Model()
			create := s.Create
			s.Create = func(t storagesuite.T, definition contract.Table) string {
				other.Create(t, definition)
				return create(t, definition)
			}
			s.Elsewhere = &other
		},
		"an item has 500 KB": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.put = func(in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) {
				out, err := m.PutItem(ctx, in)
				if err != nil && strings.Contains(err.Error(), "maximum allowed size") {
					return &dynamodb.PutItemOutput{}, nil
				}
				return out, err
			}
		},
	}
}
