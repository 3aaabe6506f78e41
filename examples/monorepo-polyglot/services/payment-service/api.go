package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	listDefault = 100
	listMax     = 500
	keyBytesMax = 128
)

// api is the JSON API over the payments and the services they need.
type api struct {
	payments  *store
	counts    *metrics
	tokens    *verifier
	analytics caller
	pdf       caller
	now       func() time.Time
	// capture takes the money: it says whether the bank agreed. The real one is far away; this one knows one bad card.
	capture func(cardInput, int64) error
}

func newAPI(payments *store, counts *metrics, where callees) *api {
	return &api{
		payments:  payments,
		counts:    counts,
		tokens:    &verifier{keys: &keySet{client: newCaller(where.auth), now: time.Now}, now: time.Now},
		analytics: newCaller(where.analytics),
		pdf:       newCaller(where.pdf),
		now:       time.Now,
		capture: func(card cardInput, _ int64) error {
			if card.declined() {
				return errCardDeclined
			}
			return nil
		},
	}
}

func (a *api) routes() []route {
	return []route{
		{"/health", map[string]handler{"GET": func(w http.ResponseWriter, _ *http.Request, _ string) {
			writeJSON(w, http.StatusOK, map[string]string{"status": "ok", "service": serviceName})
		}}},
		{"/metrics", map[string]handler{"GET": func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
			a.counts.write(w)
		}}},
		{"/payments", map[string]handler{"GET": a.signedIn(a.list), "POST": a.signedIn(a.create)}},
		{"/payments/{id}", map[string]handler{"GET": a.signedIn(a.read)}},
		{"/payments/{id}/invoice", map[string]handler{"GET": a.signedIn(a.invoice)}},
	}
}

// signedIn lets a request through with who sent it, if its token says so.
func (a *api) signedIn(next func(w http.ResponseWriter, r *http.Request, who user, part string)) handler {
	return func(w http.ResponseWriter, r *http.Request, part string) {
		who, err := a.tokens.user(r)
		switch {
		case errors.Is(err, errTokenInvalid):
			w.Header().Set("WWW-Authenticate", `Bearer realm="payments"`)
			writeProblem(w, http.StatusUnauthorized, "send a valid token of auth-service as Authorization: Bearer")
		case err != nil:
			writeProblem(w, http.StatusServiceUnavailable, "tokens cannot be checked just now: auth-service does not answer")
		default:
			next(w, r, who, part)
		}
	}
}

func (a *api) create(w http.ResponseWriter, r *http.Request, who user, _ string) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || len(key) > keyBytesMax {
		writeProblem(w, http.StatusBadRequest, fmt.Sprintf("send an Idempotency-Key of 1 to %d characters", keyBytesMax))
		return
	}
	wanted, ok := readOrder(w, r)
	if !ok {
		return
	}
	amount, err := wanted.total()
	if err != nil {
		writeProblem(w, http.StatusBadRequest, err.Error())
		return
	}
	card, err := wanted.Card.check(a.now())
	if errors.Is(err, errCardExpired) {
		a.refuse(w, "declined", http.StatusPaymentRequired, err)
		return
	}
	if err != nil {
		writeProblem(w, http.StatusBadRequest, err.Error())
		return
	}
	made := &entry{Key: key, Fingerprint: wanted.fingerprint(card), Payment: Payment{
		ID: randomID("pay_"), Status: "captured", Amount: amount, Currency: wanted.Currency, Items: wanted.Items,
		Card: card, CreatedAt: a.now().UTC().Truncate(time.Millisecond),
		Customer: Customer{ID: who.ID, Email: who.Email, Name: who.Name},
	}}
	a.take(w, r, made, wanted.Card)
}

// take has the money captured once and keeps the payment, or gives the answer of the first time.
func (a *api) take(w http.ResponseWriter, r *http.Request, made *entry, card cardInput) {
	earlier, err := a.payments.begin(made.userKey(), made.Fingerprint)
	switch {
	case errors.Is(err, errKeyReused):
		a.refuse(w, "key_reused", http.StatusUnprocessableEntity, err)
		return
	case err != nil:
		a.refuse(w, "key_busy", http.StatusConflict, err)
		return
	case earlier != nil:
		a.counts.add("payments_total", `outcome="replayed"`, 1)
		w.Header().Set("Idempotency-Replayed", "true")
		writeCreated(w, *earlier)
		return
	}
	// Whatever happens below, a panic included.
	defer a.payments.release(made.userKey())
	if err := a.capture(card, made.Payment.Amount); err != nil {
		a.refuse(w, "declined", http.StatusPaymentRequired, err)
		return
	}
	if err := a.payments.finish(made); err != nil {
		logFor(r.Header, "error", "a payment could not be kept", "error", err.Error())
		a.refuse(w, "failed", http.StatusInternalServerError, errors.New("the payment could not be kept; nothing was taken"))
		return
	}
	a.counts.add("payments_total", `outcome="captured"`, 1)
	a.counts.add("payments_captured_cents_total", fmt.Sprintf("currency=%q", made.Payment.Currency), float64(made.Payment.Amount))
	a.tellAnalytics(r.Header, made.Payment)
	writeCreated(w, made.Payment)
}

func (a *api) refuse(w http.ResponseWriter, outcome string, status int, reason error) {
	a.counts.add("payments_total", fmt.Sprintf("outcome=%q", outcome), 1)
	writeProblem(w, status, reason.Error())
}

func (a *api) list(w http.ResponseWriter, r *http.Request, who user, _ string) {
	count := listDefault
	if text := r.URL.Query().Get("limit"); text != "" {
		wanted, err := strconv.Atoi(text)
		if err != nil || wanted < 1 || wanted > listMax {
			writeProblem(w, http.StatusBadRequest, fmt.Sprintf("limit must be a whole number from 1 to %d", listMax))
			return
		}
		count = wanted
	}
	writeJSON(w, http.StatusOK, map[string]any{"payments": a.payments.newest(count, who)})
}

func (a *api) read(w http.ResponseWriter, _ *http.Request, who user, id string) {
	if found, mine := a.payments.find(id, who); mine {
		writeJSON(w, http.StatusOK, found)
		return
	}
	writeProblem(w, http.StatusNotFound, "there is no such payment")
}

func (a *api) invoice(w http.ResponseWriter, r *http.Request, who user, id string) {
	found, mine := a.payments.find(id, who)
	if !mine {
		writeProblem(w, http.StatusNotFound, "there is no such payment")
		return
	}
	document, err := a.setInvoice(r, found)
	if err != nil {
		a.counts.add("invoices_total", `outcome="failed"`, 1)
		logFor(r.Header, "error", "pdf-service made no invoice", "payment", found.ID, "error", err.Error())
		writeProblem(w, http.StatusBadGateway, "the invoice cannot be made just now; the payment is not affected")
		return
	}
	a.counts.add("invoices_total", `outcome="made"`, 1)
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`inline; filename="invoice-%s.pdf"`, found.ID))
	w.Header().Set("Content-Length", strconv.Itoa(len(document)))
	w.Header().Set("Cache-Control", "private, no-store")
	_, _ = w.Write(document)
}

// readOrder decodes the body, or answers what is wrong with it.
func readOrder(w http.ResponseWriter, r *http.Request) (order, bool) {
	var wanted order
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		writeProblem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", bodyBytesMax))
		return wanted, false
	case err != nil:
		writeProblem(w, http.StatusBadRequest, "the body could not be read")
		return wanted, false
	}
	if err := json.Unmarshal(body, &wanted); err != nil {
		writeProblem(w, http.StatusBadRequest, "the body is not a payment: "+describeJSON(err))
		return wanted, false
	}
	return wanted, true
}

// describeJSON says what is wrong without repeating a value: it might be a card number.
func describeJSON(err error) string {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		kind, _, _ := strings.Cut(wrongType.Value, " ")
		return fmt.Sprintf("%s must not be such a %s", wrongType.Field, kind)
	}
	return "it is not JSON"
}

func writeCreated(w http.ResponseWriter, made Payment) {
	w.Header().Set("Location", "/payments/"+made.ID)
	writeJSON(w, http.StatusCreated, made)
}
