package image

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// instruction is one instruction of a Dockerfile.
type instruction struct {
	name string // in capitals
	rest string // what follows it, on one line
}

// String is the instruction as a Dockerfile has it, with its lines joined.
func (i instruction) String() string { return strings.TrimSpace(i.name + " " + i.rest) }

// fault says what is wrong with the instruction.
func (i instruction) fault(format string, arguments ...any) error {
	return fmt.Errorf("%q: %s", i, fmt.Sprintf(format, arguments...))
}

// parse splits a Dockerfile into its instructions.
func parse(text string) ([]instruction, error) {
	var all []instruction
	logical := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			directive, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "#")), "=")
			if strings.EqualFold(strings.TrimSpace(directive), "escape") {
				return nil, fmt.Errorf("%q: another escape character is not supported", line)
			}
			continue
		}
		if line == "" {
			continue
		}
		if before, goesOn := strings.CutSuffix(line, `\`); goesOn {
			logical += before + " "
			continue
		}
		all, logical = append(all, instructionOf(logical+line)), ""
	}
	if strings.TrimSpace(logical) != "" {
		all = append(all, instructionOf(logical))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the Dockerfile has no instruction")
	}
	return all, nil
}

func instructionOf(line string) instruction {
	name, rest := line, ""
	if at := strings.IndexAny(line, " \t"); at >= 0 {
		name, rest = line[:at], strings.TrimSpace(line[at:])
	}
	return instruction{strings.ToUpper(name), rest}
}

// plain returns the words of an instruction, none of which has a quote or a variable.
func (i instruction) plain() ([]string, error) {
	if strings.ContainsAny(i.rest, `$"'[`) {
		return nil, i.fault("variables, quotes and lists are not supported here")
	}
	words := strings.Fields(i.rest)
	if len(words) == 0 {
		return nil, i.fault("something must follow %s", i.name)
	}
	return words, nil
}

// one returns the only word of an instruction.
func (i instruction) one() (string, error) {
	words, err := i.plain()
	if err != nil {
		return "", err
	}
	if len(words) != 1 {
		return "", i.fault("%s takes one word", i.name)
	}
	return words[0], nil
}

// command returns a command in the form of a list, the only one that needs no shell.
func (i instruction) command() ([]string, error) {
	var words []string
	if err := json.Unmarshal([]byte(i.rest), &words); err != nil || len(words) == 0 {
		return nil, i.fault(`%s must be a list such as ["/app"]: an image from scratch has no shell`, i.name)
	}
	return words, nil
}

// pairs returns what is written as KEY=value KEY="a value", in its order. Keys are not empty.
func (i instruction) pairs() ([][2]string, error) {
	if strings.ContainsAny(i.rest, `$\'`) {
		return nil, i.fault("variables, escapes and single quotes are not supported")
	}
	var all [][2]string
	for rest := i.rest; rest != ""; {
		key, after, found := strings.Cut(rest, "=")
		if !found || key == "" || strings.ContainsAny(key, " \t\"") {
			return nil, i.fault(`%s must be KEY=value or KEY="a value"`, i.name)
		}
		var value, next string
		if quoted, isQuoted := strings.CutPrefix(after, `"`); isQuoted {
			if value, next, found = strings.Cut(quoted, `"`); !found || next != "" && !strings.HasPrefix(next, " ") {
				return nil, i.fault("a quote is not closed, or something follows it at once")
			}
		} else {
			value, next, _ = strings.Cut(after, " ")
			if strings.Contains(value, `"`) {
				return nil, i.fault("a quote must begin a value")
			}
		}
		all, rest = append(all, [2]string{key, value}), strings.TrimSpace(next)
	}
	if len(all) == 0 {
		return nil, i.fault("something must follow %s", i.name)
	}
	return all, nil
}

// copied returns where an instruction COPY takes files from, inside the folder, and where to.
func (i instruction) copied() (sources []string, to string, err error) {
	words, err := i.plain()
	if err != nil {
		return nil, "", err
	}
	last := len(words) - 1
	sources, to = words[:last], words[last]
	switch {
	case strings.HasPrefix(words[0], "--"):
		return nil, "", i.fault("COPY takes no options here")
	case strings.ContainsAny(i.rest, "*?<"):
		return nil, "", i.fault("COPY takes files and folders by their names")
	case len(sources) == 0:
		return nil, "", i.fault("COPY needs a source and a place")
	case !strings.HasPrefix(to, "/"):
		return nil, "", i.fault("the place must be absolute, such as /app")
	case len(sources) > 1 && !strings.HasSuffix(to, "/"):
		return nil, "", i.fault("with several sources, the place must end with a slash")
	case slices.Contains(strings.Split(to, "/"), ".."):
		return nil, "", i.fault("the place must not have .. in it")
	}
	return sources, to, nil
}
