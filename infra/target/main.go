// Command target tells the Makefile what of cdk.json a task is about, and says in a sentence what is missing for it:
//
//	target TASK choose   prints the environment and the stacks that are wanted, with a blank between
//	target TASK regions  prints the regions of all environments
//	target TASK stays    without credentials, prints what would stay of the stacks in cdk.out, and fails for want of them
//	target adopt keeper  prints the environment, the region that keeps the aggregates of REGION, which has left for good, and
//	                     what the names of the tables begin with, with blanks between
//
// It reads ENV, REGION and ACCOUNT from the environment. It never imports the CDK, which takes minutes to compile and
// seconds to start.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/stays"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

func main() {
	if len(os.Args) != 3 {
		_, _ = fmt.Fprintln(os.Stderr, "usage: target TASK choose|regions|stays|keeper")
		os.Exit(2)
	}
	r := request{task: os.Args[1], getenv: os.Getenv, readFile: os.ReadFile}
	if err := r.answer(os.Stdout, os.Args[2]); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "%s: %v\n", r.task, err)
		os.Exit(1)
	}
}

// request is a question about a task of the Makefile.
type request struct {
	task     string
	getenv   func(key string) string
	readFile func(name string) ([]byte, error)
}

func (r request) answer(w io.Writer, question string) error {
	c, err := r.load()
	if err != nil {
		return err
	}
	if question == "regions" {
		_, err := fmt.Fprintln(w, strings.Join(regionsOf(c), " "))
		return err
	}
	t, err := r.target(c)
	if err != nil {
		return err
	}
	switch question {
	case "choose":
		if err := r.need(c, t); err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, t.env, r.stacks(t))
		return err
	case "keeper":
		if err := r.needCredentials(t); err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, t.env, c.Environments[t.env].Primary(), config.StackPrefix+t.env)
		return err
	case "stays":
		missing := r.needCredentials(t)
		if missing == nil {
			return nil // command life tells what is deployed
		}
		stacks, err := stays.Read(os.DirFS("cdk.out"), r.stacks(t))
		if err != nil {
			return err
		}
		if err := stays.Say(w, t.env, stacks); err != nil {
			return err
		}
		return missing
	default:
		return fmt.Errorf("there is no question %q", question)
	}
}

// load reads cdk.json. An account is not missed yet.
func (r request) load() (config.Config, error) {
	const key = "ACCOUNT"
	account := cmp.Or(r.getenv(key), r.getenv("CDK_DEFAULT_ACCOUNT"))
	if account != "" {
		if err := rule.Account(key, account).Err(); err != nil {
			return config.Config{}, err
		}
	}
	return config.Read(r.readFile, account)
}

func regionsOf(c config.Config) []string {
	var all []string
	for _, e := range c.Environments {
		all = append(all, e.Regions...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// target is what a task is about.
type target struct {
	env    string // empty for all environments
	region string // empty for all regions
}

// target takes ENV, REGION and ACCOUNT, which must fit the configuration. Where there is one environment only, that is
// meant.
func (r request) target(c config.Config) (target, error) {
	t := target{r.getenv("ENV"), r.getenv("REGION")}
	names := slices.Sorted(maps.Keys(c.Environments))
	if c.Pipeline != nil && ofPipeline(r.task) {
		names = append(names, config.PipelineName)
	}
	switch {
	case t.env == "" && r.task == "synth": // of everything
		return target{}, regionFault(t.region, regionsOf(c), "regions of all environments in "+config.File).Err()
	case t.env == "" && len(c.Environments) > 1:
		return t, fmt.Errorf("say which environment: make %s ENV=… is one of %s", r.task, strings.Join(names, ", "))
	case t.env == "":
		t.env = slices.Sorted(maps.Keys(c.Environments))[0]
	}
	if !slices.Contains(names, t.env) {
		return t, rule.Fault{
			Field: "ENV", Rule: fmt.Sprintf("must be one of %s, as %s has them", strings.Join(names, ", "), config.File),
			Got: t.env,
		}
	}
	if t.env == config.PipelineName {
		return t, rule.Fault{Field: "REGION", Rule: "must be left out with ENV=" + config.PipelineName, Got: t.region}.
			If(t.region != "").Err()
	}
	e := c.Environments[t.env]
	if err := r.accountFault(e).Err(); err != nil {
		return t, err
	}
	return t, r.checkRegion(t, e)
}

// ofPipeline tells whether a task may be about the pipeline's own stack.
func ofPipeline(task string) bool {
	return slices.Contains([]string{"synth", "cost", "bootstrap", "diff", "deploy", "destroy"}, task)
}

// accountFault refuses an ACCOUNT that the configuration would overrule.
func (r request) accountFault(e config.Environment) rule.Faults {
	account := r.getenv("ACCOUNT")
	return rule.Fault{
		Field: "ACCOUNT", Got: account, Advice: "leave it out",
		Rule: fmt.Sprintf("must be %s, as environments.%s.account in %s says", e.Account, e.Name, config.File),
	}.If(account != "" && account != e.Account)
}

// checkRegion accepts a region that serves, or none for all. Some tasks are about one; what is adopted is one that has
// left.
func (r request) checkRegion(t target, e config.Environment) error {
	regions, which := e.Regions, "regions"
	switch r.task {
	case "adopt":
		regions, which = e.Adopted, "adopted regions"
		if len(regions) == 0 {
			return fmt.Errorf("%s has adopted no region: a region that has left goes from environments.%s.regions into "+
				"environments.%s.adopted in %s, then make deploy ENV=%s, and then make adopt", t.env, t.env, t.env,
				config.File, t.env)
		}
	case "rollback":
	case "detach":
		// The first is that of the user pool itself. One that was adopted may have left its replica behind.
		regions, which = append(slices.Clone(e.Regions[1:]), e.Adopted...), "regions beside the first"
		if len(regions) == 0 {
			return fmt.Errorf("%s has one region, which has the user pool itself and no replica of it", t.env)
		}
	default:
		return regionFault(t.region, regions, which+" of "+t.env+" in "+config.File).Err()
	}
	if t.region == "" {
		return fmt.Errorf("say which region: make %s ENV=%s REGION=… is one of %s, the %s of %s in %s", r.task, t.env,
			strings.Join(regions, ", "), which, t.env, config.File)
	}
	return regionFault(t.region, regions, which+" of "+t.env+" in "+config.File).Err()
}

// regionFault refuses a region that is not among some.
func regionFault(region string, regions []string, which string) rule.Faults {
	return rule.Fault{
		Field: "REGION", Got: region, Rule: fmt.Sprintf("must be one of %s, the %s", strings.Join(regions, ", "), which),
	}.If(region != "" && !slices.Contains(regions, region))
}

// stacks is the pattern of the stacks' names. A pipeline to several regions has a stack in each, which a deployment brings
// along and a destruction does not.
func (r request) stacks(t target) string {
	if t.env == config.PipelineName && r.task == "destroy" {
		return config.StackPrefix + t.env + "*"
	}
	if t.env == "" || t.env == config.PipelineName {
		return config.StackPrefix + cmp.Or(t.env, "*")
	}
	return config.StackPrefix + t.env + "-" + cmp.Or(t.region, "*")
}

// need looks for what the task cannot begin without.
func (r request) need(c config.Config, t target) error {
	switch r.task {
	case "cost", "preflight": // whose templates are not deployed, and which tells itself what is missing
		return nil
	case "synth", "destroy": // which synthesizes first
		return r.needAccount(c, t)
	default:
		return r.needCredentials(t)
	}
}

// needAccount sees that something tells the account of each environment: cdk.json, ACCOUNT or credentials.
func (r request) needAccount(c config.Config, t target) error {
	var keys []string
	for _, name := range slices.Sorted(maps.Keys(c.Environments)) {
		wanted := t.env == "" || t.env == config.PipelineName || t.env == name
		if wanted && c.Environments[name].Account == "" {
			keys = append(keys, "environments."+name+".account")
		}
	}
	if len(keys) == 0 || r.hasCredentials() {
		return nil
	}
	// Whoever pastes the command must not get another target than the one that was asked for.
	again := []string{"make", r.task}
	for _, name := range []string{"ENV", "REGION"} {
		if value := r.getenv(name); value != "" {
			again = append(again, name+"="+value)
		}
	}
	return fmt.Errorf("%s must be set in %s to an account number of 12 digits; or name it once: %s ACCOUNT=111122223333",
		strings.Join(keys, ", "), config.File, strings.Join(again, " "))
}

// needCredentials says what it takes to deploy.
func (r request) needCredentials(t target) error {
	if r.hasCredentials() {
		return nil
	}
	env := cmp.Or(t.env, "…")
	return errors.New("no AWS credentials were found. What it takes, in this order:\n" +
		"  1. an AWS account, with its 12 digits in cdk.json (context.sensorflow.environments.….account);\n" +
		"  2. credentials that may deploy there, such as: aws configure sso && aws sso login && export " +
		"AWS_PROFILE=…\n" +
		"     or the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY;\n" +
		"  3. once in each region: make bootstrap ENV=" + env + ";\n" +
		"  4. make deploy ENV=" + env + "\n" +
		"Without an account, make synth shows the templates (make synth ACCOUNT=111122223333), and make run runs " +
		"the system here.")
}

// vendorFile tells who made the machine. One of EC2's has the credentials of its role.
const vendorFile = "/sys/devices/virtual/dmi/id/sys_vendor"

// hasCredentials looks where the CDK's command line looks.
func (r request) hasCredentials() bool {
	for _, key := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	} {
		if r.getenv(key) != "" {
			return true
		}
	}
	home := filepath.Join(r.getenv("HOME"), ".aws")
	for _, file := range []string{
		cmp.Or(r.getenv("AWS_SHARED_CREDENTIALS_FILE"), filepath.Join(home, "credentials")),
		cmp.Or(r.getenv("AWS_CONFIG_FILE"), filepath.Join(home, "config")),
	} {
		if content, err := r.readFile(file); err == nil && len(content) > 0 {
			return true
		}
	}
	vendor, err := r.readFile(vendorFile)
	return err == nil && strings.Contains(string(vendor), "Amazon EC2")
}
