package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// previewAnswer is what would become of the first rows of a file.
type previewAnswer struct {
	Rows            []previewRow    `json:"rows"`
	SuggestedFormat *csvfile.Format `json:"suggestedFormat,omitempty"`
	Missing         []string        `json:"missing,omitempty"`
	Suggestion      string          `json:"suggestion,omitempty"`
}

type previewRow struct {
	Line    int64              `json:"line"`
	Reading *previewReading    `json:"reading,omitempty"`
	Errors  []fault.FieldError `json:"errors,omitempty"`
}

type previewReading struct {
	EquipmentID reading.EquipmentID `json:"equipmentId"`
	Timestamp   string              `json:"timestamp"`
	Value       number              `json:"value"`
}

// postPreview tells what would become of the beginning of a file, and stores nothing.
func (s *Server) postPreview(w http.ResponseWriter, r *http.Request) error {
	in, err := readQuery(r, paramNumbers)
	if err != nil {
		return err
	}
	if in.readNumbers(); in.err() != nil {
		return in.err()
	}
	boundary, err := formBoundary(r)
	if err != nil {
		return err
	}
	const bytesMax = contract.CSVPreviewBytes + multipartOverheadMax
	form, err := s.openBody(w, r, s.files, bytesMax, bytesMax)
	if err != nil {
		return previewError(toProblem(err))
	}
	defer form.hold.Leave()
	format, beginning, err := readBeginning(multipart.NewReader(form, boundary))
	switch {
	case form.err != nil:
		return previewError(bodyError(form.err))
	case err != nil:
		return err
	}
	if err := form.hold.Grow(gzipBytes + contract.CSVPreviewBytes); err != nil { // in case it is compressed
		return refused(err)
	}
	preview, err := csvfile.PreviewFile(beginning, format, s.limits(s.Now()))
	if err != nil {
		return fmt.Errorf("preview a file: %w", err)
	}
	shown := previewAnswer{
		Rows: make([]previewRow, len(preview.Rows)), SuggestedFormat: preview.Suggested, Missing: preview.Missing, Suggestion: preview.Suggestion,
	}
	for i, row := range preview.Rows {
		shown.Rows[i] = previewRow{Line: row.Line, Errors: row.Faults}
		if one := row.Reading; len(row.Faults) == 0 {
			shown.Rows[i].Reading = &previewReading{one.EquipmentID, clientTime(one.Timestamp), in.number(one.Value)}
		}
	}
	return answer(w, http.StatusOK, shown)
}

// readBeginning reads the format and the beginning of a file from a form.
func readBeginning(form *multipart.Reader) (csvfile.Format, csvfile.Beginning, error) {
	format, file, err := readForm(form)
	if err != nil {
		return csvfile.Format{}, csvfile.Beginning{}, err
	}
	head, err := io.ReadAll(io.LimitReader(file, contract.CSVPreviewBytes+1))
	switch {
	case file.refusal != nil:
		return csvfile.Format{}, csvfile.Beginning{}, file.refusal
	case errors.Is(err, io.ErrUnexpectedEOF):
		return csvfile.Format{}, csvfile.Beginning{}, bodyError(err)
	case err != nil:
		return csvfile.Format{}, csvfile.Beginning{}, malformedForm(err)
	case len(head) > contract.CSVPreviewBytes:
		return csvfile.Format{}, csvfile.Beginning{}, previewError(tooLarge(contract.CSVPreviewBytes))
	}
	return format, csvfile.Beginning{FileName: file.file.FileName(), Bytes: head, Whole: len(head) < contract.CSVPreviewBytes}, nil
}

// previewError is the answer to a form that was not read to its end.
func previewError(p *problem) *problem {
	if p.kind == problemTooLarge {
		p.message = "A preview takes the first " + byteCount(contract.CSVPreviewBytes) + " of a file: head -c 65536 FILE cuts them off."
	}
	return p
}
