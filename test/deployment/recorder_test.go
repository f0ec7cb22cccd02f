package deployment_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// addresses are where the programs of a region reach the services: proxies that record, before DynamoDB Local and the emulator, and the
// user pool.
func (w *world) addresses(ctx context.Context, region string) (map[string]string, error) {
	addresses := map[string]string{"AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": w.pool.address}
	known := w.secretARNs(region)
	for name, to := range map[string]struct{ service, address string }{
		"DYNAMODB": {"dynamodb", w.database.Endpoint}, "DYNAMODB_STREAMS": {"dynamodb", w.database.Endpoint},
		"S3": {"s3", w.emulator.endpoint}, "SQS": {"sqs", w.emulator.endpoint},
		"SECRETS_MANAGER": {secrets, w.emulator.endpoint},
	} {
		target, err := url.Parse(to.address)
		if err != nil {
			return nil, fmt.Errorf("read the address of %s: %w", name, err)
		}
		forward := &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				// By the host the emulator knows the service where an address is presigned.
				r.Out.Host = to.service + "." + region + ".amazonaws.com"
			},
			ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) },
		}
		addresses["AWS_ENDPOINT_URL_"+name], err = w.serve(ctx, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.recorder.Observe(region, r)
			if to.service == secrets {
				whole(r, known)
			}
			forward.ServeHTTP(rw, r)
		}))
		if err != nil {
			return nil, err
		}
	}
	return addresses, nil
}

const secrets = "secretsmanager"

// secretARNs are those of the secrets in a region, by the beginnings by which programs know them: the end is made up by Secrets Manager.
// The recorder learns them, too.
func (w *world) secretARNs(region string) map[string]string {
	const end = len("-AbCdEf")
	known := map[string]string{}
	for _, made := range w.stacks {
		for _, id := range made.ofType("AWS::SecretsManager::Secret") {
			arn := strings.Replace(made.Values[id][""], ":"+made.Region+":", ":"+region+":", 1)
			beginning := arn[:max(0, len(arn)-end)]
			known[beginning] = arn
			w.recorder.Name(region, beginning, arn)
		}
	}
	return known
}

// whole asks the emulator for a secret by its whole ARN: it finds the replica of a secret by nothing else.
func whole(r *http.Request, known map[string]string) {
	var in object
	body, _ := io.ReadAll(r.Body) // what breaks off is passed on as it is
	if json.Unmarshal(body, &in) == nil && known[text(in, "SecretId")] != "" {
		in["SecretId"] = known[text(in, "SecretId")]
		body, _ = json.Marshal(in) // it was JSON before
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}
