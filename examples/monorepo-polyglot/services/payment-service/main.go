// Payment-service takes payments by card, once per idempotency key, and has their invoices made.
//
// It is a plain HTTP service with no knowledge of what stands in front of it. It believes the tokens that auth-service
// signs, tells analytics-service of each payment, has pdf-service set the invoices, and passes the headers of a trace on
// to all three. The card is pretended: no money moves.
package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const (
	serviceName = "payment-service"

	headerTimeMax = 5 * time.Second
	readTimeMax   = 10 * time.Second
	writeTimeMax  = 15 * time.Second
	idleTimeMax   = 75 * time.Second
	headerBytes   = 16 << 10
	bodyBytesMax  = 64 << 10

	// How long a connection that is kept alive is given to ask once more and be told to close, before it is closed.
	farewell = 150 * time.Millisecond
	// How long requests may still take after SIGTERM.
	drainMax = 5 * time.Second
)

func main() {
	if err := run(); err != nil {
		logEvent("error", "stopped", "error", err.Error())
		os.Exit(1)
	}
}

func run() error {
	payments, err := openStore(journalPath())
	if err != nil {
		return err
	}
	defer payments.close()

	counts := newMetrics()
	api := newAPI(payments, counts, callees{
		auth:      envOr("AUTH_SERVICE_URL", "http://127.0.0.1:3002"),
		analytics: envOr("ANALYTICS_SERVICE_URL", "http://127.0.0.1:8081"),
		pdf:       envOr("PDF_SERVICE_URL", "http://127.0.0.1:8083"),
	})
	front := newFront(api.routes(), counts)
	server := &http.Server{
		Handler:           front,
		ReadHeaderTimeout: headerTimeMax,
		ReadTimeout:       readTimeMax,
		WriteTimeout:      writeTimeMax,
		IdleTimeout:       idleTimeMax,
		MaxHeaderBytes:    headerBytes,
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(envOr("HOST", "127.0.0.1"), envOr("PORT", "8080")))
	if err != nil {
		return err
	}
	logEvent("info", "listening", "address", listener.Addr().String(), "payments", payments.count())
	return serveUntilSignal(server, listener, front)
}

// serveUntilSignal stops accepting at the first signal, lets clients in the middle of a conversation finish it, and
// closes what is idle after that.
func serveUntilSignal(server *http.Server, listener net.Listener, front *front) error {
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
	front.closing.Store(true)
	_ = listener.Close()
	deadline, cancel := context.WithTimeout(context.Background(), drainMax)
	defer cancel()
	time.Sleep(farewell)
	if err := server.Shutdown(deadline); deadline.Err() != nil {
		return err
	}
	logEvent("info", "stopped")
	return nil
}

// journalPath is where payments are kept, or "" to keep them in memory only.
func journalPath() string {
	if folder := os.Getenv("DATA_DIR"); folder != "" {
		return filepath.Join(folder, "payments.jsonl")
	}
	return ""
}

func envOr(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
