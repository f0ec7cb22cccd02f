package client_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

// A machine sends a reading and reads what has become of it.
func Example() {
	region, stop := serve() // in its place: client.Region{URL: "https://api.example.com", TokenURL: "https://…/oauth2/token"}
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	c, err := client.New(client.Machine{ID: "machine", Secret: "secret"}, []client.Region{region}, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	value, err := client.ParseValue("78.42")
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Date(2026, 3, 1, 8, 15, 0, 0, time.UTC)
	if _, err := c.Send(ctx, client.Reading{EquipmentID: "EQ-12495", Timestamp: at, Value: value}); err != nil {
		fmt.Println(err)
		return
	}
	for stored, err := range c.Readings(ctx, client.Range{EquipmentID: "EQ-12495"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(stored.Timestamp.Format(time.RFC3339), stored.Value)
	}
	// Output: 2026-03-01T08:15:00Z 78.42
}

// A Sender makes batches of many readings. It holds a bounded number of them: Send waits where the service is slower than the machine.
func ExampleClient_NewSender() {
	region, stop := serve()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.New(client.Machine{ID: "machine", Secret: "secret"}, []client.Region{region}, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	s := c.NewSender(ctx, client.SenderOptions{
		Rejected: func(_ client.Reading, errors []client.FieldError) { fmt.Println("rejected:", errors[0]) },
		Lost:     func(rs []client.Reading, err error) { fmt.Println("not sent:", len(rs), err) },
	})
	tenth, err := client.ParseValue("0.1")
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Date(2026, 3, 1, 7, 0, 0, 0, time.UTC)
	for i := range 1000 {
		if err := s.Send(ctx, client.Reading{EquipmentID: "EQ-7", Timestamp: at.Add(time.Duration(i) * time.Second), Value: tenth}); err != nil {
			fmt.Println(err)
			return
		}
	}
	if err := s.Send(ctx, client.Reading{EquipmentID: "no blanks", Timestamp: at, Value: tenth}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("end:", s.Close(ctx))

	for hour, err := range c.Aggregates(ctx, client.Window{Interval: "24h"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(hour.EquipmentID, hour.Start.Format(time.RFC3339), hour.Count, hour.Total) // exactly, since no value was a float
	}
	// Output:
	// rejected: equipmentId must be 1 to 128 characters of A-Z a-z 0-9 . _ : -
	// end: not stored: 1 rejected and 0 that could not be sent: a reading of "no blanks": equipmentId must be 1 to 128 characters of A-Z a-z 0-9 . _ : -
	// EQ-7 2026-03-01T07:00:00Z 1000 100
}

// A file goes to an address of its own, and Upload returns once the service has processed it.
func ExampleClient_Upload() {
	region, stop := serve()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.New(client.Machine{ID: "machine", Secret: "secret"}, []client.Region{region}, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	file := strings.NewReader("equipmentId,timestamp,value\n" + // an *os.File, usually
		"EQ-7,2026-03-01T08:00:01Z,0.1\n" +
		"EQ-7,2026-03-01T08:00:02Z,0.2\n" +
		"EQ-7,yesterday,1\n")
	done, err := c.Upload(ctx, "readings.csv", file, file.Size(), client.UploadOptions{
		Progress: func(p client.Progress) { log.Printf("%d of %d bytes sent, %d processed", p.Sent, p.Bytes, p.Processed) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(done.Status, done.RowsAccepted, done.RowsRejected)

	all, err := c.Summarize(ctx, client.Window{Interval: "24h"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(all.Count, all.Average)
	// Output:
	// completed-with-rejects 2 1
	// 2 0.15
}
