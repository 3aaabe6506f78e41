package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

var logMu sync.Mutex

// logEvent writes one JSON object as a line on standard output. keysAndValues alternate.
func logEvent(level, message string, keysAndValues ...interface{}) {
	line := map[string]interface{}{
		"time": time.Now().UTC().Format(time.RFC3339Nano), "level": level, "service": "orders", "msg": message,
	}
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		if key, isText := keysAndValues[i].(string); isText && keysAndValues[i+1] != "" {
			line[key] = keysAndValues[i+1]
		}
	}
	logMu.Lock()
	defer logMu.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(line)
}

// logged writes one line per request, and gives the caller its request id back.
func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		requestID := r.Header.Get("X-Request-Id")
		if requestID != "" {
			w.Header().Set("X-Request-Id", requestID)
		}
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		if r.URL.Path == "/healthz" {
			return
		}
		level := "info"
		if seen.status >= 500 {
			level = "error"
		}
		logEvent(level, "request", "method", r.Method, "path", r.URL.Path, "status", seen.status,
			"ms", float64(time.Since(begun).Microseconds())/1000, "trace_id", traceID(r.Header), "request_id", requestID)
	})
}

// statusWriter remembers the status that was written.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// traceID is the trace id of a traceparent (W3C Trace Context, section 3.2), or "".
func traceID(headers http.Header) string {
	parts := strings.Split(headers.Get("Traceparent"), "-")
	if len(parts) < 4 || len(parts[1]) != 32 || strings.Trim(parts[1], "0123456789abcdef") != "" {
		return ""
	}
	return parts[1]
}
