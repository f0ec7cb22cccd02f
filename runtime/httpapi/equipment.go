package httpapi

import (
	"fmt"
	"net/http"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/equipment"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// equipmentItem is an equipment as clients see it.
type equipmentItem struct {
	EquipmentID reading.EquipmentID `json:"equipmentId"`
	First       *pointItem          `json:"first,omitempty"`
	Last        *pointItem          `json:"last,omitempty"`
}

// pointItem is a reading of an equipment that is named beside it.
type pointItem struct {
	Timestamp string `json:"timestamp"`
	Value     number `json:"value"`
}

// equipmentPlace is where a page of equipments ended.
type equipmentPlace struct {
	EquipmentID equipmentID `json:"e"`
}

// getEquipment lists the equipments that there are.
func (s *Server) getEquipment(w http.ResponseWriter, r *http.Request) error {
	in, err := readQuery(r, paramPrefix, paramLimit, paramCursor, paramNumbers)
	if err != nil {
		return err
	}
	prefix := in.values.Get(paramPrefix)
	if !equipment.ValidPrefix(prefix) {
		in.fault(paramPrefix, fmt.Sprintf("must be at most %d of A-Z a-z 0-9 . _ : -", contract.EquipmentIDCharsMax))
	}
	limit := in.limit(contract.EquipmentPageMax, contract.EquipmentPageMax)
	in.readNumbers()
	if wantsCSV(r) {
		in.wholeRange()
	}
	scope := []string{"equipment", prefix}
	var ended equipmentPlace
	in.cursor(s.cursors, &ended, scope...)
	if err := in.err(); err != nil {
		return err
	}
	w.Header().Add("Vary", "Accept")
	if wantsCSV(r) {
		return s.exportEquipment(w, r, prefix)
	}
	hold, err := s.admitRead(r, limit, 2*storedBytes)
	if err != nil {
		return err
	}
	defer hold.Leave()
	ctx, cancel := calling(r)
	defer cancel()
	page, more, err := s.Equipment.Page(ctx, prefix, reading.EquipmentID(ended.EquipmentID), limit)
	if err != nil {
		return fmt.Errorf("list equipments: %w", err)
	}
	next := ""
	if more {
		last := equipmentPlace{equipmentID(page[len(page)-1].ID)}
		if next, err = s.cursors.seal(last, scope...); err != nil {
			return err
		}
	}
	return answerPage(w, r, nil, func(yield func(equipmentItem) bool) {
		for _, one := range page {
			if !yield(equipmentItem{one.ID, in.point(one.First), in.point(one.Last)}) {
				return
			}
		}
	}, next)
}

// point writes a reading without its equipment, nil where there is none.
func (q *query) point(r *reading.Stored) *pointItem {
	if r == nil {
		return nil
	}
	return &pointItem{clientTime(r.Timestamp), q.number(r.Value)}
}
