package deployment_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// patience bounds one flow, in which up to three programs pass something on: seconds on a quiet machine. Where a flow is expected to
// fail, it is not waited for as long.
const (
	patience      = 2 * time.Minute
	patienceShort = 30 * time.Second
)

// flow is something that callers do, or that happens by itself, on what was created. It returns what is wrong.
type flow struct {
	name string
	run  func(ctx context.Context, s *service) error
}

// flows are run in each region, in this order. Together they use every permission that can be used without a fault.
var flows = []flow{
	{"the service is ready", ready},
	{"a machine gets a token and sends readings", sendReadings},
	{"a person signs in and out", signIn},
	{"readings are listed", listReadings},
	{"two that correct one reading at once agree", correctAtOnce},
	{"aggregates follow, of one equipment and of all", aggregate},
	{"the smoke test tries the region", trySmokeTest},
	{"a file of several ranges is read", bigFile},
	{"a file in a form is read", smallFile},
	{"files that say the same at once agree", filesAtOnce},
	{"a form that breaks off leaves nothing", breakOff},
	{"readings are deleted", remove},
	{"what the stream gives up is repaired", repair},
	{"what cannot be repaired is put aside", putAside},
	{"aggregates are audited", audit},
	{"an operator audits, repairs and adopts", operate},
}

// client calls the API as a machine.
func (s *service) client(ctx context.Context) (*probe.Client, error) {
	token, err := probe.MachineToken(ctx, s.pool.TokenURL(), s.pool.machine.ID, s.pool.machine.Secret)
	return &probe.Client{Base: s.api, Token: token, HTTP: probe.NewHTTP()}, err
}

// exchange makes a call and expects a status.
func exchange(ctx context.Context, c *probe.Client, call probe.Call, status int) (probe.Answer, error) {
	got, err := c.Do(ctx, call)
	if err == nil && got.Status != status {
		err = fmt.Errorf("%s %s: status %d, want %d: %.300s", got.Request.Method, call.Path, got.Status, status, got.Body)
	}
	return got, err
}

// equipment is the region's own, so that the flows of two regions do not meet.
func (s *service) equipment(what string) string { return "EQ-" + what + "-" + s.region }

// moment is when readings are from: some hours ago, in one hour.
func moment() time.Time { return time.Now().UTC().Truncate(time.Hour).Add(-3 * time.Hour) }

func reading(equipment string, at time.Time, value string) []byte {
	return []byte(fmt.Sprintf(`{"equipmentId":%q,"timestamp":%q,"value":%s}`, equipment, at.Format(time.RFC3339Nano), value))
}

func sendReadings(ctx context.Context, s *service) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	id := s.equipment("A")
	for i, value := range []string{"0.1", "0.2", "-0.2", "0.2"} { // the last one corrects the second
		at := moment().Add(time.Duration(i%3+i/3) * time.Second)
		if _, err := exchange(ctx, c, probe.Call{Path: "/sensor-data", Body: reading(id, at, value)}, http.StatusCreated); err != nil {
			return err
		}
	}
	body := slices.Concat([]byte("["), reading(id, moment().Add(10*time.Second), "1"), []byte(","), reading(id, moment().Add(11*time.Second), "2"), []byte("]"))
	_, err = exchange(ctx, c, probe.Call{Path: "/sensor-data/batch", Body: body}, http.StatusCreated)
	return err
}

func signIn(ctx context.Context, s *service) error {
	c := &probe.Client{Base: s.api, HTTP: probe.NewHTTP()}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.pool.user.Username+":"+s.pool.user.Password))
	got, err := exchange(ctx, c, probe.Call{Method: http.MethodPost, Path: "/auth/login", Header: map[string]string{"Authorization": basic}}, http.StatusOK)
	if err != nil {
		return err
	}
	cookies := (&http.Response{Header: got.Header}).Cookies()
	if len(cookies) == 0 {
		return errors.New("signing in set no cookie")
	}
	cookie := map[string]string{"Cookie": cookies[0].Name + "=" + cookies[0].Value, "Origin": "https://" + apiDomain}
	if _, err := exchange(ctx, c, probe.Call{Path: "/auth/me", Header: cookie}, http.StatusOK); err != nil {
		return err
	}
	if _, err := exchange(ctx, c, probe.Call{Method: http.MethodPost, Path: "/auth/logout", Header: cookie}, http.StatusOK); err != nil {
		return err
	}
	_, err = exchange(ctx, c, probe.Call{Path: "/auth/me", Header: cookie}, http.StatusUnauthorized)
	return err
}

func ready(ctx context.Context, s *service) error {
	c := &probe.Client{Base: s.api, HTTP: probe.NewHTTP()}
	return await.Until(ctx, func() error {
		_, err := exchange(ctx, c, probe.Call{Path: "/readyz"}, http.StatusOK)
		return err
	})
}

// correctAtOnce lets one reading be written alone and in batches, which are other writers, until a write meets a newer one and looks at
// what is there.
func correctAtOnce(ctx context.Context, s *service) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	one := reading(s.equipment("D"), moment(), "1")
	return await.Until(ctx, func() error {
		var group errgroup.Group
		for _, call := range []probe.Call{
			{Path: "/sensor-data", Body: one}, {Path: "/sensor-data/batch", Body: slices.Concat([]byte("["), one, []byte("]"))},
		} {
			for range 4 {
				group.Go(func() error {
					_, err := exchange(ctx, c, call, http.StatusCreated)
					return err
				})
			}
		}
		if err := group.Wait(); err != nil {
			return err
		}
		if !s.recorder.Did(s.role, "dynamodb:BatchGetItem") {
			return errors.New("no write met a newer one")
		}
		return nil
	})
}

// roleOf is the role of the function that has a variable.
func (s *service) roleOf(variable string) string {
	for id := range s.functions {
		if p := s.stack.Resolved[id]; at(p, "Environment", "Variables", variable) != nil {
			return path.Base(text(p, "Role"))
		}
	}
	return ""
}

func listReadings(ctx context.Context, s *service) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	query := url.Values{"equipmentId": {s.equipment("A")}}
	got, err := exchange(ctx, c, probe.Call{Path: "/sensor-data?" + query.Encode()}, http.StatusOK)
	if err != nil {
		return err
	}
	var page struct{ Items []json.RawMessage }
	if err := got.Decode(&page); err != nil || len(page.Items) != 5 {
		return fmt.Errorf("%d readings are listed, want 5 (%w)", len(page.Items), err)
	}
	return nil
}

// counts waits until the hour of an equipment has a count and total, in the region's answers.
func (s *service) counts(ctx context.Context, c *probe.Client, equipment string, count int64, total string) error {
	return await.Until(ctx, func() error {
		pages, err := c.Aggregates(ctx, "24h", equipment, 0)
		if err != nil {
			return err
		}
		var got probe.Sum
		for _, item := range pages[0].Items {
			got.Count, got.Total = item.SampleCount, probe.Number(item.TotalValue.String())
		}
		if got.Count != count || count > 0 && got.Total.Cmp(probe.Number(total)) != 0 {
			return fmt.Errorf("%s has %d readings of total %v, want %d of %s", equipment, got.Count, got.Total, count, total)
		}
		return nil
	})
}

func aggregate(ctx context.Context, s *service) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	if err := s.counts(ctx, c, s.equipment("A"), 5, "3.1"); err != nil {
		return err
	}
	for _, interval := range []string{"24h", "1m"} { // by hours and by days
		if _, err := c.Aggregates(ctx, interval, "", 1); err != nil {
			return err
		}
	}
	slices := url.Values{
		"from": {moment().Format(time.RFC3339)}, "to": {moment().Add(time.Hour).Format(time.RFC3339)}, "granularity": {"5m"},
	}
	_, err = exchange(ctx, c, probe.Call{Path: "/sensor-data/aggregated?" + slices.Encode()}, http.StatusOK)
	return err
}

// remove deletes as a person of the group that may, since machines get no such scope unless a deployment gives it.
func remove(ctx context.Context, s *service) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	admin, err := s.person(ctx)
	if err != nil {
		return err
	}
	id, at := s.equipment("A"), moment()
	one := url.Values{"equipmentId": {id}, "timestamp": {at.Format(time.RFC3339)}}
	many := url.Values{"equipmentId": {id}, "from": {at.Add(10 * time.Second).Format(time.RFC3339)}, "to": {at.Add(time.Minute).Format(time.RFC3339)}}
	for _, query := range []url.Values{one, many} {
		if _, err := exchange(ctx, admin, probe.Call{Method: http.MethodDelete, Path: "/sensor-data?" + query.Encode()}, http.StatusOK); err != nil {
			return err
		}
	}
	return s.counts(ctx, c, id, 2, "0")
}

// person is signed in.
func (s *service) person(ctx context.Context) (*probe.Client, error) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.pool.user.Username+":"+s.pool.user.Password))
	got, err := exchange(ctx, &probe.Client{Base: s.api, HTTP: probe.NewHTTP()},
		probe.Call{Method: http.MethodPost, Path: "/auth/login", Header: map[string]string{"Authorization": basic}}, http.StatusOK)
	if err != nil {
		return nil, err
	}
	for _, cookie := range (&http.Response{Header: got.Header}).Cookies() {
		return &probe.Client{Base: s.api, Token: cookie.Value, HTTP: probe.NewHTTP()}, nil
	}
	return nil, errors.New("signing in set no cookie")
}

func repair(ctx context.Context, s *service) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	body := reading(s.equipment(givenUp), moment(), "1")
	if _, err := exchange(ctx, c, probe.Call{Path: "/sensor-data", Body: body}, http.StatusCreated); err != nil {
		return err
	}
	return s.counts(ctx, c, s.equipment(givenUp), 1, "1")
}

// putAside sends the repairer to a shard that the stream does not have.
func putAside(ctx context.Context, s *service) error {
	client := sqs.NewFromConfig(s.emulator.config(s.region))
	for id, f := range s.functions {
		variables := asObject(at(s.stack.Resolved[id], "Environment", "Variables"))
		from, to := text(variables, contract.EnvStreamFailuresURL), text(variables, contract.EnvStreamDeadLettersURL)
		if f == nil || from == "" {
			continue
		}
		body, err := json.Marshal(object{
			"requestContext": object{"condition": "RetryAttemptsExhausted"},
			"DDBStreamBatchInfo": object{
				"shardId": "shardId-00000000000000000000-gone", "streamArn": s.stream, "startSequenceNumber": "000000000000000000001",
				"endSequenceNumber": "000000000000000000001",
			},
		})
		if err != nil {
			return fmt.Errorf("encode a failure: %w", err)
		}
		if _, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &from, MessageBody: aws.String(string(body))}); err != nil {
			return fmt.Errorf("send a failure: %w", err)
		}
		return await.Until(ctx, func() error {
			out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
				QueueUrl: &to, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages},
			})
			if err == nil && out.Attributes[string(types.QueueAttributeNameApproximateNumberOfMessages)] != "1" {
				err = fmt.Errorf("the dead letters hold %v", out.Attributes)
			}
			return err
		})
	}
	return errors.New("no function repairs what the stream gives up")
}

// audit invokes what the rule of the schedule invokes.
func audit(ctx context.Context, s *service) error {
	_, rule, err := s.stack.only("AWS::Events::Rule")
	if err != nil {
		return err
	}
	target := text(rule, "Targets", 0, "Arn")
	for id, f := range s.functions {
		if !strings.HasSuffix(target, ":function:"+s.stack.Physical[id]) {
			continue
		}
		answer, err := f.Invoke(ctx, []byte("{}"))
		if err != nil {
			return err
		}
		var tally struct{ Rows, Different int }
		if err := json.Unmarshal(answer, &tally); err != nil || tally.Rows == 0 || tally.Different != 0 {
			return fmt.Errorf("the audit says %s (%w)", answer, err)
		}
		return nil
	}
	return fmt.Errorf("the schedule invokes %q, which is none of our functions", target)
}
