// Orders takes orders, has them paid, and remembers them.
//
// It is a plain HTTP service with no knowledge of what stands in front of it: it reads PORT and PAYMENTS_URL, answers
// /healthz, logs one JSON line per request with the trace id it was given, passes trace headers on to payments, and
// on SIGTERM finishes what it has begun.
package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// A gateway gives up sooner; this is how long we finish requests after SIGTERM.
const drainMax = 10 * time.Second

func main() {
	if err := run(); err != nil {
		logEvent("error", "stopped", "error", err.Error())
		os.Exit(1)
	}
}

func run() error {
	port := envOr("PORT", "7002")
	shop := newShop(newPayments(envOr("PAYMENTS_URL", "http://127.0.0.1:7003")))
	server := &http.Server{
		Handler:           logged(shop.routes()),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    64 << 10,
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	logEvent("info", "listening", "port", port)

	stop, forget := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer forget()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}
	logEvent("info", "stopping")
	deadline, cancel := context.WithTimeout(context.Background(), drainMax)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	logEvent("info", "stopped")
	return nil
}

func envOr(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
