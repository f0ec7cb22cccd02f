package apiservice

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

const (
	rateWindowSeconds = 300
	tooManyRequests   = "TooManyRequests"
	// tooManyRequestsBody looks like a problem of the API. Only the content type differs: the firewall cannot send
	// application/problem+json.
	tooManyRequestsBody = `{"type":"about:blank","title":"Too many requests","status":429,` +
		`"detail":"Too many requests from this address; wait before the next.",` +
		`"message":"Too many requests from this address; wait before the next."}`
)

// FirewallLog is which requests the firewall writes to its log.
type FirewallLog string

// What the log may hold.
const (
	// FirewallLogRefused are the requests that the firewall refuses. An entry of each request that passes would cost more
	// than the firewall itself; the API's own log has them.
	FirewallLogRefused FirewallLog = contract.FirewallLogRefused
	// FirewallLogAll are all requests.
	FirewallLogAll FirewallLog = contract.FirewallLogAll
)

// filter says which entries are kept. What rules only count is not: such requests pass, and every batch of readings is
// one.
func (l FirewallLog) filter() any {
	if l == FirewallLogAll {
		return nil
	}
	return map[string]any{
		"DefaultBehavior": "DROP",
		"Filters": []any{map[string]any{
			"Behavior": "KEEP", "Requirement": "MEETS_ANY",
			"Conditions": []any{map[string]any{"ActionCondition": map[string]any{"Action": "BLOCK"}}},
		}},
	}
}

// managedRules lists the rule groups of AWS that are used. Rules that are named count requests and refuse none.
func managedRules(p ApiServiceProps) []awswafv2.CfnWebACL_ManagedRuleGroupStatementProperty {
	group := func(name string, counted ...string) awswafv2.CfnWebACL_ManagedRuleGroupStatementProperty {
		overrides := []any{}
		for _, rule := range counted {
			overrides = append(overrides, &awswafv2.CfnWebACL_RuleActionOverrideProperty{
				Name:        jsii.String(rule),
				ActionToUse: &awswafv2.CfnWebACL_RuleActionProperty{Count: &awswafv2.CfnWebACL_CountActionProperty{}},
			})
		}
		return awswafv2.CfnWebACL_ManagedRuleGroupStatementProperty{
			VendorName: jsii.String("AWS"), Name: jsii.String(name), RuleActionOverrides: overrides,
		}
	}
	groups := []awswafv2.CfnWebACL_ManagedRuleGroupStatementProperty{
		// A batch of readings or a CSV file is larger than the 8 KB that the first rule allows, and the API bounds
		// bodies itself. The second rule refuses clients without a User-Agent, and small devices often send none.
		group("AWSManagedRulesCommonRuleSet", "SizeRestrictions_BODY", "NoUserAgent_HEADER"),
		group("AWSManagedRulesKnownBadInputsRuleSet"),
	}
	if p.Domain != nil {
		// It judges the address that the connection comes from. That is the client's address only where the client
		// connects to the load balancer.
		groups = append(groups, group("AWSManagedRulesAmazonIpReputationList"))
	}
	return groups
}

func (a *ApiService) addFirewall(p ApiServiceProps) {
	// The metrics have a name that we choose. It must differ from that of another deployment in the account.
	a.firewallName = *awscdk.Names_UniqueResourceName(a,
		&awscdk.UniqueResourceNameOptions{MaxLength: jsii.Number(100), Separator: jsii.String("-")})
	rules := []any{a.rateRule(p)}
	for i, managed := range managedRules(p) {
		rules = append(rules, &awswafv2.CfnWebACL_RuleProperty{
			Name:             managed.Name,
			Priority:         jsii.Number(i + 1),
			Statement:        &awswafv2.CfnWebACL_StatementProperty{ManagedRuleGroupStatement: &managed},
			OverrideAction:   &awswafv2.CfnWebACL_OverrideActionProperty{None: map[string]any{}},
			VisibilityConfig: visibility(*managed.Name),
		})
	}
	a.WebAcl = awswafv2.NewCfnWebACL(a, jsii.String("WebAcl"), &awswafv2.CfnWebACLProps{
		Scope: jsii.String("REGIONAL"), Rules: &rules, VisibilityConfig: visibility(a.firewallName),
		DefaultAction: &awswafv2.CfnWebACL_DefaultActionProperty{Allow: &awswafv2.CfnWebACL_AllowActionProperty{}},
		CustomResponseBodies: map[string]any{
			tooManyRequests: &awswafv2.CfnWebACL_CustomResponseBodyProperty{
				ContentType: jsii.String("APPLICATION_JSON"), Content: jsii.String(tooManyRequestsBody),
			},
		},
	})
	awswafv2.NewCfnWebACLAssociation(a, jsii.String("WebAclAssociation"), &awswafv2.CfnWebACLAssociationProps{
		ResourceArn: a.LoadBalancer.LoadBalancerArn(), WebAclArn: a.WebAcl.AttrArn(),
	})
	// The firewall writes only to log groups whose name begins like this. A group with a fixed name must be deleted
	// with its stack, or the next stack could not make its own.
	logs := awslogs.NewLogGroup(a, jsii.String("WebAclLogs"), &awslogs.LogGroupProps{
		LogGroupName: jsii.String("aws-waf-logs-" + a.firewallName), EncryptionKey: p.Key, Retention: p.LogRetention,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	awswafv2.NewCfnLoggingConfiguration(a, jsii.String("WebAclLogging"), &awswafv2.CfnLoggingConfigurationProps{
		ResourceArn: a.WebAcl.AttrArn(), LogDestinationConfigs: &[]any{logs.LogGroupArn()},
		LoggingFilter: p.FirewallLog.filter(),
		// Tokens and cookies do not belong in a log.
		RedactedFields: &[]any{
			redacted("authorization"), redacted("cookie"),
		},
	})
}

// rateRule limits the requests of one address, so that it leaves room for others.
func (a *ApiService) rateRule(p ApiServiceProps) *awswafv2.CfnWebACL_RuleProperty {
	limit := &awswafv2.CfnWebACL_RateBasedStatementProperty{
		Limit:               jsii.Number(p.RequestLimit),
		EvaluationWindowSec: jsii.Number(rateWindowSeconds),
		AggregateKeyType:    jsii.String("IP"),
	}
	if p.Domain == nil {
		limit.AggregateKeyType = jsii.String("FORWARDED_IP")
		limit.ForwardedIpConfig = &awswafv2.CfnWebACL_ForwardedIPConfigurationProperty{
			HeaderName: jsii.String(viewerHeader), FallbackBehavior: jsii.String("MATCH"),
		}
	}
	return &awswafv2.CfnWebACL_RuleProperty{
		Name: jsii.String("RequestLimit"), Priority: jsii.Number(0),
		Statement: &awswafv2.CfnWebACL_StatementProperty{RateBasedStatement: limit},
		Action: &awswafv2.CfnWebACL_RuleActionProperty{Block: &awswafv2.CfnWebACL_BlockActionProperty{
			CustomResponse: &awswafv2.CfnWebACL_CustomResponseProperty{
				ResponseCode: jsii.Number(429), CustomResponseBodyKey: jsii.String(tooManyRequests),
				ResponseHeaders: &[]any{&awswafv2.CfnWebACL_CustomHTTPHeaderProperty{
					Name: jsii.String("Retry-After"), Value: jsii.String(strconv.Itoa(rateWindowSeconds)),
				}},
			},
		}},
		VisibilityConfig: visibility("RequestLimit"),
	}
}

func redacted(header string) *awswafv2.CfnLoggingConfiguration_FieldToMatchProperty {
	return &awswafv2.CfnLoggingConfiguration_FieldToMatchProperty{SingleHeader: map[string]string{"Name": header}}
}

func visibility(metric string) *awswafv2.CfnWebACL_VisibilityConfigProperty {
	return &awswafv2.CfnWebACL_VisibilityConfigProperty{
		CloudWatchMetricsEnabled: jsii.Bool(true),
		SampledRequestsEnabled:   jsii.Bool(true),
		MetricName:               jsii.String(metric),
	}
}
