package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// passedOn are the headers of an incoming request that every request made on its behalf carries too: the trace
// (W3C Trace Context) and the id a caller quotes when it complains.
var passedOn = []string{"Traceparent", "Tracestate", "X-Request-Id"}

// payments is a client of the payments service.
type payments struct {
	url  string
	http *http.Client
}

// refusal is what payments answers when it understood the charge and said no.
type refusal struct {
	Status  int
	Code    string
	Message string
}

func (r *refusal) Error() string { return r.Message }

func newPayments(url string) *payments {
	return &payments{url: strings.TrimRight(url, "/"), http: &http.Client{Timeout: 5 * time.Second}}
}

// charge takes money for an order. The order's id is the idempotency key, so that asking twice pays once.
func (p *payments) charge(ctx context.Context, from http.Header, order Order, card string) (paymentID string, err error) {
	body, err := json.Marshal(map[string]interface{}{
		"amount_cents": order.TotalCents,
		"currency":     order.Currency,
		"reference":    order.ID,
		"card":         map[string]string{"number": card},
	})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/api/payments", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", order.ID)
	for _, name := range passedOn {
		if value := from.Get(name); value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := p.http.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	return readPayment(response)
}

func readPayment(response *http.Response) (string, error) {
	var answer struct {
		ID    string `json:"id"`
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&answer); err != nil {
		return "", fmt.Errorf("payments answered %d with an unreadable body: %w", response.StatusCode, err)
	}
	switch {
	case response.StatusCode == http.StatusCreated && answer.ID != "":
		return answer.ID, nil
	case response.StatusCode == http.StatusPaymentRequired || response.StatusCode == http.StatusUnprocessableEntity:
		return "", &refusal{response.StatusCode, answer.Error.Code, answer.Error.Message}
	default:
		return "", fmt.Errorf("payments answered %d: %s", response.StatusCode, answer.Error.Message)
	}
}
