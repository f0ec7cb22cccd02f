package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// revocationsClient lists the calls in use.
type revocationsClient interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
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

// Revoke records a token, by the SHA-256 of its text in hex, as logged out. Repeating it is a success.
func (r *Revocations) Revoke(ctx context.Context, tokenHash string, expiresAt time.Time) error {
	_, err := r.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &r.table,
		Item: item{
			contract.AttrTokenHash: text(tokenHash),
			// Time to live counts whole seconds; rounding up keeps the item for as long as the token is valid.
			contract.AttrExpiresAt: integer(expiresAt.Add(time.Second - 1).Unix()),
		},
	})
	return mapError("save a revocation", err)
}

// Revoked tells whether a token was logged out. The read is strongly consistent, so that a logout counts in its region as
// soon as it is answered.
func (r *Revocations) Revoked(ctx context.Context, tokenHash string) (bool, error) {
	out, err := r.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &r.table, Key: item{contract.AttrTokenHash: text(tokenHash)},
		ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String(contract.AttrTokenHash),
	})
	if err != nil {
		return false, mapError("look up a revocation", err)
	}
	return len(out.Item) > 0, nil
}
