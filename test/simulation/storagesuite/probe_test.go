package storagesuite_test

import (
	"fmt"
	"testing"
	"strings"
	"os"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
)

func TestProbe(t *testing.T) {
	client := dynamo.NewClient(local)
	dynamo.CreateTable(t.Context(), client, "probe", contract.ReadingsTable())
	src, _ := os.ReadFile("../../../runtime/contract/tables.go")
	var res []string
	for _, m := range regexp.MustCompile(`Attr\w+\s*= "(\w+)"`).FindAllStringSubmatch(string(src), -1) {
		_, err := client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: aws.String("probe"), Key: map[string]types.AttributeValue{"equipmentId": &types.AttributeValueMemberS{Value: "x"}, "timestamp": &types.AttributeValueMemberS{Value: "x"}},
			UpdateExpression: aws.String("REMOVE " + m[1])})
		if err != nil && strings.Contains(err.Error(), "reserved") { res = append(res, m[1]) }
	}
	fmt.Println(res)
	for _, c := range []string{"a BETWEEN :c AND :b", "a = :b OR a BETWEEN :c AND :b", "contains(a, :b) AND a < :c", ":b = :c", ":b < :c", "a < :t", "a BETWEEN :b AND :n", "begins_with(a, :n)", "size(a) = :n", "a IN (:n)"} {
		v := map[string]types.AttributeValue{}
		for k, x := range map[string]types.AttributeValue{":b": &types.AttributeValueMemberS{Value: "b"}, ":c": &types.AttributeValueMemberS{Value: "c"}, ":t": &types.AttributeValueMemberBOOL{Value: true}, ":n": &types.AttributeValueMemberN{Value: "1"}} {
			if strings.Contains(c, k) { v[k] = x }
		}
		_, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("probe"), Item: map[string]types.AttributeValue{"equipmentId": &types.AttributeValueMemberS{Value: "x"}, "timestamp": &types.AttributeValueMemberS{Value: "x"}, "a": &types.AttributeValueMemberS{Value: "b"}},
			ConditionExpression: &c, ExpressionAttributeValues: v})
		fmt.Println(c, err)
	}
	for _, u := range []string{"ADD a :b", "SET n = a + :b", "SET n = a - :b", "SET n = if_not_exists(n, :b) + :n", "SET n = :b + a", "ADD a :t", "ADD a b", "SET n = a + :n + :n", "REMOVE a REMOVE b", "SET n = if_not_exists(:n, :b)"} {
		v := map[string]types.AttributeValue{}
		for k, x := range map[string]types.AttributeValue{":b": &types.AttributeValueMemberS{Value: "b"}, ":c": &types.AttributeValueMemberS{Value: "c"}, ":t": &types.AttributeValueMemberBOOL{Value: true}, ":n": &types.AttributeValueMemberN{Value: "1"}} {
			if strings.Contains(u, k) { v[k] = x }
		}
		if len(v) == 0 { v = nil }
		_, err := client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: aws.String("probe"), Key: map[string]types.AttributeValue{"equipmentId": &types.AttributeValueMemberS{Value: "no"}, "timestamp": &types.AttributeValueMemberS{Value: "x"}},
			UpdateExpression: &u, ExpressionAttributeValues: v, ConditionExpression: aws.String("attribute_exists(zzz)")})
		fmt.Println(u, err)
	}
	
}
