package users

import (
	"strconv"
	"time"
)

// EquipmentID names the equipment of which a user sends readings.
func EquipmentID(prefix string, user int) string {
	const digits = "000000"
	number := strconv.Itoa(user)
	return prefix + digits[:max(len(digits)-len(number), 0)] + number
}

// Value is that of a user's n-th reading, as the service writes it: it ends with a digit that counts.
func Value(user, n int) string {
	tenths := (user*31 + n*7) % 1000
	return strconv.Itoa(tenths/10) + "." + strconv.Itoa(tenths%10) + strconv.Itoa(1+n%9)
}

// appendReading writes a reading as JSON.
func appendReading(to []byte, equipment string, at time.Time, value string) []byte {
	to = append(to, `{"equipmentId":"`...)
	to = append(to, equipment...)
	to = append(to, `","timestamp":"`...)
	to = at.UTC().AppendFormat(to, time.RFC3339Nano)
	to = append(to, `","value":`...)
	to = append(to, value...)
	return append(to, '}')
}

// appendRequest writes the request that sends a reading. head is that of the address.
func appendRequest(to, head []byte, equipment string, at time.Time, value string) []byte {
	var room [256]byte
	body := appendReading(room[:0], equipment, at, value)
	to = append(to, head...)
	to = strconv.AppendInt(to, int64(len(body)), 10)
	to = append(to, "\r\n\r\n"...)
	return append(to, body...)
}
