package httpapi

import "github.com/sensorflow/sensorflow/runtime/reading"

// plain is a reading as nearly all clients send it: a JSON object of the three members that a reading has, each once, of the right
// type and without escapes. It is read in one pass; all else, and whatever is wrong, is left to decodeObject, which can tell what.
type plain struct{ equipmentID, timestamp, value string }

// readPlain reads a text that is such an object, spaces around it included. The texts share the memory of the whole.
func readPlain(text string) (p plain, ok bool) {
	before := plainScan{text: text}
	before.space()
	p, length, ok := cutPlain(text[before.at:])
	after := plainScan{text: text, at: before.at + length}
	after.space()
	return p, ok && after.at == len(text)
}

// cutPlain reads such an object from the beginning of a text, and tells how long it is. What follows it does not matter.
func cutPlain(text string) (p plain, length int, ok bool) {
	s := plainScan{text: text}
	if !s.take('{') {
		return plain{}, 0, false
	}
	for {
		s.space()
		name, ok := s.quoted()
		if !ok {
			return plain{}, 0, false
		}
		s.space()
		if !s.take(':') {
			return plain{}, 0, false
		}
		s.space()
		if !s.member(&p, name) {
			return plain{}, 0, false
		}
		s.space()
		if s.take(',') {
			continue
		}
		if !s.take('}') || p.equipmentID == "" || p.timestamp == "" || p.value == "" {
			return plain{}, 0, false
		}
		return p, s.at, true
	}
}

// plainScan is where reading a text has come to.
type plainScan struct {
	text string
	at   int
}

func (s *plainScan) space() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\n' || s.text[s.at] == '\r' || s.text[s.at] == '\t') {
		s.at++
	}
}

// take takes one character, if it is next.
func (s *plainScan) take(c byte) bool {
	if s.at == len(s.text) || s.text[s.at] != c {
		return false
	}
	s.at++
	return true
}

// member reads the value of a member that has no value yet.
func (s *plainScan) member(p *plain, name string) (ok bool) {
	into := &p.value
	switch name {
	case reading.FieldEquipmentID:
		into = &p.equipmentID
	case reading.FieldTimestamp:
		into = &p.timestamp
	case reading.FieldValue:
	default:
		return false
	}
	if *into != "" {
		return false
	}
	if into == &p.value {
		*into, ok = s.number()
	} else {
		*into, ok = s.quoted()
	}
	return ok && *into != "" // an empty text would hide that the member comes again
}

// quoted reads a JSON string of ASCII without escapes.
func (s *plainScan) quoted() (text string, ok bool) {
	if !s.take('"') {
		return "", false
	}
	for from := s.at; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[from : s.at-1], true
		case c == '\\' || c < ' ' || c > '~':
			return "", false
		}
	}
	return "", false
}

// number reads a JSON number.
func (s *plainScan) number() (text string, ok bool) {
	from := s.at
	s.take('-')
	if !s.take('0') && !s.digits() { // no other digit may follow a zero
		return "", false
	}
	if s.take('.') && !s.digits() {
		return "", false
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return "", false
		}
	}
	return s.text[from:s.at], true
}

// digits reads at least one digit.
func (s *plainScan) digits() bool {
	from := s.at
	for s.at < len(s.text) && s.text[s.at]-'0' <= 9 {
		s.at++
	}
	return s.at > from
}
