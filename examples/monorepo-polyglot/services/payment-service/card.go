package main

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	errCardInvalid  = errors.New("card.number is not a valid card number")
	errCardExpired  = errors.New("the card has expired")
	errCardDeclined = errors.New("the card was declined")

	expiryForm = regexp.MustCompile(`^(0[1-9]|1[0-2])/([0-9]{2})$`)
	cvcForm    = regexp.MustCompile(`^[0-9]{3,4}$`)
)

// The test number that payment providers have made a custom: well formed, always declined.
const alwaysDeclined = "4000000000000002"

// cardInput is a card as a person types it. It is never logged and never stored.
type cardInput struct {
	Number string `json:"number"`
	Expiry string `json:"expiry"`
	CVC    string `json:"cvc"`
}

// Card is all that is kept of one.
type Card struct {
	Brand string `json:"brand"`
	Last4 string `json:"last4"`
}

// check says what can be said of a card without asking a bank. Spaces and dashes in the number are ignored.
func (input cardInput) check(now time.Time) (Card, error) {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(input.Number)
	if len(digits) < 12 || len(digits) > 19 || strings.Trim(digits, "0123456789") != "" || !luhn(digits) {
		return Card{}, errCardInvalid
	}
	parts := expiryForm.FindStringSubmatch(strings.TrimSpace(input.Expiry))
	if parts == nil {
		return Card{}, errors.New(`card.expiry must be "MM/YY"`)
	}
	month, _ := strconv.Atoi(parts[1])
	year, _ := strconv.Atoi(parts[2])
	// A card is good to the end of the month printed on it.
	if !now.Before(time.Date(2000+year, time.Month(month)+1, 1, 0, 0, 0, 0, time.UTC)) {
		return Card{}, errCardExpired
	}
	if !cvcForm.MatchString(input.CVC) {
		return Card{}, errors.New("card.cvc must be 3 or 4 digits")
	}
	return Card{Brand: brand(digits), Last4: digits[len(digits)-4:]}, nil
}

// declined plays the bank.
func (input cardInput) declined() bool {
	return strings.NewReplacer(" ", "", "-", "").Replace(input.Number) == alwaysDeclined
}

// luhn is the check digit of ISO/IEC 7812-1: from the right, every second digit is doubled and its digits are added.
func luhn(digits string) bool {
	sum := 0
	for i := range digits {
		digit := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			digit *= 2
		}
		sum += digit/10 + digit%10
	}
	return sum%10 == 0
}

func brand(digits string) string {
	switch {
	case digits[0] == '4':
		return "visa"
	case digits[0] == '5' && digits[1] >= '1' && digits[1] <= '5', digits[:2] >= "22" && digits[:2] <= "27":
		return "mastercard"
	case digits[:2] == "34", digits[:2] == "37":
		return "amex"
	}
	return "other"
}
