package main

import (
	"fmt"
	"sync"
	"time"
)

// The newest orders are kept; older ones are forgotten.
const ordersMax = 10000

// Line is one product of an order and how many of it.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

// Order is what was bought, for how much, and what became of it.
type Order struct {
	ID         string    `json:"id"`
	Status     string    `json:"status"`
	Lines      []Line    `json:"lines"`
	TotalCents int       `json:"total_cents"`
	Currency   string    `json:"currency"`
	PaymentID  string    `json:"payment_id"`
	Created    time.Time `json:"created"`
}

// store holds orders in memory, oldest first.
type store struct {
	mu     sync.Mutex
	orders []Order
	made   int
}

// nextID names the next order before it is paid, so that the payment can refer to it.
func (s *store) nextID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	return fmt.Sprintf("ord_%06d", s.made)
}

func (s *store) add(order Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.orders) == ordersMax {
		s.orders = append(s.orders[:0], s.orders[1:]...)
	}
	s.orders = append(s.orders, order)
}

// newest returns at most count orders, newest first.
func (s *store) newest(count int) []Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make([]Order, 0, count)
	for i := len(s.orders) - 1; i >= 0 && len(found) < count; i-- {
		found = append(found, s.orders[i])
	}
	return found
}

func (s *store) find(id string) (Order, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.orders) - 1; i >= 0; i-- {
		if s.orders[i].ID == id {
			return s.orders[i], true
		}
	}
	return Order{}, false
}
