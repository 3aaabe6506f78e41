package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// fakePayments answers every charge with the same status and body, and remembers the last request.
func fakePayments(t *testing.T, status int, body string) (*payments, *http.Header) {
	t.Helper()
	seen := &http.Header{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*seen = r.Header.Clone()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return newPayments(server.URL), seen
}

func do(handler http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

const twoTickets = `{"lines":[{"sku":"ticket","quantity":2}],"card":"4242424242424242"}`

func TestAPaidOrderIsKeptAndListed(t *testing.T) {
	client, _ := fakePayments(t, 201, `{"id":"pay_1"}`)
	handler := newShop(client).routes()
	made := do(handler, "POST", "/api/orders", twoTickets)
	if made.Code != 201 || made.Header().Get("Location") != "/api/orders/ord_000001" {
		t.Fatalf("got %d %v", made.Code, made.Header())
	}
	var order Order
	if err := json.Unmarshal(made.Body.Bytes(), &order); err != nil {
		t.Fatal(err)
	}
	if order.TotalCents != 2500 || order.PaymentID != "pay_1" || order.Status != "paid" {
		t.Fatalf("got %+v", order)
	}
	if got := do(handler, "GET", "/api/orders/ord_000001", ""); got.Body.String() != made.Body.String() {
		t.Fatalf("got %s", got.Body)
	}
	if got := do(handler, "GET", "/api/orders", ""); !strings.Contains(got.Body.String(), "ord_000001") {
		t.Fatalf("got %s", got.Body)
	}
}

func TestTraceHeadersReachPayments(t *testing.T) {
	client, seen := fakePayments(t, 201, `{"id":"pay_1"}`)
	parent := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	do(newShop(client).routes(), "POST", "/api/orders", twoTickets,
		"Traceparent", parent, "Tracestate", "vendor=1", "X-Request-Id", "r-1")
	for name, want := range map[string]string{
		"Traceparent": parent, "Tracestate": "vendor=1", "X-Request-Id": "r-1", "Idempotency-Key": "ord_000001",
	} {
		if got := seen.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestWhatCannotBeSoldOrPaidIsRefusedByName(t *testing.T) {
	for _, test := range []struct {
		status     int
		payments   string
		order      string
		wantStatus int
		wantCode   string
	}{
		{201, `{"id":"pay_1"}`, `nonsense`, 400, "bad_request"},
		{201, `{"id":"pay_1"}`, `{"lines":[]}`, 422, "order_invalid"},
		{201, `{"id":"pay_1"}`, `{"lines":[{"sku":"whale","quantity":1}]}`, 422, "order_invalid"},
		{201, `{"id":"pay_1"}`, `{"lines":[{"sku":"map","quantity":-1}]}`, 422, "order_invalid"},
		{402, `{"error":{"code":"card_declined","message":"no"}}`, twoTickets, 402, "card_declined"},
		{503, `{"error":{"code":"starting","message":"no"}}`, twoTickets, 502, "payments_unavailable"},
		{201, `not json`, twoTickets, 502, "payments_unavailable"},
	} {
		client, _ := fakePayments(t, test.status, test.payments)
		shop := newShop(client)
		got := do(shop.routes(), "POST", "/api/orders", test.order)
		if got.Code != test.wantStatus || !strings.Contains(got.Body.String(), test.wantCode) {
			t.Errorf("%s: got %d %s", test.order, got.Code, got.Body)
		}
		if kept := shop.orders.newest(1); len(kept) != 0 {
			t.Errorf("%s: an order that was not paid was kept", test.order)
		}
	}
}

func TestOnlyAWellFormedTraceIDIsLogged(t *testing.T) {
	for value, want := range map[string]string{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":  "4bf92f3577b34da6a3ce929d0e0e4736",
		"00-4bf92f3577b34da6a3ce929d0e0e473\"-00f067aa0ba902b7-01": "",
		"nonsense": "",
		"":         "",
	} {
		if got := traceID(http.Header{"Traceparent": {value}}); got != want {
			t.Errorf("%q: got %q", value, got)
		}
	}
}
