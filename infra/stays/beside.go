package stays

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// encode writes a part of a template as JSON again.
func encode(value any) string {
	text, _ := json.Marshal(value) // which was decoded from JSON
	return string(text)
}

// beside lists what AWS, or a command of ours, has made for the stack and no template names.
func (s Stack) beside() []string {
	var steps []string
	for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
		r := s.Resources[id]
		switch r.Type {
		case "AWS::ECS::Cluster":
			steps = append(steps, step("log groups of Container Insights, which are empty after a day", fmt.Sprintf(
				"aws logs describe-log-groups --region %s --log-group-name-prefix /aws/ecs/containerinsights/%s "+
					"--query 'logGroups[].logGroupName' --output text", s.Region, s.cluster(id))))
		case "AWS::ECS::TaskDefinition":
			steps = append(steps, step("task definitions that make rollback has registered: aws ecs "+
				"deregister-task-definition takes each out of use", fmt.Sprintf("aws ecs list-task-definitions --region %s "+
				"--family-prefix %s --status ACTIVE --query taskDefinitionArns --output text", s.Region, s.family(id))))
		case "AWS::CertificateManager::Certificate":
			steps = append(steps, r.records()...)
		case "AWS::DynamoDB::GlobalTable":
			steps = append(steps, s.backups(id)...)
		case "AWS::KMS::Key", "AWS::KMS::ReplicaKey":
			if days, scheduled := r.Properties["PendingWindowInDays"].(float64); scheduled && !r.stays() {
				name, _ := s.name(id)
				steps = append(steps, fmt.Sprintf("  # the key %s of %s: KMS deletes it %.0f days later", name, s.Name, days))
			}
		}
	}
	return steps
}

// cluster is what the cluster is called, or what its name begins with: CloudFormation takes the stack's.
func (s Stack) cluster(id string) string {
	if name := s.Names[id]; name != "" {
		return name
	}
	return s.Name + "-"
}

// family is what all revisions of a task definition are called, before the number.
func (s Stack) family(id string) string {
	if family := s.Resources[id].text("Family"); family != "" {
		return family
	}
	arn := s.Names[id]
	family, _, _ := strings.Cut(arn[strings.LastIndex(arn, "/")+1:], ":")
	if family == "" {
		return s.Name
	}
	return family
}

// records are those of Route 53 by which a certificate's names were validated. CloudFormation makes them, takes those
// that are there, and deletes none.
func (r Resource) records() []string {
	validated, _ := r.Properties["DomainValidationOptions"].([]any)
	var steps []string
	for _, option := range validated {
		option, _ := option.(map[string]any)
		zone, inZone := option["HostedZoneId"].(string)
		domain, _ := option["DomainName"].(string)
		if !inZone {
			continue
		}
		steps = append(steps, step("records by which the certificate of "+domain+" was validated; the next deployment takes "+
			"them again", fmt.Sprintf("aws route53 list-resource-record-sets --hosted-zone-id %s --output text --query "+
			`"ResourceRecordSets[?Type=='CNAME' && ends_with(Name, '.%s.') && `+
			`contains(not_null(ResourceRecords[0].Value, ''), 'acm-validations')].[Name]"`, zone, domain)))
	}
	return steps
}

// backups are what DynamoDB keeps of a table that is deleted:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
func (s Stack) backups(id string) []string {
	r := s.Resources[id]
	if r.stays() {
		return nil
	}
	which := "starts_with(TableName, '" + s.Name + "-')"
	if name, known := s.name(id); known {
		which = "TableName=='" + name + "'"
	}
	regions := r.replicas()
	if len(regions) == 0 {
		regions = []string{s.Region}
	}
	var steps []string
	for _, region := range regions {
		steps = append(steps, step("a backup of the deleted table "+id+" in "+region+", for 35 days",
			fmt.Sprintf("aws dynamodb list-backups --region %s --backup-type SYSTEM --output text "+
				`--query "BackupSummaries[?%s].[BackupArn]"`, region, which)))
	}
	return steps
}

// common is what the stacks of an account share with others.
func common(stacks []Stack) []string {
	var lines []string
	for _, s := range stacks {
		lines = append(lines, fmt.Sprintf("  # what make bootstrap made in %s: the bucket cdk-hnb659fds-assets-%s-%s and the "+
			"repository\n  # cdk-hnb659fds-container-assets-%s-%s with all programs and templates, and the stack CDKToolkit",
			s.Region, s.Account, s.Region, s.Account, s.Region))
	}
	for _, s := range stacks {
		for _, r := range s.Resources {
			if r.Type == "AWS::ECS::Cluster" {
				return append(lines, step("roles with which services of AWS act; they belong to the account",
					"aws iam list-roles --path-prefix /aws-service-role/ --query 'Roles[].RoleName' --output text"))
			}
		}
	}
	return lines
}
