package deployment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/child"
	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/permission"
)

// Who runs the command aggregates has a role that no stack makes. One that audits gets the rights of the auditor, as GrantAuditAggregates
// gives them, and one that repairs and adopts those of the repairer, too, as GrantRepairAggregates does.
const (
	auditing  = "auditing-operator-"
	repairing = "repairing-operator-"
)

// operate audits, repairs and adopts as an operator does: with the settings of the aggregator, and from outside.
func operate(ctx context.Context, s *service) error {
	for id := range s.functions {
		variables := asObject(at(s.stack.Resolved[id], "Environment", "Variables"))
		if text(variables, contract.EnvFleetBuckets) == "" || text(variables, contract.EnvStreamFailuresURL) != "" {
			continue
		}
		const left = "eu-north-1" // which has never been, so that nothing of it is to be adopted
		for _, arguments := range [][]string{
			{"audit", "-settle", "1s"}, {"repair"}, {"adopt", "-region", left},
		} {
			role := repairing
			switch arguments[0] {
			case "audit":
				role = auditing
			case "repair":
				if err := s.spoil(ctx, text(variables, contract.EnvAggregatesTable), s.equipment("C")); err != nil {
					return err
				}
			}
			values := s.credentials(role + s.region)
			for key, value := range variables {
				values[key] = fmt.Sprint(value)
			}
			values[contract.EnvAdoptedRegions] = left
			if err := s.runAggregates(ctx, append(arguments, "-place", ""), values); err != nil {
				return err
			}
		}
		if !s.recorder.Did(auditing+s.region, "dynamodb:Query") || !s.recorder.Did(repairing+s.region, "dynamodb:UpdateItem") {
			return errors.New("what the operators call is not recorded")
		}
		return nil
	}
	return fmt.Errorf("no function of %s knows of the fleet's buckets", s.region)
}

// spoil takes a row of an equipment out of the aggregates.
func (s *service) spoil(ctx context.Context, table, equipment string) error {
	client := probe.NewDynamoDB(s.region, s.database.Endpoint)
	out, err := client.Query(ctx, &dynamodb.QueryInput{
		TableName: &table, KeyConditionExpression: aws.String(contract.AttrEquipmentID + " = :id"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":id": &types.AttributeValueMemberS{Value: equipment}},
	})
	if err != nil || len(out.Items) == 0 {
		return fmt.Errorf("find a row of %s: %w", equipment, err)
	}
	key := map[string]types.AttributeValue{}
	for _, name := range []string{contract.AttrEquipmentID, contract.AttrInterval} {
		key[name] = out.Items[0][name]
	}
	if _, err := client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: key}); err != nil {
		return fmt.Errorf("delete a row of %s: %w", equipment, err)
	}
	return nil
}

func (s *service) runAggregates(ctx context.Context, arguments []string, values map[string]string) error {
	var output bytes.Buffer
	process, err := child.Start(child.Program{
		Path: filepath.Join(s.bin, "aggregates"), Args: arguments, Env: environ(values), Output: &output,
	})
	if err != nil {
		return err
	}
	select {
	case <-process.Exited():
	case <-ctx.Done():
		process.Kill()
	}
	if status := process.Status(); status != "exit status 0" {
		return fmt.Errorf("aggregates %v: %s: %s", arguments, status, output.String())
	}
	return nil
}

// credentials are region, addresses and the credentials of a role, which tell whose calls are whose.
func (s *service) credentials(role string) map[string]string {
	values := map[string]string{
		contract.EnvRegion: s.region, "AWS_ACCESS_KEY_ID": s.recorder.AccessKey(role), "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session",
	}
	maps.Copy(values, s.endpoints)
	return values
}

// operatorsRefused are what the operators of a region have called and may not.
func (w *world) operatorsRefused(made *created, roles map[string][]permission.Statement) (problems []string) {
	var auditor, repairer []permission.Statement
	for role, statements := range roles {
		switch made.plain(role) {
		case "SensorFlowProcessingAuditorRole":
			auditor = statements
		case "SensorFlowProcessingRepairerRole":
			repairer = statements
		}
	}
	for role, statements := range map[string][]permission.Statement{auditing: auditor, repairing: append(repairer, auditor...)} {
		for _, c := range w.recorder.Refused(role+made.Region, statements) {
			problems = append(problems, fmt.Sprintf("no statement allows an %s to call %s on %s", strings.Trim(role, "-"), c.Action, made.plain(c.Resource)))
		}
	}
	return problems
}
