// Programs that get a token and send a first batch, with the addresses of this deployment. The credentials come from the environment of
// whoever runs them: none stands in a page.

/** examples returns [{name, code}]. reading(n) is the n-th reading of the batch as JSON. */
export function examples({ tokenUrl, api, readings }) {
  const address = JSON.stringify(api + "/sensor-data/batch"), token = JSON.stringify(tokenUrl);
  const list = readings.map((one) => JSON.stringify(one)).join(",\n  ");
  return [
    { name: "curl", code: `# CLIENT_ID and CLIENT_SECRET are those of your machine.
TOKEN=$(curl -fsS -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials \\
  ${tokenUrl} | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')
curl -fsS -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" ${api}/sensor-data/batch -d '[
  ${list}
]'
` },
    { name: "Python", code: `import base64, json, os, urllib.request

credentials = os.environ["CLIENT_ID"] + ":" + os.environ["CLIENT_SECRET"]
request = urllib.request.Request(${token}, data=b"grant_type=client_credentials", headers={
    "Authorization": "Basic " + base64.b64encode(credentials.encode()).decode(),
    "Content-Type": "application/x-www-form-urlencoded",
})
with urllib.request.urlopen(request, timeout=30) as answer:
    token = json.load(answer)["access_token"]  # keep it until it expires: tokens cost money

readings = b"""[
  ${list}
]"""
request = urllib.request.Request(${address}, data=readings, headers={
    "Authorization": "Bearer " + token,
    "Content-Type": "application/json",
})
with urllib.request.urlopen(request, timeout=30) as answer:
    print(answer.read().decode())
` },
    { name: "Go", code: `package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const readings = \`[
  ${list}
]\`

func main() {
	client := &http.Client{Timeout: 30 * time.Second}
	form := url.Values{"grant_type": {"client_credentials"}}
	request, err := http.NewRequest(http.MethodPost, ${token}, strings.NewReader(form.Encode()))
	if err != nil {
		log.Fatal(err)
	}
	request.SetBasicAuth(os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var token struct {
		AccessToken string \`json:"access_token"\` // keep it until it expires: tokens cost money
	}
	if err := json.Unmarshal(send(client, request), &token); err != nil {
		log.Fatal(err)
	}

	request, err = http.NewRequest(http.MethodPost, ${address}, strings.NewReader(readings))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token.AccessToken)
	request.Header.Set("Content-Type", "application/json")
	fmt.Println(string(send(client, request)))
}

func send(client *http.Client, request *http.Request) []byte {
	answer, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		log.Fatal(answer.Status, " ", string(content), err)
	}
	return content
}
` },
    { name: "JavaScript", code: `// Save it as first-batch.mjs and run it with node.
const { CLIENT_ID, CLIENT_SECRET } = process.env;
const granted = await fetch(${token}, {
  method: "POST",
  headers: { Authorization: "Basic " + Buffer.from(CLIENT_ID + ":" + CLIENT_SECRET).toString("base64") },
  body: new URLSearchParams({ grant_type: "client_credentials" }),
});
if (!granted.ok) throw new Error(await granted.text());
const { access_token } = await granted.json(); // keep it until it expires: tokens cost money

const answer = await fetch(${address}, {
  method: "POST",
  headers: { Authorization: "Bearer " + access_token, "Content-Type": "application/json" },
  body: \`[
  ${list}
]\`,
});
if (!answer.ok) throw new Error(await answer.text());
console.log(await answer.text());
` },
  ];
}
