// Command cost prints what an environment of cdk.json costs a month, from the templates that were synthesized for it:
//
//	cost -assembly cdk.out
//
// It reads ENV, READINGS_PER_SECOND, READINGS_PER_REQUEST, EQUIPMENTS, MACHINES, TOKEN_HOURS and USERS from the
// environment. Package pricing tells what each means. It imports neither the CDK nor the SDK of AWS.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/pricing"
)

func main() {
	assembly := flag.String("assembly", "cdk.out", "the folder of the synthesized templates")
	prices := flag.Bool("prices", false, "print the table of prices, with source and date, in place of an estimate")
	usage := flag.Bool("usage", false, "look whether the variables can be read, and do nothing else")
	flag.Parse()
	show := func() error { return run(os.Stdout, os.DirFS(*assembly), os.Getenv) }
	switch {
	case *usage:
		show = func() error { _, err := pricing.UsageOf(os.Getenv); return err }
	case *prices:
		show = func() error { return printPrices(os.Stdout) }
	}
	if err := show(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

// run prints the estimate of one environment.
func run(w io.Writer, assembly fs.FS, getenv func(key string) string) error {
	usage, err := pricing.UsageOf(getenv)
	if err != nil {
		return err
	}
	env := getenv("ENV")
	if env == "" {
		return errors.New("say which environment: ENV=… names one of cdk.json's")
	}
	name := config.StackPrefix + env
	stacks, err := pricing.ReadStacks(assembly, func(stack string) bool {
		return stack == name || strings.HasPrefix(stack, name+"-")
	})
	if err != nil {
		return err
	}
	if len(stacks) == 0 {
		return fmt.Errorf("the templates have no environment %s; make cost ENV=%s synthesizes it", env, env)
	}
	deployment := pricing.Of(stacks)
	return pricing.Print(w, name, pricing.NewEstimate(deployment, usage), pricing.Savings(deployment, usage))
}

// printPrices writes a price a line.
func printPrices(w io.Writer) error {
	all := pricing.Prices()
	slices.SortFunc(all, func(a, b pricing.Price) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Name, b.Name))
	})
	for _, p := range all {
		if _, err := fmt.Fprintf(w, "%-42s $%-13s per %-12s %-31s %s\n", p.Name,
			strconv.FormatFloat(p.USD, 'f', -1, 64), p.Per, p.Seen, p.Source); err != nil {
			return err
		}
	}
	return nil
}
