package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// How many orders a list holds at most.
const listMax = 20

// shop is the JSON API over the orders and the payments they need.
type shop struct {
	orders   store
	payments *payments
}

func newShop(payments *payments) *shop {
	return &shop{payments: payments}
}

func (s *shop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	// Not below /api: the shop's own pages ask for it, the gateway does not show it to the world.
	mux.HandleFunc("/catalogue", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]interface{}{"currency": currency, "products": catalogue})
	})
	mux.HandleFunc("/api/orders", s.serveOrders)
	mux.HandleFunc("/api/orders/", s.serveOrders)
	return mux
}

func (s *shop) serveOrders(w http.ResponseWriter, r *http.Request) {
	id := strings.Trim(strings.TrimPrefix(r.URL.Path, "/api/orders"), "/")
	switch {
	case id == "" && r.Method == http.MethodPost:
		s.create(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		writeFailure(w, http.StatusMethodNotAllowed, "method_not_allowed", "this path does not take that method")
	case id == "":
		writeJSON(w, http.StatusOK, map[string]interface{}{"orders": s.orders.newest(listMax)})
	default:
		order, found := s.orders.find(id)
		if !found {
			writeFailure(w, http.StatusNotFound, "not_found", "there is no such order")
			return
		}
		writeJSON(w, http.StatusOK, order)
	}
}

func (s *shop) create(w http.ResponseWriter, r *http.Request) {
	var wanted struct {
		Lines []Line `json:"lines"`
		Card  string `json:"card"`
	}
	body := http.MaxBytesReader(w, r.Body, 64<<10)
	if err := json.NewDecoder(body).Decode(&wanted); err != nil {
		writeFailure(w, http.StatusBadRequest, "bad_request", "the body is not an order: "+err.Error())
		return
	}
	total, wrong := price(wanted.Lines)
	if wrong != "" {
		writeFailure(w, http.StatusUnprocessableEntity, "order_invalid", wrong)
		return
	}
	order := Order{
		ID: s.orders.nextID(), Status: "paid", Lines: wanted.Lines,
		TotalCents: total, Currency: currency, Created: time.Now().UTC(),
	}
	paymentID, err := s.payments.charge(r.Context(), r.Header, order, wanted.Card)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		writeFailure(w, refused.Status, refused.Code, refused.Message)
		return
	case err != nil:
		logEvent("error", "payment failed", "order", order.ID, "error", err.Error(), "trace_id", traceID(r.Header))
		writeFailure(w, http.StatusBadGateway, "payments_unavailable", "the payment could not be made; nothing was ordered")
		return
	}
	order.PaymentID = paymentID
	s.orders.add(order)
	w.Header().Set("Location", "/api/orders/"+order.ID)
	writeJSON(w, http.StatusCreated, order)
}

func writeJSON(w http.ResponseWriter, status int, body interface{}) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The caller has gone away: there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}

func writeFailure(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, map[string]interface{}{"error": map[string]string{"code": code, "message": message}})
}
