// Package client calls the service from Go, as a machine or as a person.
//
// A Client makes every call with a deadline, gets its tokens by itself and keeps them, since AWS bills each, makes a call again that
// was refused for the moment or whose connection was lost, and goes to the next region where one does not answer. All calls of the
// API may be made again: a reading that is sent twice counts once. Values are exact decimals and never pass through a float.
//
//	c, err := client.New(client.Machine{ID: id, Secret: secret}, []client.Region{{URL: api, TokenURL: token}}, client.Options{})
//	…
//	_, err = c.Send(ctx, client.Reading{EquipmentID: "EQ-7", Timestamp: time.Now(), Value: value})
//
// Who sends many readings takes a Sender, which makes batches of them; who has a file takes Upload.
//
// The package imports the standard library and what the service says of readings and limits. It knows neither AWS nor the local
// system, and nothing that is deployed imports it. Package localsystem, below it, finds the system of make run.
package client
