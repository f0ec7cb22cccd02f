package dynamo

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// revocationsClient lists the calls in use.
type revocationsClient interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Revocations is the table of tokens that were logged out. An item vanishes some time after its token has expired.
type Revocations struct {
	client revocationsClient
	table  string
}

// NewRevocations returns a Revocations. All arguments are required.
func NewRevocations(client revocationsClient, table string) *Revocations {
	return &Revocations{client: client, table: table}
}

// Revoke records that a token, by the SHA-256 of its text in hex, was logged out at a moment. Repeating it is a success.
func (t *Revocations) Revoke(ctx context.Context, tokenHash string, revokedAt, expiresAt time.Time) error {
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.table,
		Item: item{
			contract.AttrRevokedHour: text(reading.FormatTimestamp(revokedAt.UTC().Truncate(time.Hour))),
			contract.AttrRevocation:  text(reading.FormatTimestamp(revokedAt) + contract.KeySeparator + tokenHash),
			// Time to live counts whole seconds; rounding up keeps the item for as long as the token is valid.
			contract.AttrExpiresAt: integer(expiresAt.Add(time.Second - 1).Unix()),
		},
	})
	return mapError("save a revocation", err)
}

// RevokedIn passes on what was logged out within the UTC hour that begins at hour, at or after from. The read is strongly
// consistent, so that a logout counts in its region as soon as it is answered. Items of another form are left out.
func (t *Revocations) RevokedIn(ctx context.Context, hour, from time.Time, take func(tokenHash string, expiresAt time.Time)) error {
	in := &dynamodb.QueryInput{
		TableName: &t.table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("#hour = :hour AND #revocation >= :from"),
		ExpressionAttributeNames: map[string]string{
			"#hour": contract.AttrRevokedHour, "#revocation": contract.AttrRevocation,
		},
		ExpressionAttributeValues: item{
			":hour": text(reading.FormatTimestamp(hour.UTC())), ":from": text(reading.FormatTimestamp(from.UTC())),
		},
	}
	for {
		out, err := t.client.Query(ctx, in)
		if err != nil {
			return mapError("read revocations", err)
		}
		for _, stored := range out.Items {
			r := itemReader{item: stored}
			_, hash, _ := strings.Cut(r.text(contract.AttrRevocation), contract.KeySeparator)
			expiresAt := time.Unix(r.integer(contract.AttrExpiresAt), 0).UTC()
			if r.done() == nil {
				take(hash, expiresAt)
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}
