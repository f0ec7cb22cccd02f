package httpapi

// ReadPlain reads a reading in one pass, where it can.
func ReadPlain(text string) (fields [3]string, ok bool) {
	p, ok := readPlain(text)
	return [3]string{p.equipmentID, p.timestamp, p.value}, ok
}

// DecodeReading reads any reading that is one.
func DecodeReading(text string) (fields [3]string, ok bool) {
	var b readingBody
	faults, err := decodeObject([]byte(text), readingMembers, &b)
	return [3]string{b.EquipmentID, b.Timestamp, b.Value.String()}, err == nil && len(faults) == 0
}

// CompressedPatterns lists what is served compressed as it is made, as Patterns does.
func (s *Server) CompressedPatterns() []string {
	var patterns []string
	for i, pattern := range s.Patterns() {
		if s.routes[i].compressed {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}
