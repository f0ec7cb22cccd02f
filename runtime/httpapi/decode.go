package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// member is one field of a request's JSON object, as its struct tag has it.
type member struct {
	name     string
	index    int
	number   bool // a JSON number, kept as its text
	object   bool // a JSON object, kept as its text
	list     bool // a JSON array, kept as its text
	flag     bool // true or false; a member that is none of these is a JSON string
	optional bool // tagged omitempty
}

// membersOf lists the members of the struct T, whose fields are strings, bools, json.Numbers, json.RawMessages and
// jsonLists.
func membersOf[T any]() []member {
	var members []member
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		tag := t.Field(i).Tag.Get("json")
		if tag == "" || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		kind := t.Field(i).Type
		members = append(members, member{
			name: name, index: i, number: kind == reflect.TypeFor[json.Number](), object: kind == reflect.TypeFor[json.RawMessage](),
			list: kind == reflect.TypeFor[jsonList](), flag: kind == reflect.TypeFor[bool](), optional: options == "omitempty",
		})
	}
	return members
}

var (
	errNotUTF8  = errors.New("must be UTF-8")
	errNotJSON  = errors.New("must be valid JSON")
	errTrailing = errors.New("must hold one JSON document and nothing after it")
	errObject   = errors.New("must be a JSON object")
)

// decodeObject fills into, a pointer to the struct that members describe, from exactly one JSON object, and reports each
// member that is unknown, repeated, missing or of the wrong type. An error means that there is no such object at all; it
// continues a sentence.
//
// encoding/json alone would take "EquipmentID" for "equipmentId", the last of two spellings of one field, bytes that are
// not UTF-8, and null for every type. By each of these, something was stored that its sender did not mean.
func decodeObject(data []byte, members []member, into any) ([]fault.FieldError, error) {
	if !utf8.Valid(data) {
		return nil, errNotUTF8
	}
	if !json.Valid(data) {
		return nil, whyInvalid(data)
	}
	rest := skipSpace(data)
	if rest[0] != '{' {
		return nil, errObject
	}
	faults, seen := decodeMembers(rest[1:], members, reflect.ValueOf(into).Elem())
	for i, m := range members {
		if !seen[i] && !m.optional {
			faults = addFault(faults, m.name, "is required")
		}
	}
	return faults, nil
}

// whyInvalid tells what is wrong with a text that is not exactly one JSON document.
func whyInvalid(data []byte) error {
	var first json.RawMessage
	var syntax *json.SyntaxError
	switch err := json.NewDecoder(bytes.NewReader(data)).Decode(&first); {
	case errors.As(err, &syntax):
		return fmt.Errorf("%w, which it is not at its byte %d%s", errNotJSON, syntax.Offset, wordHint(data, syntax.Offset))
	case err != nil:
		return fmt.Errorf("%w, and ends too early", errNotJSON)
	case first[0] != '{':
		return errObject
	default:
		return errTrailing
	}
}

// wordHint says of a word that stands in place of a number why it cannot; the word's first character is the one up to which a text is JSON.
func wordHint(data []byte, offset int64) string {
	word := data[max(offset-1, 0):]
	if !reading.NotFinite(string(word[:wordEnd(word)])) {
		return ""
	}
	return "; " + reading.HintNotFinite
}

// decodeMembers reads the members of a valid JSON object from the text after its opening brace, and tells which it has. A
// json.Decoder would do the same with forty allocations for a reading, most of them for errors that it throws away.
func decodeMembers(rest []byte, members []member, target reflect.Value) (faults []fault.FieldError, seen []bool) {
	seen = make([]bool, len(members))
	for rest = skipSpace(rest); rest[0] != '}'; rest = skipSpace(rest) {
		if rest[0] == ',' {
			rest = skipSpace(rest[1:])
		}
		var key, value []byte
		key, rest = cutValue(rest)
		value, rest = cutValue(skipSpace(skipSpace(rest)[1:])) // after the colon
		name := unquote(key)
		if reason := decodeMember(name, value, members, seen, target); reason != "" {
			faults = addFault(faults, name, reason)
		}
	}
	return faults, seen
}

func skipSpace(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\n' || text[0] == '\r' || text[0] == '\t') {
		text = text[1:]
	}
	return text
}

// cutValue cuts the first value off a valid JSON text that begins with it and does not end with it.
func cutValue(text []byte) (value, rest []byte) {
	var end int
	switch text[0] {
	case '"':
		end = stringEnd(text)
	case '{', '[':
		end = nestedEnd(text)
	default:
		end = wordEnd(text)
	}
	return text[:end], text[end:]
}

// stringEnd is the length of the string that text begins with.
func stringEnd(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++ // an escaped character is never the end
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// nestedEnd is the length of the object or array that text begins with.
func nestedEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringEnd(text[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// wordEnd is the length of the number or the word that text begins with.
func wordEnd(text []byte) int {
	for i, c := range text {
		switch c {
		case ',', '}', ' ', '\n', '\r', '\t':
			return i
		}
	}
	return len(text)
}

// unquote returns what a valid JSON string says.
func unquote(text []byte) string {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text[1 : len(text)-1])
	}
	var said string
	if err := json.Unmarshal(text, &said); err != nil {
		panic(fmt.Sprintf("httpapi: unquote a valid JSON string: %v", err)) // unreachable
	}
	return said
}

// decodeMember sets one member and returns what is wrong with it, if anything.
func decodeMember(name string, value []byte, members []member, seen []bool, target reflect.Value) string {
	i := slices.IndexFunc(members, func(m member) bool { return m.name == name })
	if i < 0 {
		return "is not a known field; known are " + names(members)
	}
	if seen[i] {
		return "must not occur twice"
	}
	seen[i] = true
	return setMember(members[i], value, target.Field(members[i].index))
}

// setMember sets one member and returns what is wrong with its value, if anything.
func setMember(m member, value []byte, target reflect.Value) string {
	switch {
	case m.number:
		if value[0] != '-' && (value[0] < '0' || value[0] > '9') {
			return "must be a JSON number, without quotes" + quotedHint(value)
		}
		target.SetString(string(value))
	case m.object:
		return setText(value, '{', "must be a JSON object", target)
	case m.list:
		return setText(value, '[', "must be a JSON array", target)
	case m.flag:
		return setFlag(value, target)
	case m.optional && string(value) == `""`:
		return "must not be empty; leave it out"
	case value[0] == '"':
		target.SetString(unquote(value))
	default:
		return "must be a JSON string"
	}
	return ""
}

// quotedHint says what is wrong with the number in a JSON string, apart from the quotes.
func quotedHint(value []byte) string {
	if value[0] != '"' || len(value) > quotedHintBytesMax {
		return ""
	}
	said := unquote(value)
	if _, err := reading.ParseValue(said); err == nil {
		return ""
	}
	hint := reading.NumberHint(said)
	if hint == "" {
		return ""
	}
	return "; " + hint
}

// quotedHintBytesMax is more than any number takes in a JSON string.
const quotedHintBytesMax = 1 << 10

func setFlag(value []byte, target reflect.Value) string {
	said := string(value)
	if said != "true" && said != "false" {
		return "must be true or false, without quotes"
	}
	target.SetBool(said == "true")
	return ""
}

// setText keeps the text of a value that begins with a character.
func setText(value []byte, first byte, otherwise string, target reflect.Value) string {
	if value[0] != first {
		return otherwise
	}
	target.SetBytes(value)
	return ""
}

// fieldNameCharsMax bounds how much of an unknown field's name comes back.
const fieldNameCharsMax = 64

// faultsMax bounds the answer to one object, whose unknown fields may be thousands.
const faultsMax = 10

func addFault(faults []fault.FieldError, name, reason string) []fault.FieldError {
	if len(faults) >= faultsMax {
		return faults
	}
	if runes := []rune(name); len(runes) > fieldNameCharsMax {
		name = string(runes[:fieldNameCharsMax]) + "…"
	}
	if name == "" { // an error without a name would be one of the whole
		name = `""`
	}
	return append(faults, fault.FieldError{Field: name, Reason: reason})
}

func names(members []member) string {
	known := make([]string, len(members))
	for i, m := range members {
		known[i] = m.name
	}
	return strings.Join(known, ", ")
}

// at puts the index of a batch's element before the names of its fields.
func at(index int, faults []fault.FieldError) []fault.FieldError {
	placed := make([]fault.FieldError, len(faults))
	for i, f := range faults {
		placed[i] = fault.FieldError{Field: strings.TrimSuffix(fmt.Sprintf("body[%d].%s", index, f.Field), "."), Reason: f.Reason}
	}
	return placed
}
