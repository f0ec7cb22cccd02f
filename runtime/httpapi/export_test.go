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
