package s3store

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// renewEvery is the least time between two attempts to get credentials that live longer.
const renewEvery = time.Minute

// renewal keeps signed addresses valid for as long as they promise. An address becomes invalid together with the credentials
// that signed it, and the SDK uses those of a role until their last second, although newer ones are given out minutes earlier.
type renewal struct {
	credentials aws.CredentialsProvider
	now         func() time.Time

	mu      sync.Mutex
	triedAt time.Time
}

// before asks for newer credentials where the current ones would expire within lifetime.
func (r *renewal) before(ctx context.Context, lifetime time.Duration) {
	cache, isCache := r.credentials.(*aws.CredentialsCache)
	if !isCache {
		return
	}
	current, err := cache.Retrieve(ctx)
	if err != nil || !current.CanExpire || current.Expires.Sub(r.now()) >= lifetime {
		return // signing reports the error
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); now.Sub(r.triedAt) >= renewEvery {
		r.triedAt = now
		cache.Invalidate()
	}
}
