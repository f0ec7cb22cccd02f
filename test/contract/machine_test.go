package contract_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// askToken calls the token endpoint.
func askToken(t *testing.T, form url.Values, header map[string]string) probe.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, local.Info.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	got, err := (&probe.Client{HTTP: transport}).Send(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestMachine_GetsATokenByBasicAndByForm(t *testing.T) {
	t.Parallel()
	id, secret := local.Info.ClientID, local.Info.ClientSecret
	for name, got := range map[string]probe.Answer{
		"basic": askToken(t, url.Values{"grant_type": {"client_credentials"}},
			map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))}),
		"form": askToken(t, url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}, nil),
	} {
		answer := decode[struct {
			AccessToken string `json:"access_token"`
			TokenType   string `json:"token_type"`
			ExpiresIn   int    `json:"expires_in"`
		}](t, got)
		if got.Status != http.StatusOK || !strings.EqualFold(answer.TokenType, "Bearer") || answer.ExpiresIn <= 0 {
			t.Fatalf("%s: status %d: %s", name, got.Status, got.Body)
		}
		c := withToken(t, answer.AccessToken)
		c.send(equipment(t), recent(), "1")
		c.good(probe.Call{Path: "/sensor-data/aggregated?interval=24h&equipmentId=none"}, http.StatusOK)
		c.good(probe.Call{Path: "/auth/me"}, http.StatusOK)
	}
}

func TestMachine_RejectsAWrongSecretAndAnUnknownScope(t *testing.T) {
	t.Parallel()
	id, secret := local.Info.ClientID, local.Info.ClientSecret
	grant := "client_credentials"
	for name, c := range map[string]struct {
		form   url.Values
		status int
	}{
		"wrong secret":  {url.Values{"grant_type": {grant}, "client_id": {id}, "client_secret": {secret + "x"}}, 401},
		"unknown":       {url.Values{"grant_type": {grant}, "client_id": {"x"}, "client_secret": {secret}}, 401},
		"no secret":     {url.Values{"grant_type": {grant}, "client_id": {id}}, 401},
		"another grant": {url.Values{"grant_type": {"password"}, "client_id": {id}, "client_secret": {secret}}, 400},
		"other scope":   {url.Values{"grant_type": {grant}, "client_id": {id}, "client_secret": {secret}, "scope": {"sensor-flow/all"}}, 400},
	} {
		if got := askToken(t, c.form, nil); got.Status != c.status {
			t.Errorf("%s: status %d: %s", name, got.Status, got.Body)
		}
	}
}

func TestMachine_NeedsTheScopeOfEachCall(t *testing.T) {
	t.Parallel()
	with := func(scope string) *caller {
		token, err := probe.MachineToken(t.Context(), local.Info.TokenURL, local.Info.ClientID, local.Info.ClientSecret, scope)
		if err != nil {
			t.Fatal(err)
		}
		return withToken(t, token)
	}
	reader, writer := with("sensor-flow/read"), with("sensor-flow/write")
	id := equipment(t)
	one := []byte(oneReading(id, stamp(recent()), "1"))
	file, media := form(t, "file", "a.csv", "equipmentId,timestamp,value\n"+id+","+stamp(recent())+",1\n")
	writes := []probe.Call{
		{Path: "/sensor-data", Body: one},
		{Path: "/sensor-data/batch", Body: []byte("[" + string(one) + "]")},
		{Path: "/sensor-data/uploads", Body: []byte(`{"fileName":"a.csv","size":10}`)},
		{Path: "/sensor-data/upload-csv", Body: file, Header: map[string]string{"Content-Type": media}},
	}
	reads := []probe.Call{
		{Path: "/sensor-data?equipmentId=" + id}, {Path: "/sensor-data/aggregated?interval=24h&equipmentId=" + id}, {Path: "/sensor-data/uploads"},
	}
	for _, call := range writes {
		writer.good(call, http.StatusCreated)
		reader.bad(call, http.StatusForbidden)
		anonymous(t).bad(call, http.StatusUnauthorized)
	}
	for _, call := range append(reads, probe.Call{Path: "/sensor-data/uploads/x"}) {
		writer.bad(call, http.StatusForbidden)
		anonymous(t).bad(call, http.StatusUnauthorized)
	}
	for _, call := range reads {
		reader.good(call, http.StatusOK)
	}
	for _, c := range []*caller{reader, writer} {
		c.good(probe.Call{Path: "/auth/me"}, http.StatusOK)
	}
}
