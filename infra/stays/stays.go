// Package stays tells a deployer, from synthesized templates, what of a deployment stays when its stacks are destroyed
// and what refuses to go. It never imports the CDK.
package stays

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/sensorflow/sensorflow/infra/assembly"
)

// Say reads an assembly and writes what stays, and what refuses, of the stacks whose names match the pattern.
func Say(w io.Writer, from fs.FS, stacks string) error {
	all, err := readStacks(from, stacks)
	if err != nil {
		return err
	}
	var kept, refusing []string
	keyDays := 0
	for _, s := range all {
		for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
			r := s.Resources[id]
			switch {
			case r.stays():
				kept = append(kept, "  "+s.Name+"  "+r.Type+"  "+id)
			case r.Type == protection:
				refusing = append(refusing, r.refuses(s)...)
			case r.Properties.PendingWindowInDays > 0:
				keyDays = r.Properties.PendingWindowInDays
			}
		}
		if s.Protected {
			refusing = append(refusing, "  "+s.Name+": the stack itself, until\n    "+
				"aws cloudformation update-termination-protection --no-enable-termination-protection --region "+
				s.Region+" --stack-name "+s.Name)
		}
	}
	_, err = io.WriteString(w, sentences(kept, refusing, keyDays))
	return err
}

// selfMade is what is in no template. Of backups:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
const selfMade = "AWS itself keeps the log groups /aws/ecs/containerinsights/…/performance, which are empty after a day, " +
	"and ECS's service role, which belongs to the account. DynamoDB keeps a backup of each deleted table for 35 days, free " +
	"of charge, and the CDK's bucket and repository keep the programs.\n"

func sentences(kept, refusing []string, keyDays int) string {
	if len(kept)+len(refusing) == 0 {
		text := "Nothing stays: the environment is disposable, its data included.\n"
		if keyDays > 0 {
			text += fmt.Sprintf("KMS deletes its keys %d days later, and bills nothing for them until then.\n", keyDays)
		}
		return text + selfMade
	}
	text := ""
	if len(kept) > 0 {
		text = "These stay, with what is in them, and cost money until somebody deletes them:\n" +
			strings.Join(kept, "\n") + "\n"
	}
	if len(refusing) > 0 {
		text += "These refuse to be destroyed:\n" + strings.Join(refusing, "\n") + "\n" +
			"A region that is in \"leaving\" gives up its protection with a deployment; \"disposable\": true and a " +
			"deployment let everything go, the data included. README.md, \"Destroy\", has the steps.\n"
	}
	return text + selfMade
}

// protection is the type of the calls that protect what they name against deletion, once it is there.
const protection = "Custom::SensorFlowProtection"

type resource struct {
	Type, DeletionPolicy string
	Properties           struct {
		PendingWindowInDays int
		Create              json.RawMessage // of a call
	}
}

// stays tells whether the resource outlives its stack. A call is nothing by itself, and the versions of a function, which
// are kept from one deployment to the next, go with the function.
func (r resource) stays() bool {
	return strings.HasPrefix(r.DeletionPolicy, "Retain") && !strings.HasPrefix(r.Type, "Custom::") &&
		r.Type != "AWS::Lambda::Version"
}

var (
	switchedOn = regexp.MustCompile(`"Value":"true"`)
	reference  = regexp.MustCompile(`\{"Ref":"([^"]+)"\}`)
)

// refuses names what a call protects, where CloudFormation is going to delete it: the load balancer. The tables, which
// calls protect as well, stay.
func (r resource) refuses(s stack) []string {
	text := strings.NewReplacer(`\`, "", " ", "", "\n", "").Replace(string(r.Properties.Create))
	balancer := reference.FindStringSubmatch(text)
	if balancer == nil || !switchedOn.MatchString(text) {
		return nil
	}
	return []string{"  " + s.Name + ": the load balancer " + balancer[1] + ", until\n    " +
		"aws elbv2 modify-load-balancer-attributes --attributes Key=deletion_protection.enabled,Value=false --region " +
		s.Region + " --load-balancer-arn …"}
}

type stack struct {
	Name, Region string
	Protected    bool
	Resources    map[string]resource
}

// readStacks reads the stacks of the assembly, by name.
func readStacks(from fs.FS, stacks string) ([]stack, error) {
	r := assembly.Reader{From: from, Purpose: "look up what stays"}
	found, err := r.Stacks()
	if err != nil {
		return nil, err
	}
	var all []stack
	for _, one := range found {
		wanted, err := path.Match(stacks, one.Name)
		if err != nil {
			return nil, fmt.Errorf("match the stacks %s: %w", stacks, err)
		}
		if !wanted {
			continue
		}
		var template struct{ Resources map[string]resource }
		if err := r.JSON(one.Template, &template); err != nil {
			return nil, err
		}
		all = append(all, stack{one.Name, one.Region, one.Protected, template.Resources})
	}
	return all, nil
}
