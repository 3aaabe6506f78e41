package main

import (
	"errors"
	"sync"
)

// The newest payments are kept; older ones, and their keys, are forgotten.
const paymentsMax = 10_000

var (
	errKeyBusy   = errors.New("a payment with this Idempotency-Key is being made at this moment")
	errKeyReused = errors.New("this Idempotency-Key was used for another payment")
)

// entry is a payment as it is kept: with the key it was made under and the fingerprint of the order.
type entry struct {
	Key         string  `json:"key"`
	Fingerprint string  `json:"fingerprint"`
	Payment     Payment `json:"payment"`
}

// userKey is an idempotency key of one user; two users may choose the same.
type userKey struct{ user, key string }

func (e *entry) userKey() userKey { return userKey{e.Payment.Customer.ID, e.Key} }

// store holds payments in memory, and in a journal if there is one.
type store struct {
	mu      sync.Mutex
	entries []*entry // oldest first
	byKey   map[userKey]*entry
	byID    map[string]*entry
	busy    map[userKey]bool
	journal *journal
}

// openStore reads what the journal at path holds; "" is a store without one.
func openStore(path string) (*store, error) {
	s := &store{byKey: map[userKey]*entry{}, byID: map[string]*entry{}, busy: map[userKey]bool{}}
	if path == "" {
		return s, nil
	}
	journal, err := openJournal(path, s.remember)
	if err != nil {
		return nil, err
	}
	s.journal = journal
	return s, journal.rewriteIfLong(s.entries)
}

// begin claims a key. It returns the earlier payment if the same order was paid under it, and nil if the caller is to
// take the payment now, and to call release in the end.
func (s *store) begin(key userKey, fingerprint string) (*Payment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if earlier := s.byKey[key]; earlier != nil {
		if earlier.Fingerprint != fingerprint {
			return nil, errKeyReused
		}
		return &earlier.Payment, nil
	}
	if s.busy[key] {
		return nil, errKeyBusy
	}
	s.busy[key] = true
	return nil, nil
}

// finish keeps the payment; it returns once the payment is on the disk.
func (s *store) finish(made *entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal != nil {
		if err := s.journal.append(made); err != nil {
			return err
		}
	}
	s.remember(made)
	if s.journal != nil {
		// The payment is safe already; a long journal is tried again after the next one.
		if err := s.journal.rewriteIfLong(s.entries); err != nil {
			logEvent("warn", "the journal could not be shortened", "error", err.Error())
		}
	}
	return nil
}

// release ends the claim on a key, whether or not it was paid under.
func (s *store) release(key userKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, key)
}

func (s *store) remember(made *entry) {
	if len(s.entries) == paymentsMax {
		oldest := s.entries[0]
		s.entries[0] = nil
		s.entries = s.entries[1:]
		delete(s.byKey, oldest.userKey())
		delete(s.byID, oldest.Payment.ID)
	}
	s.entries = append(s.entries, made)
	s.byKey[made.userKey()] = made
	s.byID[made.Payment.ID] = made
}

// find is the payment of that id if this user may see it.
func (s *store) find(id string, who user) (Payment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID[id]
	if found == nil || !who.maySee(found.Payment) {
		return Payment{}, false
	}
	return found.Payment, true
}

// newest is up to count payments that this user may see, newest first.
func (s *store) newest(count int, who user) []Payment {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Payment{}
	for i := len(s.entries) - 1; i >= 0 && len(list) < count; i-- {
		if who.maySee(s.entries[i].Payment) {
			list = append(list, s.entries[i].Payment)
		}
	}
	return list
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries)
}

func (s *store) close() {
	if s.journal != nil {
		s.journal.close()
	}
}
