package deployment_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// steps are the parts of a path such as PrefixLists.0.PrefixListId.
func steps(path string) (list []any) {
	for _, step := range strings.Split(path, ".") {
		if index, err := strconv.Atoi(step); err == nil {
			list = append(list, index)
			continue
		}
		list = append(list, step)
	}
	return list
}

// bootstrap prepares a region as `cdk bootstrap` does, and gives it what AWS gives every account there.
func (e *emulator) bootstrap(ctx context.Context, region string) error {
	const version = "30"
	err := e.json(ctx, region, "ssm", "AmazonSSM.PutParameter", object{
		"Name": "/cdk-bootstrap/hnb659fds/version", "Type": "String", "Value": version,
	}, nil)
	if err != nil {
		return fmt.Errorf("bootstrap %s: %w", region, err)
	}
	return e.query(ctx, region, "ec2", ec2Version, "CreateManagedPrefixList", map[string]string{
		"PrefixListName": cloudFrontPrefixes, "AddressFamily": "IPv4", "MaxEntries": "1",
	}, nil)
}

const (
	ec2Version = "2016-11-15"
	// cloudFrontPrefixes is the name of the addresses from which CloudFront asks origins, in every account.
	cloudFrontPrefixes = "com.amazonaws.global.cloudfront.origin-facing"
)

// prefixLists answers DescribeManagedPrefixLists as the SDK would.
func (s *stack) prefixLists(ctx context.Context, region, name string) (any, error) {
	var answer struct {
		Lists []struct {
			ID string `xml:"prefixListId"`
		} `xml:"prefixListSet>item"`
	}
	err := s.emulator.query(ctx, region, "ec2", ec2Version, "DescribeManagedPrefixLists", map[string]string{
		"Filter.1.Name": "prefix-list-name", "Filter.1.Value.1": name,
	}, &answer)
	var lists []any
	for _, list := range answer.Lists {
		lists = append(lists, object{"PrefixListId": list.ID})
	}
	return object{"PrefixLists": lists}, err
}

// emulatedKey is the key as the emulator makes one.
func emulatedKey(_ *stack, resource object) object {
	p := properties(resource)
	return object{"Type": "AWS::KMS::Key", "Properties": object{
		"Description": p["Description"], "KeyPolicy": object{"Fn::ToJsonString": p["KeyPolicy"]},
	}}
}

// findPrimary looks for the key that the replica names.
func findPrimary(ctx context.Context, s *stack, id string, made *created) error {
	primary := text(made.Resolved[id], "PrimaryKeyArn")
	parts := strings.Split(primary, ":")
	if len(parts) != 6 {
		return fmt.Errorf("the primary key is %q", primary)
	}
	return s.emulator.json(ctx, parts[3], "kms", "TrentService.DescribeKey", object{"KeyId": primary}, nil)
}

const cognito = "AWSCognitoIdentityProviderService."

func userPool(ctx context.Context, s *stack, p object) (map[string]string, error) {
	in := maps.Clone(p)
	in["PoolName"] = s.Name
	var answer struct{ UserPool struct{ Id, Arn string } } //nolint:revive // Cognito writes it so
	err := s.emulator.json(ctx, s.Region, "cognito-idp", cognito+"CreateUserPool", in, &answer)
	name := "cognito-idp." + s.Region + ".amazonaws.com/" + answer.UserPool.Id
	return map[string]string{
		"": answer.UserPool.Id, "UserPoolId": answer.UserPool.Id, "Arn": answer.UserPool.Arn, "ProviderName": name, "ProviderURL": "https://" + name,
	}, err
}

func userPoolClient(ctx context.Context, s *stack, p object) (map[string]string, error) {
	in := maps.Clone(p)
	if in["ClientName"] == nil {
		in["ClientName"] = "client"
	}
	var answer struct {
		UserPoolClient struct{ ClientId, ClientSecret string } //nolint:revive // Cognito writes it so
	}
	err := s.emulator.json(ctx, s.Region, "cognito-idp", cognito+"CreateUserPoolClient", in, &answer)
	c := answer.UserPoolClient
	return map[string]string{"": c.ClientId, "ClientId": c.ClientId, "ClientSecret": c.ClientSecret}, err
}

func userPoolDomain(ctx context.Context, s *stack, p object) (map[string]string, error) {
	err := s.emulator.json(ctx, s.Region, "cognito-idp", cognito+"CreateUserPoolDomain", p, nil)
	return map[string]string{"": text(p, "Domain")}, err
}

func resourceServer(ctx context.Context, s *stack, p object) (map[string]string, error) {
	err := s.emulator.json(ctx, s.Region, "cognito-idp", cognito+"CreateResourceServer", p, nil)
	return map[string]string{"": text(p, "Identifier")}, err
}

func userPoolGroup(ctx context.Context, s *stack, p object) (map[string]string, error) {
	err := s.emulator.json(ctx, s.Region, "cognito-idp", cognito+"CreateGroup", p, nil)
	return map[string]string{"": text(p, "GroupName")}, err
}

func secret(ctx context.Context, s *stack, p object) (map[string]string, error) {
	in := maps.Clone(p)
	in["AddReplicaRegions"] = p["ReplicaRegions"]
	delete(in, "ReplicaRegions")
	var answer struct{ ARN string }
	err := s.emulator.json(ctx, s.Region, "secretsmanager", "secretsmanager.CreateSecret", in, &answer)
	return map[string]string{"": answer.ARN, "Id": answer.ARN}, err
}

// completeBucket sets what the template says about versions and notifications.
func completeBucket(ctx context.Context, s *stack, id string, made *created) error {
	client := s3.NewFromConfig(s.emulator.config(s.Region), func(o *s3.Options) { o.UsePathStyle = true })
	bucket, p := made.Physical[id], made.Resolved[id]
	if text(p, "VersioningConfiguration", "Status") == string(types.BucketVersioningStatusEnabled) {
		_, err := client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
			Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		})
		if err != nil {
			return fmt.Errorf("switch versions on: %w", err)
		}
	}
	var configured struct {
		QueueConfigurations []struct {
			Event, Queue string
			Filter       struct {
				S3Key struct{ Rules []types.FilterRule }
			}
		}
	}
	encoded, err := json.Marshal(p["NotificationConfiguration"])
	if err != nil {
		return fmt.Errorf("read the notifications: %w", err)
	}
	if err := json.Unmarshal(encoded, &configured); err != nil || len(configured.QueueConfigurations) == 0 {
		return err
	}
	notifications := &types.NotificationConfiguration{}
	for _, q := range configured.QueueConfigurations {
		notifications.QueueConfigurations = append(notifications.QueueConfigurations, types.QueueConfiguration{
			QueueArn: &q.Queue, Events: []types.Event{types.Event(q.Event)},
			Filter: &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: q.Filter.S3Key.Rules}},
		})
	}
	_, err = client.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: &bucket, NotificationConfiguration: notifications,
	})
	if err != nil {
		return fmt.Errorf("set the notifications: %w", err)
	}
	return nil
}

// secretField reads one field of a secret by the address that task definitions take: <ARN>:<field>::. It also returns the secret's ARN.
func (e *emulator) secretField(ctx context.Context, from string) (value, arn string, err error) {
	const parts, region, name, field = 10, 3, 6, 7
	address := strings.Split(from, ":")
	if len(address) != parts {
		return "", "", fmt.Errorf("the address %q of a secret's field has not ten parts", from)
	}
	var answer struct{ ARN, SecretString string }
	err = e.json(ctx, address[region], "secretsmanager", "secretsmanager.GetSecretValue", object{"SecretId": address[name]}, &answer)
	if err != nil {
		return "", "", err
	}
	var fields map[string]string
	if err := json.Unmarshal([]byte(answer.SecretString), &fields); err != nil {
		return "", "", fmt.Errorf("read secret %s: %w", address[name], err)
	}
	value, ok := fields[address[field]]
	if !ok {
		return "", "", fmt.Errorf("secret %s has no field %s", address[name], address[field])
	}
	return value, answer.ARN, nil
}
