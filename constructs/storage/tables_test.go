package storage_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

const globalTable = "AWS::DynamoDB::GlobalTable"

// keyIn imports a key of some region.
func keyIn(stack awscdk.Stack, region string) awskms.IKey {
	return awskms.Key_FromKeyArn(stack, jsii.String("KeyIn"+region),
		jsii.String("arn:aws:kms:"+region+":"+cdktest.Account+":key/mrk-0"))
}

func TestGlobalTables_AreWhatTheContractSays(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	storage.NewGlobalTables(cdktest.NewStack(app, "Stack", secondary), "Tables", nil)
	out := cdktest.Synth(t, app)
	template := out.Template(t, "Stack")
	template.Part(globalTable).Golden(t, "tables")
	ids := map[string]string{
		"Readings":    "TablesReadings65769CF8",
		"Aggregates":  "TablesAggregates439FE05B",
		"Revocations": "TablesRevocations4CFAEA74",
	}
	for _, want := range contract.Tables() {
		if !want.Global {
			continue
		}
		table := template.Find(t, globalTable, "Tables"+want.Name)
		if table.ID != ids[want.Name] {
			t.Errorf("the logical id of %s is %s: another one makes an empty table", want.Name, table.ID)
		}
		if table.Body["DeletionPolicy"] != "Retain" {
			t.Errorf("%s goes with its stack", want.Name)
		}
		table.Want(t, want.Key.Partition, "KeySchema", 0, "AttributeName")
		if want.Key.Sort != "" {
			table.Want(t, want.Key.Sort, "KeySchema", 1, "AttributeName")
		}
		for i, index := range want.Indexes {
			table.Want(t, index.Name, "GlobalSecondaryIndexes", i, "IndexName")
			table.Want(t, []any{
				map[string]any{"AttributeName": index.Key.Partition, "KeyType": "HASH"},
				map[string]any{"AttributeName": index.Key.Sort, "KeyType": "RANGE"},
			}, "GlobalSecondaryIndexes", i, "KeySchema")
		}
		if want.TimeToLive != "" {
			table.Want(t, map[string]any{"AttributeName": want.TimeToLive, "Enabled": true}, "TimeToLiveSpecification")
		}
		table.Want(t, "NEW_AND_OLD_IMAGES", "StreamSpecification", "StreamViewType")
		table.Want(t, true, "Replicas", 0, "DeletionProtectionEnabled")
		table.Want(t, true, "Replicas", 0, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled")
		if table.Property("TableName") != nil {
			t.Errorf("%s has a name that nobody gave", want.Name)
		}
	}
	out.NoFindings(t)
}

func TestGlobalTables_ReplicateWithTheKeyOfEachRegion(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", primary)
	storage.NewGlobalTables(stack, "Tables", &storage.GlobalTablesProps{Name: "Flow", Key: keyIn(stack, primary),
		Replicas: []storage.Replica{
			{Region: secondary, Key: keyIn(stack, secondary)},
			{Region: "ap-south-1", Key: keyIn(stack, "ap-south-1"), Disposable: true},
		}})
	for _, table := range cdktest.Synth(t, app).Template(t, "Stack").All(globalTable) {
		var regions []string
		replicas, _ := table.Property("Replicas").([]any)
		for i, replica := range replicas {
			region, _ := cdktest.At(replica, "Region").(string)
			regions = append(regions, region)
			table.Want(t, "arn:aws:kms:"+region+":111111111111:key/mrk-0", "Replicas", i, "SSESpecification",
				"KMSMasterKeyId")
			if cdktest.At(replica, "DeletionProtectionEnabled") != nil {
				t.Errorf("%s is protected before the deployment that makes it is over", table.ID)
			}
		}
		if slices.Sort(regions); !slices.Equal(regions, []string{"ap-south-1", secondary, primary}) {
			t.Errorf("%s is in %v", table.ID, regions)
		}
		if name := table.Text(t, "TableName"); !strings.HasPrefix(name, "Flow-") {
			t.Errorf("%s is named %s", table.ID, name)
		}
	}
}

// TestGlobalTables_AreProtectedOnceTheyAreThere follows what CloudFormation does: it makes resources in the order in
// which they need each other, undoes them in the opposite order where the deployment that makes them fails, and leaves
// alone what has RetainExceptOnCreate in every later one.
func TestGlobalTables_AreProtectedOnceTheyAreThere(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", primary)
	storage.NewGlobalTables(stack, "Tables", &storage.GlobalTablesProps{Name: "Flow", Key: keyIn(stack, primary),
		Replicas: []storage.Replica{
			{Region: secondary, Key: keyIn(stack, secondary)},
			{Region: "ap-south-1", Key: keyIn(stack, "ap-south-1"), Disposable: true},
		}})
	out := cdktest.Synth(t, app)
	template := out.Template(t, "Stack")
	cdktest.Golden(t, "protection.golden.txt", template.Policies())
	calls := template.All("Custom::SensorFlowProtection")
	if len(calls) != 9 {
		t.Fatalf("%d calls protect three tables in three regions", len(calls))
	}
	protected := map[string]bool{}
	for _, call := range calls {
		var do, undo struct {
			Region     string
			Parameters struct {
				TableName                 string
				DeletionProtectionEnabled bool
			}
		}
		decode(t, call, "Create", &do)
		if create, update := call.Text(t, "Create"), call.Text(t, "Update"); create != update {
			t.Errorf("%s makes another call when it changes: %s", call.ID, update)
		}
		decode(t, call, "Delete", &undo)
		table, region := do.Parameters.TableName, do.Region
		protected[table+" "+region] = do.Parameters.DeletionProtectionEnabled
		if undo.Parameters.TableName != table || undo.Region != region || undo.Parameters.DeletionProtectionEnabled {
			t.Errorf("%s cannot be undone: %+v", call.ID, undo)
		}
		_, name, _ := strings.Cut(table, "-")
		made := template.Find(t, globalTable, "Tables"+name)
		needs, _ := call.Body["DependsOn"].([]any)
		if !slices.Contains(needs, any(made.ID)) {
			t.Errorf("%s does not wait for %s, but for %v", call.ID, made.ID, needs)
		}
		for _, r := range []cdktest.Resource{call, made} {
			if r.Body["DeletionPolicy"] != "RetainExceptOnCreate" || r.Body["UpdateReplacePolicy"] != "Retain" {
				t.Errorf("%s is deleted by %v", r.ID, r.Body["DeletionPolicy"])
			}
		}
	}
	for _, table := range []string{"Flow-Readings", "Flow-Aggregates", "Flow-Revocations"} {
		for region, want := range map[string]bool{primary: true, secondary: true, "ap-south-1": false} {
			if got, called := protected[table+" "+region]; !called || got != want {
				t.Errorf("%s in %s is protected: %v", table, region, got)
			}
		}
	}
	out.NoCircles(t)
	out.NoFindings(t)
	out.LeastPrivilege(t)
}

// decode reads a call of a custom resource.
func decode(t *testing.T, r cdktest.Resource, property string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.Text(t, property)), into); err != nil {
		t.Fatalf("%s: %s: %v", r.ID, property, err)
	}
}

// TestGlobalTables_AreProtectedAgainAfterAChange compares the physical ids of the calls: another id is another call.
func TestGlobalTables_AreProtectedAgainAfterAChange(t *testing.T) {
	calls := func(replicas ...string) string {
		app := cdktest.NewApp(t)
		stack := cdktest.NewStack(app, "Stack", primary)
		p := &storage.GlobalTablesProps{Name: "Flow", Key: keyIn(stack, primary)}
		for _, region := range replicas {
			p.Replicas = append(p.Replicas, storage.Replica{Region: region, Key: keyIn(stack, region)})
		}
		storage.NewGlobalTables(stack, "Tables", p)
		template := cdktest.Synth(t, app).Template(t, "Stack")
		return template.Find(t, "Custom::SensorFlowProtection", "TablesProtectionReadings"+"useast1").Text(t, "Update")
	}
	alone, again, replicated := calls(), calls(), calls(secondary)
	if alone != again || alone == replicated {
		t.Errorf("the call is %s, once more %s, and with a replica %s", alone, again, replicated)
	}
}

func TestGlobalTables_WorkInAStackWithoutRegion(t *testing.T) {
	app := cdktest.NewApp(t)
	storage.NewGlobalTables(awscdk.NewStack(app, jsii.String("Stack"), nil), "Tables", nil)
	for _, table := range cdktest.Synth(t, app).Template(t, "Stack").All(globalTable) {
		table.Want(t, map[string]any{"SSEEnabled": true, "SSEType": "KMS"}, "SSESpecification")
		if table.Property("Replicas", 0, "SSESpecification", "KMSMasterKeyId", "Fn::GetAtt") == nil {
			t.Errorf("%s is not encrypted with the customer's key", table.ID)
		}
	}
}

func TestGlobalTables_EveryPropMatters(t *testing.T) {
	cdktest.EveryPropMatters(t,
		func(stack awscdk.Stack) storage.GlobalTablesProps {
			return storage.GlobalTablesProps{Key: keyIn(stack, secondary)}
		},
		func(stack awscdk.Stack, p *storage.GlobalTablesProps) { storage.NewGlobalTables(stack, "Tables", p) },
		map[string]func(awscdk.Stack, *storage.GlobalTablesProps){
			"Name": func(_ awscdk.Stack, p *storage.GlobalTablesProps) { p.Name = "Flow" },
			"Key":  func(_ awscdk.Stack, p *storage.GlobalTablesProps) { p.Key = nil },
			"Replicas": func(stack awscdk.Stack, p *storage.GlobalTablesProps) {
				p.Replicas = []storage.Replica{{Region: primary, Key: keyIn(stack, primary)}}
			},
			"Disposable": func(_ awscdk.Stack, p *storage.GlobalTablesProps) { p.Disposable = true },
		})
}

func TestGlobalTables_Reject(t *testing.T) {
	build := func(p storage.GlobalTablesProps) func(awscdk.Stack) {
		return func(stack awscdk.Stack) { storage.NewGlobalTables(stack, "It", &p) }
	}
	t.Run("rejects every problem in one answer", func(t *testing.T) {
		refused(t, []string{
			`Name must be 1 to 64 letters, digits and hyphens, beginning with a letter, got "1"`,
			"Key is required with Replicas",
			`Replicas[0].Region must not be the stack's own region, got "eu-west-1"; list only the other regions`,
			`Replicas[1].Region must be one of af-south-1, `,
			`Replicas[3].Region must be given once, got "us-east-1" again`,
			"Replicas[3].Key is required",
		}, build(storage.GlobalTablesProps{Name: "1", Replicas: []storage.Replica{
			{Region: secondary}, {Region: "Ireland"}, {Region: primary}, {Region: primary},
		}}))
	})
	t.Run("rejects replicas of a stack without region", func(t *testing.T) {
		stack := awscdk.NewStack(cdktest.NewApp(t), jsii.String("Stack"), nil)
		key := keyIn(stack, primary)
		got := cdktest.Panic(t, func() {
			storage.NewGlobalTables(stack, "It", &storage.GlobalTablesProps{
				Key: key, Replicas: []storage.Replica{{Region: primary, Key: key}},
			})
		})
		if !strings.Contains(got, "Replicas needs a stack with an explicit region") {
			t.Errorf("got %q", got)
		}
	})
}

func TestValidateReplicaStep(t *testing.T) {
	for name, c := range map[string]struct {
		deployed, wanted []string
		ok               bool
	}{
		"new tables start with any": {nil, []string{"a", "b", "c"}, true},
		"no change":                 {[]string{"a"}, []string{"a"}, true},
		"one more":                  {[]string{"a"}, []string{"b", "a"}, true},
		"the first":                 {[]string{}, []string{"a"}, true},
		"one less":                  {[]string{"a"}, nil, true},
		"rejects two more":          {[]string{}, []string{"a", "b"}, false},
		"rejects two less":          {[]string{"a", "b"}, nil, false},
		"rejects one for another":   {[]string{"a"}, []string{"b"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := storage.ValidateReplicaStep(c.deployed, c.wanted); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestImportGlobalTables_FindsThemByNameAndLooksTheStreamUp(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", secondary)
	tables := storage.ImportGlobalTables(stack, "Tables",
		&storage.ImportGlobalTablesProps{Name: "Flow", Key: keyIn(stack, secondary)})
	if got := *tables.Aggregates.TableArn(); got != "arn:aws:dynamodb:eu-west-1:111111111111:table/Flow-Aggregates" {
		t.Errorf("aggregates are %s", got)
	}
	stream := cdktest.JSON(t, stack.Resolve(tables.ReadingsStreamArn))
	out := cdktest.Synth(t, app)
	template := out.Template(t, "Stack")
	template.Part("Custom::SensorFlowLookup").Golden(t, "import")
	cdktest.Golden(t, "import.golden.txt", template.Policies())
	lookup := template.Only(t, "Custom::SensorFlowLookup")
	if !strings.Contains(stream, lookup.ID) || !strings.Contains(stream, "Table.LatestStreamArn") {
		t.Errorf("the stream is %s", stream)
	}
	if exported := len(template.All(globalTable)); exported != 0 {
		t.Errorf("%d tables were made", exported)
	}
	out.NoFindings(t)
	out.LeastPrivilege(t)
}

func TestImportGlobalTables_EveryPropMatters(t *testing.T) {
	cdktest.EveryPropMatters(t,
		func(stack awscdk.Stack) storage.ImportGlobalTablesProps {
			return storage.ImportGlobalTablesProps{Name: "Flow", Key: keyIn(stack, secondary)}
		},
		func(stack awscdk.Stack, p *storage.ImportGlobalTablesProps) {
			storage.ImportGlobalTables(stack, "Tables", p)
		},
		map[string]func(awscdk.Stack, *storage.ImportGlobalTablesProps){
			"Name": func(_ awscdk.Stack, p *storage.ImportGlobalTablesProps) { p.Name = "Other" },
			"Key": func(s awscdk.Stack,
				p *storage.ImportGlobalTablesProps) {
				p.Key = storage.NewKey(s, "Key", nil).Key
			},
			"StreamRevision": func(_ awscdk.Stack, p *storage.ImportGlobalTablesProps) { p.StreamRevision = "2" },
		})
	refused(t, []string{"Name must be", "Key is required"},
		func(stack awscdk.Stack) { storage.ImportGlobalTables(stack, "It", nil) })
}
