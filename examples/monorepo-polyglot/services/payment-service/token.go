package main

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"time"
)

const (
	tokenBytesMax = 8 << 10
	tokenIssuer   = "auth-service"
	// Two machines' clocks may differ by this much.
	clockSkew = 30 * time.Second
)

var errTokenInvalid = errors.New("the token is not valid")

// user is who a token speaks for.
type user struct {
	ID    string   `json:"sub"`
	Email string   `json:"email"`
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
}

func (u user) isAdmin() bool {
	for _, role := range u.Roles {
		if role == "admin" {
			return true
		}
	}
	return false
}

func (u user) maySee(payment Payment) bool {
	return payment.Customer.ID == u.ID || u.isAdmin()
}

// verifier believes a token that one of auth-service's keys has signed (RFC 7519, ES256 of RFC 7518).
type verifier struct {
	keys *keySet
	now  func() time.Time
}

// user is who sent the request. The error is errTokenInvalid, or tells that the keys could not be had.
func (v *verifier) user(r *http.Request) (user, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	parts := strings.Split(token, ".")
	if !strings.EqualFold(scheme, "Bearer") || len(token) > tokenBytesMax || len(parts) != 3 {
		return user{}, errTokenInvalid
	}
	var header struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
	}
	// The algorithm is ours to choose, never the token's.
	if !decodePart(parts[0], &header) || header.Algorithm != "ES256" {
		return user{}, errTokenInvalid
	}
	key, err := v.keys.find(header.KeyID, r.Header)
	if err != nil {
		return user{}, err
	}
	if key == nil || !signedBy(key, parts) {
		return user{}, errTokenInvalid
	}
	var claims struct {
		user
		Issuer  string  `json:"iss"`
		Expires float64 `json:"exp"`
	}
	expiryWithSkew := func() time.Time { return time.Unix(int64(claims.Expires), 0).Add(clockSkew) }
	if !decodePart(parts[1], &claims) || claims.Issuer != tokenIssuer || claims.ID == "" || v.now().After(expiryWithSkew()) {
		return user{}, errTokenInvalid
	}
	return claims.user, nil
}

// signedBy checks the signature, which is the two numbers of ECDSA behind each other, 32 bytes each.
func signedBy(key *ecdsa.PublicKey, parts []string) bool {
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return false
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

func decodePart(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}
