package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	itemsMax     = 100
	nameRunesMax = 120
	quantityMax  = 1_000
	// One million in the currency's main unit: above it somebody has mistaken cents for euros.
	amountMax = 100_000_000
)

// Item is one line of what is paid for; UnitPrice is in cents.
type Item struct {
	Name      string `json:"name"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
}

// Customer is who pays, as the token tells.
type Customer struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name"`
}

// Payment is money taken; Amount is in cents.
type Payment struct {
	ID        string    `json:"id"`
	Status    string    `json:"status"`
	Amount    int64     `json:"amount"`
	Currency  string    `json:"currency"`
	Items     []Item    `json:"items"`
	Card      Card      `json:"card"`
	CreatedAt time.Time `json:"created_at"`
	Customer  Customer  `json:"customer"`
}

// order is what the body of POST /payments says.
type order struct {
	Currency string    `json:"currency"`
	Items    []Item    `json:"items"`
	Card     cardInput `json:"card"`
}

// total checks the items and adds them up.
func (o order) total() (int64, error) {
	if o.Currency != "EUR" {
		return 0, fmt.Errorf("currency must be EUR")
	}
	if len(o.Items) == 0 || len(o.Items) > itemsMax {
		return 0, fmt.Errorf("items must have 1 to %d entries", itemsMax)
	}
	sum := int64(0)
	for i, item := range o.Items {
		switch {
		case strings.TrimSpace(item.Name) == "" || utf8.RuneCountInString(item.Name) > nameRunesMax,
			strings.IndexFunc(item.Name, unicode.IsControl) >= 0:
			return 0, fmt.Errorf("items[%d].name must have 1 to %d printed characters", i, nameRunesMax)
		case item.Quantity < 1 || item.Quantity > quantityMax:
			return 0, fmt.Errorf("items[%d].quantity must be a whole number from 1 to %d", i, quantityMax)
		case item.UnitPrice < 0 || item.UnitPrice > amountMax:
			return 0, fmt.Errorf("items[%d].unit_price must be cents from 0 to %d", i, amountMax)
		}
		sum += item.Quantity * item.UnitPrice
	}
	if sum < 1 || sum > amountMax {
		return 0, fmt.Errorf("the items must add up to 1 to %d cents", amountMax)
	}
	return sum, nil
}

// fingerprint tells whether two orders are the same. It is stored, so of the card it covers only what may be kept: a
// hash of a whole number could be tried out.
func (o order) fingerprint(card Card) string {
	text, _ := json.Marshal([]any{o.Currency, o.Items, card, o.Card.Expiry})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
