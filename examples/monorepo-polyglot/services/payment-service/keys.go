package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"sync"
	"time"
)

const (
	keysMax        = 16
	keysFreshFor   = 5 * time.Minute
	keysUsableFor  = time.Hour
	keysAskedEvery = 2 * time.Second
	keysTimeMax    = 2 * time.Second
)

// keySet is the public keys of auth-service, fetched when first needed and kept. While auth-service is away the keys
// known so far go on being used, for an hour.
type keySet struct {
	client caller
	now    func() time.Time

	mu      sync.Mutex
	keys    map[string]*ecdsa.PublicKey
	fetched time.Time
	asked   time.Time
}

// find is the key of that id, or nil if auth-service has none. A key that is not known is asked for, but not more often
// than every two seconds: tokens are a stranger's words.
func (s *keySet) find(id string, from http.Header) (*ecdsa.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := s.now().Sub(s.fetched)
	key := s.keys[id]
	if key != nil && age < keysFreshFor {
		return key, nil
	}
	mayAsk := s.now().Sub(s.asked) >= keysAskedEvery
	if mayAsk {
		s.asked = s.now()
		keys, err := s.fetch(from)
		if err == nil {
			s.keys, s.fetched = keys, s.now()
			return keys[id], nil
		}
		logFor(from, "warn", "the keys of auth-service could not be fetched", "error", err.Error())
	}
	if s.keys == nil || age > keysUsableFor {
		return nil, fmt.Errorf("the keys of auth-service are not to be had")
	}
	return key, nil
}

func (s *keySet) fetch(from http.Header) (map[string]*ecdsa.PublicKey, error) {
	// The keys serve everybody, so the caller's going away does not stop the fetching.
	limit, cancel := context.WithTimeout(context.Background(), keysTimeMax)
	defer cancel()
	answer, err := s.client.call(limit, from, http.MethodGet, "/.well-known/jwks.json", nil)
	if err != nil {
		return nil, err
	}
	var document struct {
		Keys []struct {
			Type  string `json:"kty"`
			Curve string `json:"crv"`
			ID    string `json:"kid"`
			X     string `json:"x"`
			Y     string `json:"y"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(answer, &document); err != nil {
		return nil, err
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, key := range document.Keys {
		if key.Type != "EC" || key.Curve != "P-256" || len(keys) == keysMax {
			continue
		}
		if public := point(key.X, key.Y); public != nil {
			keys[key.ID] = public
		}
	}
	return keys, nil
}

// point is the key at these coordinates (RFC 7518, section 6.2.1), or nil if they are not on the curve.
func point(x, y string) *ecdsa.PublicKey {
	xBytes, xErr := base64.RawURLEncoding.DecodeString(x)
	yBytes, yErr := base64.RawURLEncoding.DecodeString(y)
	if xErr != nil || yErr != nil || len(xBytes) != 32 || len(yBytes) != 32 {
		return nil
	}
	key := &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(xBytes), Y: new(big.Int).SetBytes(yBytes)}
	if !key.Curve.IsOnCurve(key.X, key.Y) {
		return nil
	}
	return key
}
