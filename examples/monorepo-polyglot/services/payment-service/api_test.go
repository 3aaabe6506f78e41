package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const goodOrder = `{"currency":"EUR","items":[{"name":"Lamp","quantity":2,"unit_price":1999}],` +
	`"card":{"number":"4242 4242 4242 4242","expiry":"12/99","cvc":"123"}}`

func TestAPaymentIsMadeOnceAndFoundByItsOwnerAlone(t *testing.T) {
	w := newWorld(t, "")
	ada, bob, admin := w.token("ada", nil, nil), w.token("bob", nil, nil), w.token("eve", []string{"admin"}, nil)

	made := w.ask("POST", "/payments", ada, goodOrder, "Idempotency-Key", "k")
	if made.status != 201 || made.json(t)["amount"] != float64(3998) {
		t.Fatalf("%d %s", made.status, made.text)
	}
	again := w.ask("POST", "/payments", ada, goodOrder, "Idempotency-Key", "k")
	if again.status != 201 || again.text != made.text || again.header.Get("Idempotency-Replayed") != "true" {
		t.Fatalf("not replayed: %d %s", again.status, again.text)
	}
	if other := strings.Replace(goodOrder, "1999", "2000", 1); w.ask("POST", "/payments", ada, other, "Idempotency-Key", "k").status != 422 {
		t.Fatal("another order was taken under a used key")
	}
	if w.ask("POST", "/payments", bob, goodOrder, "Idempotency-Key", "k").header.Get("Idempotency-Replayed") != "" {
		t.Fatal("bob was given ada's payment")
	}
	if len(w.events) != 2 || !strings.Contains(w.events[0], `"value":3998`) {
		t.Fatalf("analytics was told %v", w.events)
	}

	path := made.header.Get("Location")
	for token, status := range map[string]int{ada: 200, bob: 404, admin: 200, "": 401} {
		if got := w.ask("GET", path, token, "").status; got != status {
			t.Errorf("%s for %.60s: %d, not %d", path, token, got, status)
		}
	}
	for token, count := range map[string]int{ada: 1, admin: 2} {
		if list := w.ask("GET", "/payments", token, "").json(t)["payments"].([]any); len(list) != count {
			t.Errorf("%d payments, not %d", len(list), count)
		}
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	w := newWorld(t, "")
	token := w.token("ada", nil, nil)
	replaced := func(old, new string) string { return strings.Replace(goodOrder, old, new, 1) }
	cases := []struct {
		body, key string
		status    int
		says      string
	}{
		{goodOrder, "", 400, "Idempotency-Key"},
		{goodOrder, strings.Repeat("k", 129), 400, "Idempotency-Key"},
		{"nonsense", "k", 400, "not JSON"},
		{replaced(`"EUR"`, `"USD"`), "k", 400, "currency"},
		{replaced(`"quantity":2`, `"quantity":0`), "k", 400, "items[0].quantity"},
		{replaced(`"quantity":2`, `"quantity":"two"`), "k", 400, "quantity"},
		{replaced("1999", "-1"), "k", 400, "unit_price"},
		{replaced("4242 4242 4242 4242", "4242 4242 4242 4241"), "k", 400, "card.number"},
		{replaced("4242 4242 4242 4242", "4000 0000 0000 0002"), "k", 402, "declined"},
		{replaced("12/99", "12/20"), "k", 402, "expired"},
		{replaced("12/99", "13/99"), "k", 400, "card.expiry"},
		{replaced(`"123"`, `"1"`), "k", 400, "card.cvc"},
		{strings.Repeat(" ", bodyBytesMax+1), "k", 413, "bytes"},
	}
	for _, c := range cases {
		got := w.ask("POST", "/payments", token, c.body, "Idempotency-Key", c.key)
		if got.status != c.status || !strings.Contains(got.text, c.says) {
			t.Errorf("%.80s: %d %s, not %d %s", c.body, got.status, got.text, c.status, c.says)
		}
		if got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.80s: %s", c.body, got.header.Get("Content-Type"))
		}
	}
	if got := w.ask("DELETE", "/payments", token, ""); got.status != 405 || got.header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("%d, Allow: %s", got.status, got.header.Get("Allow"))
	}
	if got := w.ask("GET", "/payments/a/b", token, "").status; got != 404 {
		t.Errorf("%d", got)
	}
	if got := w.ask("POST", "/payments", token, goodOrder, "Idempotency-Key", "k").status; got != 201 {
		t.Errorf("a refusal used the key up: %d", got)
	}
}

func TestASecondRequestWithTheSameKeyAtTheSameTimeIsRefused(t *testing.T) {
	w := newWorld(t, "")
	token := w.token("ada", nil, nil)
	entered, leave := make(chan bool), make(chan bool)
	w.api.capture = func(cardInput, int64) error { entered <- true; <-leave; return nil }
	first := make(chan int)
	go func() { first <- w.ask("POST", "/payments", token, goodOrder, "Idempotency-Key", "k").status }()
	<-entered
	if got := w.ask("POST", "/payments", token, goodOrder, "Idempotency-Key", "k").status; got != 409 {
		t.Errorf("%d", got)
	}
	leave <- true
	if got := <-first; got != 201 {
		t.Errorf("%d", got)
	}
}

func TestOnlyATokenSignedByAuthServiceIsBelieved(t *testing.T) {
	w := newWorld(t, "")
	good := w.token("ada", nil, nil)
	parts := strings.Split(good, ".")
	forged := newWorld(t, "").token("ada", nil, nil)
	bad := map[string]string{
		"none":      encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		"expired":   w.token("ada", nil, func(_, claims map[string]any) { claims["exp"] = time.Now().Add(-time.Minute).Unix() }),
		"issuer":    w.token("ada", nil, func(_, claims map[string]any) { claims["iss"] = "somebody" }),
		"algorithm": w.token("ada", nil, func(header, _ map[string]any) { header["alg"] = "HS256" }),
		"key":       w.token("ada", nil, func(header, _ map[string]any) { header["kid"] = "k2" }),
		"forged":    forged,
		"changed":   parts[0] + "." + encode([]byte(`{"sub":"bob"}`)) + "." + parts[2],
		"garbage":   "a.b.c",
	}
	if got := w.ask("GET", "/payments", good, "").status; got != 200 {
		t.Fatalf("a good token: %d", got)
	}
	for name, token := range bad {
		if got := w.ask("GET", "/payments", token, "").status; got != 401 {
			t.Errorf("%s: %d", name, got)
		}
	}
}

func TestCalleesGetTheIdsAndTheirFailureDoesNoHarm(t *testing.T) {
	w := newWorld(t, "")
	token := w.token("ada", nil, nil)
	trace := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	made := w.ask("POST", "/payments", token, goodOrder, "Idempotency-Key", "k", "Traceparent", trace, "X-Request-Id", "r1")
	for _, headers := range w.seen {
		if headers.Get("Traceparent") != trace || headers.Get("X-Request-Id") != "r1" || headers.Get("Authorization") != "" {
			t.Errorf("%v", headers)
		}
	}
	if made.header.Get("X-Request-Id") != "r1" {
		t.Errorf("%v", made.header)
	}
	invoice := w.ask("GET", made.header.Get("Location")+"/invoice", token, "")
	if invoice.header.Get("Content-Type") != "application/pdf" || !strings.Contains(invoice.text, `"seller"`) {
		t.Errorf("%v %s", invoice.header, invoice.text)
	}

	w.broken = true
	if got := w.ask("POST", "/payments", token, goodOrder, "Idempotency-Key", "k2").status; got != 201 {
		t.Errorf("%d", got)
	}
	if got := w.ask("GET", made.header.Get("Location")+"/invoice", token, "").status; got != 502 {
		t.Errorf("%d", got)
	}
	numbers := w.ask("GET", "/metrics", "", "").text
	for _, line := range []string{
		`payments_total{outcome="captured"} 2`,
		`analytics_events_failed_total{type="payment"} 1`,
		`http_requests_total{method="GET",route="/payments/{id}/invoice",status="502"} 1`,
	} {
		if !strings.Contains(numbers, line+"\n") {
			t.Errorf("no %s in\n%s", line, numbers)
		}
	}
}

func TestPaymentsAndKeysOutliveARestartAndNoCardIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "payments.jsonl")
	before := newWorld(t, path)
	made := before.ask("POST", "/payments", before.token("ada", nil, nil), goodOrder, "Idempotency-Key", "k")
	if kept, _ := os.ReadFile(path); len(kept) == 0 || strings.Contains(string(kept), "42424242") || strings.Contains(string(kept), "4242 4242") {
		t.Errorf("kept: %s", kept)
	}
	after := newWorld(t, path)
	again := after.ask("POST", "/payments", after.token("ada", nil, nil), goodOrder, "Idempotency-Key", "k")
	if again.header.Get("Idempotency-Replayed") != "true" || again.text != made.text {
		t.Errorf("%s\n%s", made.text, again.text)
	}
}
