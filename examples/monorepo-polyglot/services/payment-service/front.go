package main

import (
	"encoding/json"
	"net/http"
	"sort"
	"strings"
	"sync/atomic"
	"time"
)

// route is one pattern and what it does for each method. A part in braces matches any one segment.
type route struct {
	pattern string
	methods map[string]handler
}

// handler answers a request; part is what the pattern's braces matched.
type handler func(w http.ResponseWriter, r *http.Request, part string)

// front is what every request passes: ids, limits, routing, one log line, and the metrics.
type front struct {
	routes  []route
	counts  *metrics
	closing atomic.Bool
}

func newFront(routes []route, counts *metrics) *front {
	return &front{routes: routes, counts: counts}
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	w.Header().Set("X-Request-Id", ensureRequestID(r.Header))
	r.Body = http.MaxBytesReader(w, r.Body, bodyBytesMax)
	seen := &statusWriter{ResponseWriter: w, closing: &f.closing, status: http.StatusOK}
	pattern := f.dispatch(seen, r)
	took := time.Since(begun)
	f.counts.answered(boundedMethod(r.Method), pattern, seen.status, took)
	if pattern == "/health" || pattern == "/metrics" {
		return
	}
	level := "info"
	if seen.status >= 500 {
		level = "error"
	}
	logFor(r.Header, level, "request", "method", r.Method, "route", pattern, "status", seen.status,
		"duration_ms", float64(took.Microseconds())/1000)
}

// dispatch answers the request by the first route that matches, and returns that route's pattern.
func (f *front) dispatch(w http.ResponseWriter, r *http.Request) string {
	for _, route := range f.routes {
		part, matches := match(route.pattern, r.URL.Path)
		if !matches {
			continue
		}
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		answer, known := route.methods[method]
		if !known {
			w.Header().Set("Allow", allowed(route.methods))
			writeProblem(w, http.StatusMethodNotAllowed, "this path does not take "+boundedMethod(r.Method))
			return route.pattern
		}
		f.answerSafely(answer, w, r, part)
		return route.pattern
	}
	writeProblem(w, http.StatusNotFound, "there is nothing at this path")
	return "unmatched"
}

// answerSafely turns a panic into a 500 that is logged, as any other failure is.
func (f *front) answerSafely(answer handler, w http.ResponseWriter, r *http.Request, part string) {
	defer func() {
		if reason := recover(); reason != nil {
			logFor(r.Header, "error", "panic", "reason", reason)
			writeProblem(w, http.StatusInternalServerError, "something went wrong here")
		}
	}()
	answer(w, r, part)
}

func match(pattern, path string) (part string, matches bool) {
	before, after, variable := strings.Cut(pattern, "{id}")
	if !variable {
		return "", path == pattern
	}
	if len(path) <= len(before)+len(after) || !strings.HasPrefix(path, before) || !strings.HasSuffix(path, after) {
		return "", false
	}
	part = path[len(before) : len(path)-len(after)]
	return part, !strings.Contains(part, "/")
}

func allowed(methods map[string]handler) string {
	names := sortedKeys(methods)
	if _, reads := methods[http.MethodGet]; reads {
		names = append(names, http.MethodHead)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}

// boundedMethod keeps a stranger's invention out of the labels.
func boundedMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return method
	}
	return "OTHER"
}

// statusWriter remembers the status, and tells the client to let the connection go while the service stops.
type statusWriter struct {
	http.ResponseWriter
	closing *atomic.Bool
	status  int
	written bool
}

func (w *statusWriter) WriteHeader(status int) {
	if w.written {
		return
	}
	w.status, w.written = status, true
	if w.closing.Load() {
		w.Header().Set("Connection", "close")
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(body []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.ResponseWriter.Write(body)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The caller has gone away: there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}

// writeProblem answers with what went wrong (RFC 9457).
func writeProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail,
	})
}
