package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/sensorflow/sensorflow/runtime/deletion"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// deletionsPath is where a deletion that goes on behind its answer tells how far it is.
const deletionsPath = "/sensor-data/deletions/"

// deletionTimeout bounds the deletion of as many readings as an answer waits for. They are of one equipment, whose partition of
// the table takes about 1,000 writes a second, those of others among them. Load balancers wait 60 s for an answer.
const deletionTimeout = 45 * time.Second

type deletedAnswer struct {
	Deleted int64 `json:"deleted"`
}

type deletionAnswer struct {
	Status  deletion.Status `json:"status"`
	Deleted int64           `json:"deleted"`
}

// removal is what DELETE /sensor-data is asked for: the one reading at From, or a range.
type removal struct {
	deletion.Range
	one bool
}

// readRemoval reads what is to be deleted. Nothing stands for an end of the range that is left out: who forgets one does not
// mean everything.
func readRemoval(r *http.Request) (removal, error) {
	in, err := readQuery(r, paramEquipmentID, paramFrom, paramTo, paramTimestamp)
	if err != nil {
		return removal{}, err
	}
	asked := removal{
		Range: deletion.Range{EquipmentID: in.equipment(true), From: in.instant(paramFrom), To: in.instant(paramTo)},
		one:   in.values.Has(paramTimestamp),
	}
	switch from, to := in.values.Has(paramFrom), in.values.Has(paramTo); {
	case asked.one && (from || to):
		in.fault(paramTimestamp, "must stand alone, without from and to")
	case asked.one:
		asked.From = in.instant(paramTimestamp)
	case !from && !to:
		in.fault(paramTimestamp, "is required, or from and to")
	case !from:
		in.fault(paramFrom, "is required with to")
	case !to:
		in.fault(paramTo, "is required with from")
	case len(in.faults) == 0 && asked.To.Before(asked.From):
		in.fault(paramTo, "must not be before from")
	}
	return asked, in.err()
}

// deleteReadings deletes one reading or those of a range. After an answer of 503 any part of them may be gone.
func (s *Server) deleteReadings(w http.ResponseWriter, r *http.Request) error {
	now, err := s.registered(r)
	if err != nil {
		return err
	}
	version := reading.VersionAt(now)
	asked, err := readRemoval(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), deletionTimeout)
	defer cancel()
	done, err := s.remove(ctx, asked, version)
	if err != nil {
		return fmt.Errorf("delete readings: %w", err)
	}
	if done.Running == "" {
		return answer(w, http.StatusOK, deletedAnswer{done.Deleted})
	}
	w.Header().Set("Location", deletionsPath+done.Running)
	return answer(w, http.StatusAccepted, deletionAnswer{Status: deletion.Running})
}

func (s *Server) remove(ctx context.Context, asked removal, version reading.Version) (deletion.Answer, error) {
	if asked.one {
		return s.Deletions.DeleteOne(ctx, asked.EquipmentID, asked.From, version)
	}
	return s.Deletions.Delete(ctx, asked.Range, version)
}

// getDeletion tells how far a deletion is that goes on behind its answer.
func (s *Server) getDeletion(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := calling(r)
	defer cancel()
	d, err := s.Deletions.Get(ctx, r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("read a deletion: %w", err)
	}
	return answer(w, http.StatusOK, deletionAnswer{d.Status, d.Deleted})
}
