package gobuild_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

var update = flag.Bool("update", false, "rewrite ca-certificates.crt")

// trusted renders the roots of the module in go.mod. Roots that are trusted only for certificates from before a date
// are left out: a file of certificates cannot say so.
func trusted(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("# " + certificate.Subject.String() + "\n")
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func TestCertificates_AreThoseOfTheModule(t *testing.T) {
	want := trusted(t)
	if *update {
		if err := os.WriteFile("ca-certificates.crt", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("ca-certificates.crt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("ca-certificates.crt is not what golang.org/x/crypto/x509roots/fallback of go.mod gives; -update " +
			"rewrites it")
	}
	if !x509.NewCertPool().AppendCertsFromPEM(got) {
		t.Error("ca-certificates.crt cannot be read as certificates")
	}
	// What AWS's endpoints are signed by (https://www.amazontrust.com/repository/).
	for _, name := range []string{
		"CN=Amazon Root CA 1,", "CN=Amazon Root CA 2,", "CN=Amazon Root CA 3,", "CN=Amazon Root CA 4,",
		"CN=Starfield Services Root Certificate Authority - G2,",
	} {
		if !strings.Contains(string(got), name) {
			t.Errorf("%s is missing", name)
		}
	}
}
