package soak

import (
	"cmp"
	"fmt"
	"strconv"
	"time"
)

const (
	durationKey  = "DURATION"
	durationMin  = time.Minute
	usersKey     = "USERS"
	usersDefault = "1000"
)

// Settings are what a run is asked for.
type Settings struct {
	// Lasts is how long users send, at least a minute.
	Lasts time.Duration
	// Users is how many, at least one.
	Users int
}

// ReadSettings takes them from the environment: DURATION, such as 10m, and USERS, 1,000 where it is not set. The error says which of them
// is wrong.
func ReadSettings(getenv func(string) string) (Settings, error) {
	lasts, err := time.ParseDuration(getenv(durationKey))
	if err != nil || lasts < durationMin {
		return Settings{}, fmt.Errorf("%s must be a duration of at least 1m, got %q", durationKey, getenv(durationKey))
	}
	users, err := strconv.Atoi(cmp.Or(getenv(usersKey), usersDefault))
	if err != nil || users < 1 {
		return Settings{}, fmt.Errorf("%s must be a number of users, from 1, got %q", usersKey, getenv(usersKey))
	}
	return Settings{lasts, users}, nil
}
