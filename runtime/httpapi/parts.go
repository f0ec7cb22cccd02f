package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// numbersBody asks for addresses of parts, partsBody says that all parts were sent, and partBody is one of them.
type numbersBody struct {
	Numbers jsonList `json:"numbers"`
}

type partsBody struct {
	Parts jsonList `json:"parts"`
}

type partBody struct {
	Number json.Number `json:"number"`
	ETag   string      `json:"etag"`
}

var (
	numbersMembers = membersOf[numbersBody]()
	partsMembers   = membersOf[partsBody]()
	partMembers    = membersOf[partBody]()
)

type partAnswer struct {
	Number  int               `json:"number"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
}

func partAnswers(parts []csvfile.PartAddress) []partAnswer {
	answers := make([]partAnswer, len(parts))
	for i, p := range parts {
		answers[i] = partAnswer(p)
	}
	return answers
}

// partTicketAnswer is the beginning of an upload whose file is sent in parts.
type partTicketAnswer struct {
	UploadID  string       `json:"uploadId"`
	PartSize  int64        `json:"partSize"`
	Parts     []partAnswer `json:"parts"`
	ExpiresAt string       `json:"expiresAt"`
}

func answerTicket(w http.ResponseWriter, t csvfile.Ticket) error {
	if len(t.Parts) > 0 {
		return answer(w, http.StatusCreated, partTicketAnswer{
			t.Upload.ID, t.Upload.Parts.Bytes, partAnswers(t.Parts), clientTime(t.ExpiresAt),
		})
	}
	return answer(w, http.StatusCreated, ticketAnswer{t.Upload.ID, t.Method, t.URL, t.Headers, clientTime(t.ExpiresAt)})
}

type addressesAnswer struct {
	Parts     []partAnswer `json:"parts"`
	ExpiresAt string       `json:"expiresAt"`
}

// postParts gives out addresses of parts.
func (s *Server) postParts(w http.ResponseWriter, r *http.Request) error {
	var b numbersBody
	faults, err := s.readObject(w, r, contract.ReadingBodyBytesMax, numbersMembers, &b)
	if err != nil {
		return err
	}
	numbers, wrong := readNumbers(b.Numbers)
	if faults = append(faults, wrong...); len(faults) > 0 {
		return invalidFields(faults)
	}
	ctx, cancel := calling(r)
	defer cancel()
	parts, expiresAt, err := s.UploadParts.SignParts(ctx, r.PathValue("id"), numbers)
	if err != nil {
		return fmt.Errorf("sign parts of an upload: %w", err)
	}
	return answer(w, http.StatusOK, addressesAnswer{partAnswers(parts), clientTime(expiresAt)})
}

// postComplete makes the file of its parts.
func (s *Server) postComplete(w http.ResponseWriter, r *http.Request) error {
	var b partsBody
	faults, err := s.readObject(w, r, contract.UploadPartsBodyBytesMax, partsMembers, &b)
	if err != nil {
		return err
	}
	sent, wrong := readParts(b.Parts)
	if faults = append(faults, wrong...); len(faults) > 0 {
		return invalidFields(faults)
	}
	ctx, cancel := calling(r)
	defer cancel()
	u, err := s.UploadParts.CompleteParts(ctx, r.PathValue("id"), sent)
	if err != nil {
		return fmt.Errorf("complete an upload: %w", err)
	}
	return answer(w, http.StatusOK, newUploadItem(u, ""))
}

// readNumbers reads the numbers of parts.
func readNumbers(text jsonList) (numbers []int, faults []fault.FieldError) {
	for i, element := range text.elements() {
		number, err := whole(json.Number(element))
		if err != nil {
			faults = addFault(faults, fmt.Sprintf("numbers[%d]", i), "must be a whole number")
		}
		numbers = append(numbers, int(number))
	}
	return numbers, faults
}

// readParts reads the parts that a client has sent.
func readParts(text jsonList) (sent []csvfile.SentPart, faults []fault.FieldError) {
	for i, element := range text.elements() {
		name := fmt.Sprintf("parts[%d]", i)
		var b partBody
		wrong, err := decodeObject(element, partMembers, &b)
		if err != nil {
			faults = addFault(faults, name, err.Error())
			continue
		}
		number, err := whole(b.Number)
		if err != nil && b.Number != "" {
			wrong = append(wrong, fault.FieldError{Field: "number", Reason: "must be a whole number"})
		}
		for _, f := range within(name, wrong) {
			faults = addFault(faults, f.Field, f.Reason)
		}
		sent = append(sent, csvfile.SentPart{Number: int(number), ETag: b.ETag})
	}
	return sent, faults
}

// jsonList is a JSON array of a body, kept as its text.
type jsonList []byte

// elements are the texts of what the array holds.
func (l jsonList) elements() (elements []json.RawMessage) {
	if len(l) > 0 {
		_ = json.Unmarshal(l, &elements) // it is an array of a valid text
	}
	return elements
}
