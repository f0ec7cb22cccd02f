package main

import (
	"flag"
	"io"
	"strings"
	"text/tabwriter"
)

func isHelp(word string) bool {
	return word == "help" || word == "-h" || word == "-help" || word == "--help"
}

// help tells of the program, or of the commands that are named.
func help(out io.Writer, args []string) error {
	if len(args) < 2 {
		describeAll(out)
		return nil
	}
	for i, name := range args[1:] {
		c, err := find(name)
		if err != nil {
			return err
		}
		if i > 0 {
			printf(out, "\n")
		}
		describe(out, c)
	}
	return nil
}

// describeAll lists the commands.
func describeAll(out io.Writer) {
	printf(out, "sensorflow sends readings to the service and asks it for them.\n\n")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		printf(table, "  %s\t%s\n", c.usage(), c.what)
	}
	_ = table.Flush() // nobody reads it when standard output is gone
	printf(out, `
sensorflow help COMMAND tells more of one: its arguments, its flags, and examples.

Whom it calls, the first that is given:
  -local                     the system of make run, by the nearest .local/stack.json
  -api, -token-url           or SENSORFLOW_API and SENSORFLOW_TOKEN_URL; several regions divided by commas
  sensorflow login           what was called there
  .local/stack.json          where the working folder, or one above it, has it

As whom: SENSORFLOW_CLIENT_ID and SENSORFLOW_CLIENT_SECRET of a machine, or SENSORFLOW_USER and SENSORFLOW_PASSWORD of a person, or
whoever signed in by sensorflow login. Tokens are kept in the user's configuration folder, in files that nobody else can read.

The exit status tells a script what came of it:
  %s
`, strings.ReplaceAll(statuses(), "; ", "\n  "))
}

func (c command) usage() string { return strings.TrimSpace("sensorflow " + c.name + " " + c.arguments) }

// describe tells of a command: its arguments, its flags, and examples.
func describe(out io.Writer, c command) {
	printf(out, "%s: %s\n\n%s\n", c.usage(), c.what, c.about)
	s := settings{format: formatTable}
	list(out, "Flags", func(flags *flag.FlagSet) { c.ownFlags(&s, flags) })
	if c.calls {
		list(out, "Whom it calls, and as whom (sensorflow help tells more)", s.placeFlags)
	}
	printf(out, "\nExamples:\n  %s\n", strings.Join(c.examples, "\n  "))
}

// list prints flags below a heading, where there are any.
func list(out io.Writer, heading string, add func(*flag.FlagSet)) {
	flags, count := flag.NewFlagSet("", flag.ContinueOnError), 0
	add(flags)
	flags.VisitAll(func(*flag.Flag) { count++ })
	if count == 0 {
		return
	}
	printf(out, "\n%s:\n", heading)
	flags.SetOutput(out)
	flags.PrintDefaults()
}
