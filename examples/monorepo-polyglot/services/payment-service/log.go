package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	timeFormat     = "2006-01-02T15:04:05.000Z07:00"
	requestIDBytes = 128
)

var logMu sync.Mutex

// logEvent writes one JSON object as a line on standard output. keysAndValues alternate; empty texts are left out.
func logEvent(level, message string, keysAndValues ...any) {
	line := map[string]any{
		"time": time.Now().UTC().Format(timeFormat), "level": level, "msg": message, "service": serviceName,
	}
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		if key, isText := keysAndValues[i].(string); isText && keysAndValues[i+1] != "" {
			line[key] = keysAndValues[i+1]
		}
	}
	logMu.Lock()
	defer logMu.Unlock()
	// Nobody reads us any more: not a reason to stop serving.
	_ = json.NewEncoder(os.Stdout).Encode(line)
}

// logFor is logEvent about a request: it adds the ids by which the line is found.
func logFor(headers http.Header, level, message string, keysAndValues ...any) {
	ids := []any{"correlation_id", headers.Get("X-Request-Id"), "trace_id", traceID(headers)}
	logEvent(level, message, append(ids, keysAndValues...)...)
}

// traceID is the trace id of a traceparent (W3C Trace Context, section 3.2), or "".
func traceID(headers http.Header) string {
	parts := strings.Split(headers.Get("Traceparent"), "-")
	if len(parts) < 4 || len(parts[1]) != 32 {
		return ""
	}
	if strings.Trim(parts[1], "0123456789abcdef") != "" || strings.Trim(parts[1], "0") == "" {
		return ""
	}
	return parts[1]
}

// ensureRequestID keeps the caller's request id if it can be printed and is short, and makes one otherwise.
func ensureRequestID(headers http.Header) string {
	id := headers.Get("X-Request-Id")
	printable := strings.IndexFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
	if id == "" || len(id) > requestIDBytes || !printable {
		id = randomID("req_")
		headers.Set("X-Request-Id", id)
	}
	return id
}

// randomID is a name that nobody can guess.
func randomID(prefix string) string {
	bytes := make([]byte, 12)
	if _, err := rand.Read(bytes); err != nil {
		panic("the system gives no random numbers: " + err.Error())
	}
	return prefix + hex.EncodeToString(bytes)
}
