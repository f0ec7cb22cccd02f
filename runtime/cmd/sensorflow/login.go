package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

func loginFlags(s *settings, flags *flag.FlagSet) {
	flags.BoolVar(&s.passwordOnInput, "password-stdin", false, "read the password, or the client's secret, from standard input")
}

// callTimeout bounds the commands that make one call.
const callTimeout = 2 * time.Minute

// login gets a token and keeps it, without password or secret.
func login(s *session) (work, error) { return s.login, s.noArguments() }

func (s *session) login(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	p, err := s.loginPlace(ctx)
	if err != nil {
		return err
	}
	c, err := p.client()
	if err != nil {
		return err
	}
	token, err := c.SignIn(ctx)
	if err != nil {
		return err
	}
	_, person := p.credentials.(client.Person)
	file := s.keptFile()
	if err := writeKept(file, kept{p.regions, token.Value, token.ExpiresAt, person}); err != nil {
		return err
	}
	s.progress.say("signed in as %v until %s; the token is in %s", p.credentials, token.ExpiresAt.Local().Format("15:04 on 2 January"), file)
	return nil
}

// loginPlace is where to sign in, with a password or a secret that is asked for where it is not given.
func (s *session) loginPlace(ctx context.Context) (place, error) {
	regions, err := s.regions()
	if err != nil {
		return place{}, err
	}
	if s.local {
		return s.localPlace()
	}
	if len(regions) == 0 {
		return s.unnamedPlace()
	}
	p := place{regions: regions}
	id, user := cmp.Or(s.clientID, s.get("SENSORFLOW_CLIENT_ID")), cmp.Or(s.user, s.get("SENSORFLOW_USER"))
	switch {
	case s.user != "" || user != "" && id == "":
		password, err := s.secret(ctx, "SENSORFLOW_PASSWORD", "Password of "+user)
		p.credentials = client.Person{Username: user, Password: password}
		return p, err
	case id != "":
		secret, err := s.secret(ctx, "SENSORFLOW_CLIENT_SECRET", "Secret of "+id)
		p.credentials = client.Machine{ID: id, Secret: secret}
		return p, err
	}
	return place{}, usagef("say who signs in: -user NAME for a person, or -client-id ID for a machine")
}

// secret is what the environment has, or standard input, or what a person types.
func (s *session) secret(ctx context.Context, key, what string) (string, error) {
	if secret := s.get(key); secret != "" && !s.passwordOnInput {
		return secret, nil
	}
	terminal, isFile := s.in.(*os.File)
	if !s.passwordOnInput {
		if !isFile || !isTerminal(terminal) {
			return "", usagef("set %s, or give -password-stdin", key)
		}
		s.progress.ask(what + ": ")
		onTerminal(terminal, exec.CommandContext(ctx, "stty", "-echo"))
		defer s.progress.ask("\n")
		defer onTerminal(terminal, exec.CommandContext(context.WithoutCancel(ctx), "stty", "echo"))
	}
	line, err := readLine(ctx, s.in)
	if secret := strings.TrimRight(line, "\r\n"); secret != "" {
		return secret, nil
	}
	return "", errors.Join(usagef("no password was given"), err)
}

// readLine reads a line, or gives up when ctx ends. What reads then ends with the process.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(in).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		read <- result{line, err}
	}()
	select {
	case got := <-read:
		return got.line, got.err
	case <-ctx.Done():
		return "", fmt.Errorf("read standard input: %w", ctx.Err())
	}
}

// onTerminal sets a terminal. Where that cannot be done, what is typed can be seen.
func onTerminal(terminal *os.File, stty *exec.Cmd) {
	stty.Stdin = terminal
	_ = stty.Run()
}

// logout forgets the token. That of a person is refused from then on.
func logout(s *session) (work, error) { return s.logout, s.noArguments() }

func (s *session) logout(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	file := s.keptFile()
	k, err := readKept(file)
	if errors.Is(err, os.ErrNotExist) {
		s.progress.say("nobody is signed in")
		return nil
	}
	var revoked error
	if err == nil && k.Person && time.Now().Before(k.ExpiresAt) {
		p := place{regions: k.Regions, credentials: client.Signed{}, token: client.Token{Value: k.Token, ExpiresAt: k.ExpiresAt}}
		c, err := p.client()
		if err != nil {
			return err
		}
		if revoked = c.SignOut(ctx); errors.Is(revoked, client.ErrSignIn) {
			revoked = nil // it is refused already
		}
	}
	if err := os.Remove(file); err != nil {
		return errors.Join(revoked, fmt.Errorf("remove the token: %w", err))
	}
	if revoked != nil {
		return fmt.Errorf("the token is removed here, but is good until it expires: %w", revoked)
	}
	s.progress.say("signed out")
	return nil
}

// whoami tells who the token speaks for.
func whoami(s *session) (work, error) { return s.whoami, s.noArguments() }

func (s *session) whoami(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c, err := s.connect()
	if err != nil {
		return err
	}
	who, err := c.Me(ctx)
	if err != nil {
		return err
	}
	s.out.columns("username", "scopes", "expiresAt")
	return s.out.row(text(cmp.Or(who.Username, who.Sub)), text(strings.Join(who.Scopes, " ")), moment(who.ExpiresAt))
}
