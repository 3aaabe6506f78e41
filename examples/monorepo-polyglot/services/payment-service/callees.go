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

const (
	analyticsTimeMax = time.Second
	pdfTimeMax       = 8 * time.Second
	answerBytesMax   = 4 << 20
)

// callees is where the services live that this one calls.
type callees struct{ auth, analytics, pdf string }

// caller calls one service.
type caller struct {
	base   string
	client *http.Client
}

func newCaller(base string) caller {
	return caller{base: strings.TrimRight(base, "/"), client: &http.Client{}}
}

// call sends a request on behalf of another one, whose ids it passes on, and gives the body of a good answer.
func (c caller) call(limit context.Context, from http.Header, method, path string, body any) ([]byte, error) {
	var content io.Reader
	if body != nil {
		text := &bytes.Buffer{}
		encoder := json.NewEncoder(text)
		// Escapes for HTML would make a body of the largest size larger than it may be.
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(body); err != nil {
			return nil, err
		}
		content = text
	}
	request, err := http.NewRequestWithContext(limit, method, c.base+path, content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, name := range []string{"X-Request-Id", "Traceparent", "Tracestate"} {
		if value := from.Get(name); value != "" {
			request.Header.Set(name, value)
		}
	}
	answer, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, answerBytesMax+1))
	switch {
	case err != nil:
		return nil, err
	case answer.StatusCode >= 300:
		return nil, fmt.Errorf("%s %s answered %d", method, path, answer.StatusCode)
	case len(text) > answerBytesMax:
		return nil, fmt.Errorf("%s %s answered more than %d bytes", method, path, answerBytesMax)
	}
	return text, nil
}

// tellAnalytics reports a payment. That it could not be told is counted and logged, and is no fault of the payment.
func (a *api) tellAnalytics(from http.Header, made Payment) {
	limit, cancel := context.WithTimeout(context.Background(), analyticsTimeMax)
	defer cancel()
	event := map[string]any{"type": "payment", "value": made.Amount, "currency": made.Currency}
	if _, err := a.analytics.call(limit, from, http.MethodPost, "/events", event); err != nil {
		a.counts.add("analytics_events_failed_total", `type="payment"`, 1)
		logFor(from, "warn", "analytics-service was not told of a payment", "payment", made.ID, "error", err.Error())
	}
}

// seller is who the invoices are from.
var seller = map[string]any{
	"name":    "Waymark",
	"address": []string{"Example Street 7", "10115 Berlin", "Germany"},
	"email":   "hello@shop.example.com",
	"tax_id":  "DE000000000",
}

// setInvoice has pdf-service set the invoice of a payment.
func (a *api) setInvoice(from *http.Request, made Payment) ([]byte, error) {
	limit, cancel := context.WithTimeout(from.Context(), pdfTimeMax)
	defer cancel()
	invoice := struct {
		Payment
		Seller any `json:"seller"`
	}{made, seller}
	return a.pdf.call(limit, from.Header, http.MethodPost, "/invoices", invoice)
}
