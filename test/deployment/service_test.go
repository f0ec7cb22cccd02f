package deployment_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/child"
	"github.com/sensorflow/sensorflow/runtime/local/cognitolocal"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/test/permission"
)

// world is what the deployed programs run in: what was created, DynamoDB Local, a user pool and the programs' own files.
type world struct {
	*deployment
	bin      string
	folder   string
	log      io.Writer
	database *dynamolocal.Server
	pool     *pool
	recorder *permission.Recorder
	// signInHost is where the user pool's own domain is.
	signInHost string
	services   []*service
	servers    []*http.Server
	// polling lasts until halt is called. The pollers are in work.
	polling context.Context //nolint:containedctx // it ends with the world, which outlives every call
	halt    context.CancelFunc
	work    sync.WaitGroup
}

// start starts what all regions share.
func (w *world) start(ctx context.Context, root string) (err error) {
	w.polling, w.halt = context.WithCancel(context.WithoutCancel(ctx))
	if w.bin, err = checkout.Build(ctx, root, ".", "./runtime/cmd/..."); err != nil {
		return err
	}
	if w.database, err = dynamolocal.Start(ctx, dynamolocal.Options{HeapMegabytes: 256, Output: w.log}); err != nil {
		return err
	}
	for _, s := range w.stacks {
		if len(s.ofType("AWS::Cognito::UserPool")) > 0 {
			return w.startPool(ctx, s)
		}
	}
	return errors.New("no stack has a user pool")
}

// serve answers at a free port of this machine and returns the address.
func (w *world) serve(ctx context.Context, handler http.Handler) (string, error) {
	const headerTimeout = 10 * time.Second
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}
	w.servers = append(w.servers, server)
	go func() { _ = server.Serve(listener) }() // it ends when it is closed
	return "http://" + listener.Addr().String(), nil
}

// stop ends everything but the emulator.
func (w *world) stop() {
	if w.halt != nil {
		w.halt()
	}
	w.work.Wait()
	for _, s := range w.services {
		if s.process != nil {
			_ = s.process.Stop(stopWithin)
		}
		for _, f := range s.functions {
			f.Close()
		}
	}
	for _, server := range w.servers {
		_ = server.Close()
	}
	if w.database != nil {
		w.database.Stop()
	}
}

// service is what runs in one region.
type service struct {
	*world
	region, api string
	stack       *created
	endpoints   map[string]string
	environment []string // the API's
	role        string   // likewise
	process     *child.Process
	functions   map[string]*lambdalocal.Function // by logical id
	internet    map[string]string                // what a program needs to reach the API and the user pool by their names
	stream      string                           // of the readings, in DynamoDB Local
}

// startRegion runs the API and the functions of a region's stack, configured by what was created alone, addresses and credentials
// aside, and brings them events.
func (w *world) startRegion(ctx context.Context, region string) error {
	s := &service{world: w, region: region, functions: map[string]*lambdalocal.Function{}}
	w.services = append(w.services, s)
	for _, made := range w.stacks {
		if made.Region == region && made.serves() {
			s.stack = made
		}
	}
	if s.stack == nil {
		return errors.New("no stack has a service")
	}
	if err := w.mirrorTables(ctx, region); err != nil {
		return err
	}
	var err error
	if s.endpoints, err = w.addresses(ctx, region); err != nil {
		return err
	}
	if err := s.goOnline(ctx); err != nil {
		return err
	}
	for _, id := range s.stack.ofType("AWS::Lambda::Function") {
		if err := s.startFunction(ctx, id); err != nil {
			return fmt.Errorf("function %s: %w", id, err)
		}
	}
	for _, id := range s.stack.ofType("AWS::Lambda::EventSourceMapping") {
		if err := s.follow(ctx, s.stack.Resolved[id]); err != nil {
			return fmt.Errorf("event source %s: %w", id, err)
		}
	}
	return s.startAPI(ctx)
}

// given is what ECS and Lambda themselves give a program: its region and its role's credentials. The access key tells whose
// calls are whose.
func (s *service) given(roleARN string) (map[string]string, error) {
	role := path.Base(roleARN)
	if !slices.Contains(slices.Collect(maps.Values(s.stack.Physical)), role) {
		return nil, fmt.Errorf("the stack has not created the role %s", roleARN)
	}
	return s.credentials(role), nil
}

func environ(values map[string]string) []string {
	list := make([]string, 0, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		list = append(list, key+"="+values[key])
	}
	return list
}

// startFunction makes a function with the settings of its resource. Functions of the CDK's own are left out: look-ups are made here.
func (s *service) startFunction(ctx context.Context, id string) error {
	p := s.stack.Resolved[id]
	program := s.program(text(p, "Code", "S3Key"), text(p, "Architectures", 0))
	if program == "" {
		return nil
	}
	if text(p, "Handler") != "bootstrap" || !strings.HasPrefix(text(p, "Runtime"), "provided.") {
		return fmt.Errorf("handler %q and runtime %q run no program", text(p, "Handler"), text(p, "Runtime"))
	}
	values, err := s.given(text(p, "Role"))
	if err != nil {
		return err
	}
	maps.Copy(values, s.internet)
	for key, value := range asObject(at(p, "Environment", "Variables")) {
		values[key] = fmt.Sprint(value)
	}
	timeout, _ := at(p, "Timeout").(float64)
	memory, _ := at(p, "MemorySize").(float64)
	const concurrency = 4
	s.functions[id], err = lambdalocal.New(context.WithoutCancel(ctx), lambdalocal.Options{
		Name: s.stack.Physical[id], Binary: filepath.Join(s.bin, program), Env: environ(values), Concurrency: concurrency,
		Timeout: time.Duration(timeout) * time.Second, MemoryMegabytes: int(memory), Log: s.log,
	})
	return err
}

// program is the command that an asset holds, empty where it holds none of ours or is for another machine.
func (s *service) program(key, architecture string) string {
	for _, a := range s.stack.Assets {
		if a.Key == key && a.Region == s.region && strings.EqualFold(a.Architecture, architecture) {
			return a.Program
		}
	}
	return ""
}

// startAPI runs the container of the task definition as a process, and waits until the checks of the target groups and the container's own
// pass.
func (s *service) startAPI(ctx context.Context) error {
	_, task, err := s.stack.only("AWS::ECS::TaskDefinition")
	if err != nil {
		return err
	}
	container := asObject(at(task, "ContainerDefinitions", 0))
	image := text(container, "Image")
	program := s.program(image[strings.LastIndex(image, ":")+1:], text(task, "RuntimePlatform", "CpuArchitecture"))
	if program == "" {
		return fmt.Errorf("the image %s is none of ours", image)
	}
	values, err := s.containerEnvironment(ctx, task, container)
	if err != nil {
		return err
	}
	s.environment = environ(values)
	binary := filepath.Join(s.bin, program)
	if s.process, err = child.Start(child.Program{Path: binary, Env: s.environment, Output: s.log}); err != nil {
		return fmt.Errorf("start the API: %w", err)
	}
	for _, group := range s.stack.ofType("AWS::ElasticLoadBalancingV2::TargetGroup") {
		if err := s.process.WaitServing(ctx, s.api+text(s.stack.Resolved[group], "HealthCheckPath")); err != nil {
			return fmt.Errorf("the API, asked by %s: %w", group, err)
		}
	}
	command := texts(at(container, "HealthCheck", "Command"))
	if len(command) < 3 || command[0] != "CMD" { // then come the program and its arguments
		return fmt.Errorf("the container's check is %v", command)
	}
	arguments := command[2:]
	check, err := child.Start(child.Program{Path: binary, Args: arguments, Env: s.environment, Output: s.log})
	if err != nil {
		return fmt.Errorf("check the container: %w", err)
	}
	if status := check.Status(); status != "exit status 0" {
		return fmt.Errorf("the container's check %v says %s", arguments, status)
	}
	return nil
}

// containerEnvironment is what ECS would give the container. LISTEN_ADDRESS alone is changed, as two regions share this machine.
func (s *service) containerEnvironment(ctx context.Context, task, container object) (map[string]string, error) {
	s.role = path.Base(text(task, "TaskRoleArn"))
	values, err := s.given(text(task, "TaskRoleArn"))
	if err != nil {
		return nil, err
	}
	variables, _ := at(container, "Environment").([]any)
	for _, v := range variables {
		values[text(v, "Name")] = text(v, "Value")
	}
	secrets, _ := at(container, "Secrets").([]any)
	for _, v := range secrets {
		var secret string
		if values[text(v, "Name")], secret, err = s.emulator.secretField(ctx, text(v, "ValueFrom")); err != nil {
			return nil, fmt.Errorf("secret %s: %w", text(v, "Name"), err)
		}
		s.recorder.Record(permission.Call{ // which ECS makes
			Role: path.Base(text(task, "ExecutionRoleArn")), Action: "secretsmanager:GetSecretValue", Resource: secret,
		}, nil)
	}
	_, listens, err := net.SplitHostPort(values[contract.EnvListenAddress])
	if mapped := fmt.Sprint(at(container, "PortMappings", 0, "ContainerPort")); err != nil || listens != mapped {
		return nil, fmt.Errorf("the API listens at %q, and the container's port is %s", values[contract.EnvListenAddress], mapped)
	}
	port, err := child.FreePort(ctx, 0)
	if err != nil {
		return nil, err
	}
	values[contract.EnvListenAddress] = "127.0.0.1:" + strconv.Itoa(port)
	s.api = "http://" + values[contract.EnvListenAddress]
	values[contract.EnvUserPoolJWKSURL] = s.pool.JWKSURL()
	values["PATH"] = os.Getenv("PATH")
	return values, nil
}

// pool is the user pool as programs and people meet it.
type pool struct {
	*cognitolocal.Pool
	address string
	user    cognitolocal.User
	machine cognitolocal.Client
}

// startPool serves tokens of the user pool that was created: with its id, its clients, groups and scopes.
func (w *world) startPool(ctx context.Context, state *created) error {
	id, properties, err := state.only("AWS::Cognito::UserPool")
	if err != nil {
		return err
	}
	issuer := "https://cognito-idp."
	if text(properties, "IssuerConfiguration", "Type") == "UPDATED" {
		issuer = "https://issuer-cognito-idp."
	}
	issuer += state.Region + ".amazonaws.com/" + state.Values[id][""]
	for _, domain := range state.ofType("AWS::Cognito::UserPoolDomain") {
		w.signInHost = state.Values[domain][""] + ".auth." + state.Region + ".amazoncognito.com"
	}
	p := &pool{user: cognitolocal.User{Username: "ada@example.com", Password: "A-long-passw0rd", Email: "ada@example.com"}}
	o := cognitolocal.Options{Issuer: issuer}
	for _, group := range state.ofType("AWS::Cognito::UserPoolGroup") {
		p.user.Groups = append(p.user.Groups, text(state.Resolved[group], "GroupName"))
	}
	for _, client := range state.ofType("AWS::Cognito::UserPoolClient") {
		settings, values := state.Resolved[client], state.Values[client]
		c := cognitolocal.Client{ID: values["ClientId"], Secret: values["ClientSecret"]}
		if slices.Contains(texts(settings["ExplicitAuthFlows"]), "ALLOW_USER_PASSWORD_AUTH") {
			o.Browser, o.Users = c, []cognitolocal.User{p.user}
		}
		if slices.Contains(texts(settings["AllowedOAuthFlows"]), "client_credentials") {
			c.Scopes = texts(settings["AllowedOAuthScopes"])
			o.Machines = append(o.Machines, c)
			if text(settings, "ClientName") == gateway {
				p.machine = c
			}
		}
	}
	if p.machine.ID == "" || len(o.Users) == 0 {
		return errors.New("the user pool lets nobody in: it has no client for people or none for machines")
	}
	w.pool = p
	var handler http.Handler
	if p.address, err = w.serve(ctx, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) })); err != nil {
		return err
	}
	o.BaseURL = p.address
	p.Pool, err = cognitolocal.New(o)
	handler = p.Pool
	return err
}

func (w *world) logger() *slog.Logger { return slog.New(slog.NewTextHandler(w.log, nil)) }
