package stack

import (
	"context"
	"crypto/rsa"
	"fmt"
	"net/url"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/cognitolocal"
)

// identity is the user pool as the API and the clients need to know it.
type identity struct {
	tokenURL                 string
	username, password       string
	machineID, machineSecret string
	environment              map[string]string
}

// startIdentity serves the user pool, where it was served before if that port is free. Tokens name the first address, so that
// those of before a restart stay valid in any case. Each of several regions serves a replica: all sign with one key in the name
// of the first.
func (s *Stack) startIdentity(ctx context.Context) error {
	if s.endpoints.given[serviceCognito] != "" {
		s.pool = givenIdentity(s.endpoints.environ)
		return nil
	}
	address := ""
	if u, err := url.Parse(s.secrets.PoolURL); err == nil && (s.options.of == nil || s.options.of.first) {
		address = u.Host
	}
	listener, err := listen(ctx, address)
	if err != nil {
		return fmt.Errorf("start the user pool: %w", err)
	}
	base := "http://" + listener.Addr().String()
	if s.secrets.PoolURL == "" {
		s.secrets.PoolURL = base
	}
	key, err := s.signingKey()
	if err != nil {
		return fmt.Errorf("start the user pool: %w", err)
	}
	pool, err := cognitolocal.New(cognitolocal.Options{
		BaseURL: base, Issuer: s.secrets.PoolURL + "/" + cognitolocal.PoolID, Key: key,
		// On one machine all can be tried, deleting too.
		Users: []cognitolocal.User{{
			Username: username, Password: s.secrets.Password, Email: username, Groups: []string{contract.AdminGroup},
		}},
		Browser:  cognitolocal.Client{ID: browserID, Secret: s.secrets.BrowserSecret},
		Machines: []cognitolocal.Client{{ID: machineID, Secret: s.secrets.ClientSecret}}, Scopes: contract.Scopes(),
	})
	if err != nil {
		return fmt.Errorf("start the user pool: %w", err)
	}
	s.endpoints.set(serviceCognito, s.serve(PartHost, listener, pool))
	s.pool = &identity{
		tokenURL: pool.TokenURL(), username: username, password: s.secrets.Password,
		machineID: machineID, machineSecret: s.secrets.ClientSecret,
		environment: map[string]string{
			contract.EnvUserPoolID: cognitolocal.PoolID, contract.EnvUserPoolIssuer: pool.Issuer(),
			contract.EnvUserPoolJWKSURL: pool.JWKSURL(), contract.EnvUserPoolClientID: browserID,
			contract.EnvUserPoolClientSecret: s.secrets.BrowserSecret, contract.EnvMachineClientIDs: machineID,
			contract.EnvTokenURL: pool.TokenURL(),
		},
	}
	return nil
}

func (s *Stack) signingKey() (*rsa.PrivateKey, error) {
	if s.options.of != nil {
		return s.options.of.key, nil
	}
	return cognitolocal.LoadKey(s.folder.File(signingKeyFile))
}

const signingKeyFile = "signing-key.pem"

// givenIdentity is the user pool that the environment describes; whose passwords are its users' own.
func givenIdentity(environ map[string]string) *identity {
	known := map[string]string{}
	for key, value := range environ {
		if strings.HasPrefix(key, "USER_POOL_") || key == contract.EnvMachineClientIDs || key == contract.EnvTokenURL {
			known[key] = value
		}
	}
	return &identity{tokenURL: environ[contract.EnvTokenURL], environment: known}
}
