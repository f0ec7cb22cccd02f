package storage_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

const (
	primary   = "us-east-1"
	secondary = "eu-west-1"
)

// refused wants the construction to end in a sentence that begins with the construct's path and holds each of the
// texts.
func refused(t *testing.T, want []string, build func(stack awscdk.Stack)) {
	t.Helper()
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", secondary)
	got := cdktest.Panic(t, func() { build(stack) })
	if !strings.HasPrefix(got, "Stack/It: ") {
		t.Errorf("it does not begin with the path: %s", got)
	}
	for _, text := range want {
		if !strings.Contains(got, text) {
			t.Errorf("it lacks %q: %s", text, got)
		}
	}
}

func TestKey_RotatesAndStays(t *testing.T) {
	app := cdktest.NewApp(t)
	storage.NewKey(cdktest.NewStack(app, "Stack", secondary), "Key", nil)
	template := cdktest.Synth(t, app).Template(t, "Stack")
	cdktest.Golden(t, "key.golden.txt", template.Policies())
	key := template.Only(t, "AWS::KMS::Key")
	if key.ID != "Key961B73FD" {
		t.Errorf("the logical id is %s: another one makes a new key and leaves the data behind", key.ID)
	}
	key.Want(t, true, "EnableKeyRotation")
	if key.Body["DeletionPolicy"] != "Retain" || key.Body["UpdateReplacePolicy"] != "Retain" {
		t.Errorf("the key goes with its stack: %v", key.Body)
	}
	policy := cdktest.JSON(t, key.Property("KeyPolicy", "Statement"))
	if strings.Contains(policy, "kms:*") || strings.Contains(policy, "Key*") {
		t.Errorf("the key's policy has an action with a wildcard: %s", policy)
	}
	if aliases := template.All("AWS::KMS::Alias"); len(aliases) != 0 {
		t.Errorf("there is an alias that nobody asked for: %v", aliases)
	}
}

func TestKey_LetsServicesInForThisAccountOnly(t *testing.T) {
	app := cdktest.NewApp(t)
	storage.NewKey(cdktest.NewStack(app, "Stack", secondary), "Key", nil)
	key := cdktest.Synth(t, app).Template(t, "Stack").Only(t, "AWS::KMS::Key")
	services := 0
	statements, _ := key.Property("KeyPolicy", "Statement").([]any)
	for _, s := range statements {
		if cdktest.At(s, "Principal", "Service") == nil {
			continue
		}
		services++
		if condition := fmt.Sprint(cdktest.At(s, "Condition")); !strings.Contains(condition, cdktest.Account) {
			t.Errorf("another account's %v may use the key", cdktest.At(s, "Principal", "Service"))
		}
	}
	if services != 4 {
		t.Errorf("%d services are let in, not logs, events, alarms and the user pool", services)
	}
}

func TestKey_EveryPropMatters(t *testing.T) {
	cdktest.EveryPropMatters(t, func(awscdk.Stack) storage.KeyProps { return storage.KeyProps{} },
		func(stack awscdk.Stack, p *storage.KeyProps) { storage.NewKey(stack, "Key", p) },
		map[string]func(awscdk.Stack, *storage.KeyProps){
			"Alias":        func(_ awscdk.Stack, p *storage.KeyProps) { p.Alias = "Flow" },
			"MultiRegion":  func(_ awscdk.Stack, p *storage.KeyProps) { p.MultiRegion = true },
			"BucketEvents": func(_ awscdk.Stack, p *storage.KeyProps) { p.BucketEvents = true },
			"Disposable":   func(_ awscdk.Stack, p *storage.KeyProps) { p.Disposable = true },
		})
}

func TestKey_Rejects(t *testing.T) {
	alias := func(text string) func(*storage.KeyProps) { return func(p *storage.KeyProps) { p.Alias = text } }
	const must = "Alias must be 1 to 64 letters, digits and hyphens, beginning with a letter, got "
	cdktest.Refuses(t, storage.KeyProps{},
		cdktest.Row("64 characters", alias(strings.Repeat("a", 64)), ""),
		cdktest.Row("rejects 65 characters", alias(strings.Repeat("a", 65)),
			must+`"`+strings.Repeat("a", 65)+`"; leave out the alias/ before it`),
		cdktest.Row("rejects the prefix", alias("alias/Flow"), must+`"alias/Flow"; leave out the alias/ before it`),
	)
	refused(t, []string{must},
		func(stack awscdk.Stack) { storage.NewKey(stack, "It", &storage.KeyProps{Alias: "alias/Flow"}) })
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", primary)
	key := storage.NewKey(stack, "Key", nil)
	cdktest.RefusesToBuild(t, "Stack/Key: a replica in eu-west-1 needs MultiRegion", func() { key.Replica(secondary) })
}

const primaryKey = "arn:aws:kms:" + primary + ":" + cdktest.Account + ":key/mrk-0a1b"

func TestReplicaKey_IsOfThePrimaryThatIsGiven(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	arn := *awscdk.Fn_GetStackOutput(jsii.String("Keys"), jsii.String("KeyArn"), jsii.String(primary), nil)
	storage.NewReplicaKey(cdktest.NewStack(app, "Stack", secondary), "Key",
		&storage.ReplicaKeyProps{PrimaryKeyArn: arn, Alias: "Flow"})
	out := cdktest.Synth(t, app)
	template := out.Template(t, "Stack")
	template.Part("AWS::KMS::Alias").Golden(t, "replicakey")
	cdktest.Golden(t, "replicakey.golden.txt", template.Policies())
	key := template.Only(t, "AWS::KMS::ReplicaKey")
	if key.ID != "Key961B73FD" {
		t.Errorf("the logical id is %s: another one makes a new replica", key.ID)
	}
	key.Want(t, map[string]any{"Fn::GetStackOutput": map[string]any{
		"StackName": "Keys", "OutputName": "KeyArn", "Region": primary,
	}}, "PrimaryKeyArn")
	if key.Body["DeletionPolicy"] != "RetainExceptOnCreate" || key.Body["UpdateReplacePolicy"] != "Retain" {
		t.Errorf("the replica stays where its stack failed, or goes with its stack: %v", key.Body)
	}
	template.Only(t, "AWS::KMS::Alias").Want(t, "alias/Flow", "AliasName")
	if n := len(template.All("")); n != 2 {
		t.Errorf("%d resources are made, not key and alias", n)
	}
	out.NoFindings(t)
}

func TestReplicaKey_EveryPropMatters(t *testing.T) {
	cdktest.EveryPropMatters(t,
		func(awscdk.Stack) storage.ReplicaKeyProps { return storage.ReplicaKeyProps{PrimaryKeyArn: primaryKey} },
		func(stack awscdk.Stack, p *storage.ReplicaKeyProps) { storage.NewReplicaKey(stack, "Key", p) },
		map[string]func(awscdk.Stack, *storage.ReplicaKeyProps){
			"Alias":         func(_ awscdk.Stack, p *storage.ReplicaKeyProps) { p.Alias = "Other" },
			"PrimaryKeyArn": func(_ awscdk.Stack, p *storage.ReplicaKeyProps) { p.PrimaryKeyArn += "2" },
			"Disposable":    func(_ awscdk.Stack, p *storage.ReplicaKeyProps) { p.Disposable = true },
		})
}

func TestReplicaKey_Rejects(t *testing.T) {
	for name, c := range map[string]struct {
		props *storage.ReplicaKeyProps
		want  string
	}{
		"rejects no props": {nil, "PrimaryKeyArn must be set to the ARN of a multi-Region key"},
		"rejects a key of one region": {
			&storage.ReplicaKeyProps{PrimaryKeyArn: strings.Replace(primaryKey, "mrk-", "", 1), Alias: "1"},
			`PrimaryKeyArn must be the ARN of a multi-Region key, got "` + strings.Replace(primaryKey, "mrk-", "", 1) +
				"\"\nAlias must be 1 to 64 letters, digits and hyphens, beginning with a letter, got \"1\"; " +
				"leave out the alias/ before it",
		},
		"rejects the stack's own region": {
			&storage.ReplicaKeyProps{PrimaryKeyArn: strings.Replace(primaryKey, primary, secondary, 1)},
			`PrimaryKeyArn must not be in the stack's own region, got "` +
				strings.Replace(primaryKey, primary, secondary, 1) + `"; the primary key is not its own replica`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", secondary)
			cdktest.RefusesToBuild(t, "Stack/It: "+c.want, func() { storage.NewReplicaKey(stack, "It", c.props) })
		})
	}
}

// TestNames_AreClaimedOnce makes what has a fixed name twice in one account and region.
func TestNames_AreClaimedOnce(t *testing.T) {
	app := cdktest.NewApp(t)
	one, two := cdktest.NewStack(app, "One", primary), cdktest.NewStack(app, "Two", primary)
	storage.NewKey(one, "Key", &storage.KeyProps{Alias: "Flow"})
	cdktest.RefusesToBuild(t, `Two/Key: Alias must be another, got "Flow"; One/Key makes the alias alias/Flow in the `+
		"same account and region", func() { storage.NewKey(two, "Key", &storage.KeyProps{Alias: "Flow"}) })
	cdktest.RefusesToBuild(t, `One/Other: Alias must be another, got "Flow"; One/Key makes the alias alias/Flow in `+
		"the same account and region", func() { storage.NewKey(one, "Other", &storage.KeyProps{Alias: "Flow"}) })
	storage.NewGlobalTables(one, "Tables", &storage.GlobalTablesProps{Name: "Flow"})
	cdktest.RefusesToBuild(t, `Two/Tables: Name must be another, got "Flow"; One/Tables makes the table `+
		"Flow-Readings in the same account and region",
		func() { storage.NewGlobalTables(two, "Tables", &storage.GlobalTablesProps{Name: "Flow"}) })
	elsewhere := cdktest.NewStack(app, "Elsewhere", secondary)
	storage.NewKey(elsewhere, "Key", &storage.KeyProps{Alias: "Flow"})
	storage.NewKey(two, "Second", &storage.KeyProps{Alias: "Flow2"})
	anywhere := awscdk.NewStack(app, jsii.String("Anywhere"), nil)
	storage.NewKey(anywhere, "Key", &storage.KeyProps{Alias: "Flow"})
	storage.NewKey(anywhere, "Again", &storage.KeyProps{Alias: "Flow"})
}

func TestKey_ReplicaHasThePrimarysID(t *testing.T) {
	app := cdktest.NewApp(t)
	keys := cdktest.NewStack(app, "Keys", primary)
	key := storage.NewKey(keys, "Key", &storage.KeyProps{MultiRegion: true})
	replica := key.Replica(secondary)
	if again := key.Replica(secondary); replica.Region != secondary || again.Key != replica.Key {
		t.Errorf("the replica is %v, asked again %v", replica, again)
	}
	got := cdktest.JSON(t, keys.Resolve(replica.Key.KeyArn()))
	for _, part := range []string{`arn:aws:kms:eu-west-1:111111111111:key/`, `"KeyId"`} {
		if !strings.Contains(got, part) {
			t.Errorf("the replica's address lacks %s: %s", part, got)
		}
	}
}
