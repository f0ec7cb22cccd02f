package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// readingBody is one reading as a client sends it.
type readingBody struct {
	EquipmentID string      `json:"equipmentId"`
	Timestamp   string      `json:"timestamp"`
	Value       json.Number `json:"value"`
}

// uploadBody asks for an upload address. Package csvfile checks the range of the size.
type uploadBody struct {
	FileName string          `json:"fileName" validate:"required,max=255"`
	Size     json.Number     `json:"size" validate:"whole"`
	SHA256   string          `json:"sha256,omitempty" validate:"omitempty,max=128"`
	InParts  bool            `json:"inParts,omitempty"`
	Format   json.RawMessage `json:"format,omitempty"`
}

var (
	readingMembers = membersOf[readingBody]()
	uploadMembers  = membersOf[uploadBody]()
)

// parseReading makes a reading of a JSON text, or tells what is wrong with its fields, or with all of it. The reading may share the
// memory of the text.
func parseReading(text string, limits reading.Limits) (reading.Reading, []fault.FieldError, error) {
	if p, ok := readPlain(text); ok {
		parsed, faults := reading.Parse(p.equipmentID, p.timestamp, p.value, limits)
		return parsed, faults, nil
	}
	var b readingBody
	shape, err := decodeObject([]byte(text), readingMembers, &b)
	if err != nil {
		return reading.Reading{}, nil, err
	}
	parsed, found := reading.Parse(b.EquipmentID, b.Timestamp, b.Value.String(), limits)
	return parsed, oneEach(shape, found), nil
}

// oneEach adds what was found to the faults of a body's shape. A field whose shape is wrong is not judged again.
func oneEach(shape, found []fault.FieldError) []fault.FieldError {
	faults := shape
	for _, f := range found {
		if !slices.ContainsFunc(faults, func(has fault.FieldError) bool { return has.Field == f.Field }) {
			faults = append(faults, f)
		}
	}
	return faults
}

// requestChecker checks the decoded bodies of requests whose rules are those of their shape. It is safe for concurrent use.
type requestChecker struct{ validate *validator.Validate }

func newRequestChecker() (*requestChecker, error) {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	if err := v.RegisterValidation("whole", isWhole); err != nil {
		return nil, fmt.Errorf("register a rule: %w", err)
	}
	return &requestChecker{v}, nil
}

// isWhole accepts whole numbers that int64 holds.
func isWhole(f validator.FieldLevel) bool {
	_, err := whole(json.Number(f.Field().String()))
	return err == nil
}

// whole returns a whole number. To JSON, 12, 12.0 and 1.2e1 are the same, and clients whose numbers are floats write any of them.
func whole(n json.Number) (int64, error) {
	d, err := reading.ParseValue(n.String())
	if err != nil {
		return 0, fmt.Errorf("read a whole number: %w", err)
	}
	i, err := strconv.ParseInt(d.String(), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read a whole number: %w", err)
	}
	return i, nil
}

// faults checks a body and returns the faults of its shape and of its values, one for each field.
func (c *requestChecker) faults(body any, shape []fault.FieldError) []fault.FieldError {
	var broken validator.ValidationErrors
	if !errors.As(c.validate.Struct(body), &broken) {
		return shape
	}
	found := make([]fault.FieldError, len(broken))
	for i, f := range broken {
		found[i] = fault.FieldError{Field: f.Field(), Reason: rule(f)}
	}
	return oneEach(shape, found)
}

// rule says which rule is broken, continuing a sentence that starts with the field's name.
func rule(f validator.FieldError) string {
	switch f.Tag() {
	case "required":
		return "must not be empty"
	case "max":
		return "must have at most " + f.Param() + " characters"
	default:
		return "must be a whole number"
	}
}
