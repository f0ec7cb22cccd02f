package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
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

	limits reading.Limits
	// parsed receives the reading, so that checking and making it are one pass over the texts.
	parsed *reading.Reading
}

// uploadBody asks for an upload address. What the numbers may be is for package csvfile to say.
type uploadBody struct {
	FileName string      `json:"fileName" validate:"required,max=255"`
	Size     json.Number `json:"size" validate:"whole"`
	SHA256   string      `json:"sha256,omitempty" validate:"omitempty,max=128"`
}

var (
	readingMembers = membersOf[readingBody]()
	uploadMembers  = membersOf[uploadBody]()
)

// tagReading marks a fault that the domain found; the domain's reason is its parameter.
const tagReading = "reading"

// requestChecker checks the decoded bodies of requests. It is safe for concurrent use.
type requestChecker struct{ validate *validator.Validate }

func newRequestChecker() (*requestChecker, error) {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	v.RegisterStructValidation(checkReading, readingBody{})
	if err := v.RegisterValidation("whole", isWhole); err != nil {
		return nil, fmt.Errorf("register a rule: %w", err)
	}
	return &requestChecker{v}, nil
}

// checkReading lets the domain judge a reading, whose rules depend on the moment and on each other.
func checkReading(level validator.StructLevel) {
	b, ok := level.Current().Interface().(readingBody)
	if !ok {
		return
	}
	parsed, faults := reading.Parse(b.EquipmentID, b.Timestamp, b.Value.String(), b.limits)
	*b.parsed = parsed
	for _, f := range faults {
		level.ReportError(f.Field, f.Field, f.Field, tagReading, f.Reason)
	}
}

// isWhole accepts integers that int64 holds.
func isWhole(f validator.FieldLevel) bool {
	_, err := json.Number(f.Field().String()).Int64()
	return err == nil
}

// reading makes a reading of a decoded body. shape holds the faults that decoding found; their fields are not judged
// again.
func (c *requestChecker) reading(b readingBody, limits reading.Limits, shape []fault.FieldError) (reading.Reading, []fault.FieldError) {
	b.limits, b.parsed = limits, new(reading.Reading)
	faults := c.faults(b, shape)
	return *b.parsed, faults
}

// faults checks a body and returns the faults of its shape and of its values, one for each field.
func (c *requestChecker) faults(body any, shape []fault.FieldError) []fault.FieldError {
	faults := shape
	seen := make(map[string]bool, len(shape))
	for _, f := range shape {
		seen[f.Field] = true
	}
	var found validator.ValidationErrors
	if errors.As(c.validate.Struct(body), &found) {
		for _, f := range found {
			if !seen[f.Field()] {
				seen[f.Field()] = true
				faults = append(faults, fault.FieldError{Field: f.Field(), Reason: rule(f)})
			}
		}
	}
	return faults
}

// rule says which rule is broken, continuing a sentence that starts with the field's name.
func rule(f validator.FieldError) string {
	switch f.Tag() {
	case tagReading:
		return f.Param()
	case "required":
		return "must not be empty"
	case "max":
		return "must have at most " + f.Param() + " characters"
	default:
		return "must be a whole number"
	}
}
