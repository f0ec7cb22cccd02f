package main

import (
	"flag"
	"io"
)

// command is one of those that there are.
type command struct {
	name, arguments, what string
	// about tells more of the arguments and of what is printed; examples are command lines.
	about    string
	examples []string
	// flags adds those of the command itself, nil where it has none.
	flags func(*settings, *flag.FlagSet)
	// prints tells that it prints rows, whose form one may choose; calls that it calls the service, whose address one may name.
	prints, calls bool
	// prepare judges the flags and the arguments, and returns what does the work. It calls nobody and prints nothing.
	prepare func(*session) (work, error)
}

func commands() []command {
	return append(callers(), command{
		name: "logout", what: "forget the token, and have a person's refused from now on",
		about:    "It forgets what sensorflow login has kept. Tokens that were got by the environment's credentials stay until they expire.",
		examples: []string{"sensorflow logout"},
		prepare:  logout,
	})
}

// callers are the commands that call the service.
func callers() []command {
	all := append(identities(), append(senders(), readers()...)...)
	for i := range all {
		all[i].calls = true
	}
	return all
}

func identities() []command {
	return []command{
		{
			name: "login", what: "sign in, and keep the token for later calls",
			about: "A person gives -user, a machine -client-id. What is kept is the token, not the password or the secret, in a file that nobody\n" +
				"else can read.",
			examples: []string{
				"sensorflow login -api https://api.example.com -user ada@example.com",
				"sensorflow login -api https://api.example.com -token-url https://…/oauth2/token -client-id gateway -password-stdin < secret",
			},
			flags: loginFlags, prepare: login,
		},
		{
			name: "whoami", what: "tell who the token speaks for",
			about:    "It prints the name or the client id, the scopes, and until when the token is good.",
			examples: []string{"sensorflow whoami", "sensorflow whoami -o json"},
			prints:   true, prepare: whoami,
		},
	}
}

func senders() []command {
	return []command{
		{
			name: "send", arguments: "EQUIPMENT VALUE [TIME] | -", what: "send one reading, or those of standard input as NDJSON or CSV",
			about: "TIME is an RFC 3339 timestamp in any zone; the present where it is left out, or is now. A VALUE may begin with -.\n" +
				"With - standard input is sent in batches: objects {\"equipmentId\":…,\"timestamp\":…,\"value\":…}, one a line, or CSV with a\n" +
				"header of these names. Lines that are rejected are told on standard error, and the others are sent. Sending again is safe.",
			examples: []string{
				"sensorflow send EQ-12495 78.42",
				"sensorflow send EQ-12495 -3.5 2026-03-01T08:30:00-03:00",
				"tail -F machine.ndjson | sensorflow send -",
			},
			prints: true, prepare: send,
		},
		{
			name: "upload", arguments: "FILE", what: "send a CSV file and wait until it is processed",
			about: "FILE has the header equipmentId,timestamp,value, or what -format says. It prints how many rows were accepted and rejected.",
			examples: []string{
				"sensorflow upload january.csv",
				`sensorflow upload -format '{"delimiter":";","decimal":","}' -rejects rejects.csv january.csv`,
			},
			flags: uploadFlags, prints: true, prepare: upload,
		},
		{
			name: "delete", arguments: "EQUIPMENT", what: "delete the readings from -from to -to, or the one at -at",
			about: "It takes the scope sensor-flow/admin. It prints how many were deleted; the aggregates follow.",
			examples: []string{
				"sensorflow delete EQ-7 -at 2026-03-01T08:30:00Z -yes",
				"sensorflow delete EQ-7 -from 2026-03-01T00:00:00Z -to 2026-03-02T00:00:00Z -yes",
			},
			flags: deleteFlags, prints: true, prepare: remove,
		},
	}
}

func readers() []command {
	return []command{
		{
			name: "query", arguments: "[EQUIPMENT…]", what: "print aggregates, or the readings of one equipment with -raw",
			about: "EQUIPMENT… are at most fifty; all where none is named. The window is either an -interval or begins at -from. On standard error\n" +
				"it tells how many readings the whole window has, and their average.",
			examples: []string{
				"sensorflow query",
				"sensorflow query -interval 1w EQ-7 EQ-8",
				"sensorflow query -from 2026-03-01T00:00:00Z -to 2026-04-01T00:00:00Z -granularity 1d -timezone America/Sao_Paulo EQ-7 -o csv",
				"sensorflow query -raw -limit 10 EQ-7",
			},
			flags: queryFlags, prints: true, prepare: query,
		},
		{
			name: "watch", arguments: "EQUIPMENT…", what: "print new readings as they come",
			about:    "It goes on until Ctrl-C, which is no failure: the exit status is 0. With -o json each reading is an object in a line of its own.",
			examples: []string{"sensorflow watch EQ-7", "sensorflow watch EQ-7 EQ-8 -every 10s -n 100 -o json"},
			flags:    watchFlags, prints: true, prepare: watch,
		},
		{
			name: "equipment", arguments: "[PREFIX]", what: "list the equipments with their last readings",
			about:    "PREFIX is what their ids begin with; all are listed where none is given.",
			examples: []string{"sensorflow equipment", "sensorflow equipment line-2."},
			prints:   true, prepare: equipment,
		},
		{
			name: "export", arguments: "[EQUIPMENT…]", what: "write all readings of one equipment as CSV, or aggregates with -aggregates or -interval",
			about: "Readings are those of one EQUIPMENT, newest first, all of them where neither -from nor -to is given, in the form that upload\n" +
				"takes back. Aggregates are those that query prints. A file gets its name once it is whole.",
			examples: []string{
				"sensorflow export EQ-7 > eq-7.csv",
				"sensorflow export -file week.csv -interval 1w",
				"sensorflow export -aggregates -from 2026-03-01T00:00:00Z -granularity 1d EQ-7",
			},
			flags: exportFlags, prepare: export,
		},
	}
}

// find returns the command of a name.
func find(name string) (command, error) {
	for _, c := range commands() {
		if c.name == name {
			return c, nil
		}
	}
	return command{}, usagef("there is no command %q; sensorflow help lists those that there are", name)
}

// ownFlags are the flags of the command, and placeFlags those that all have that call the service.
func (c command) ownFlags(s *settings, flags *flag.FlagSet) {
	if c.flags != nil {
		c.flags(s, flags)
	}
	if c.prints {
		flags.StringVar(&s.format, "o", s.format, "`form` of what is printed: table, json or csv")
	}
}

// flagSet returns all flags of the command, which set s.
func (c command) flagSet(s *settings) *flag.FlagSet {
	flags := flag.NewFlagSet("sensorflow "+c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	c.ownFlags(s, flags)
	if c.calls {
		s.placeFlags(flags)
	}
	return flags
}
