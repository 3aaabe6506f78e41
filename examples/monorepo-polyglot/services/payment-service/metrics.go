package main

import (
	"fmt"
	"io"
	"sort"
	"sync"
	"time"
)

// Upper bounds in seconds.
var buckets = []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}

// family is what Prometheus is told about a name before its numbers.
type family struct{ name, kind, help string }

var families = []family{
	{"http_requests_total", "counter", "Requests answered."},
	{"payments_total", "counter", "Payment attempts by what became of them."},
	{"payments_captured_cents_total", "counter", "Money captured, in cents."},
	{"invoices_total", "counter", "Invoices asked for by what became of them."},
	{"analytics_events_failed_total", "counter", "Payments that analytics-service was not told of."},
}

// metrics counts. Its size is bounded because every label has few values: a route is a pattern, never a path.
type metrics struct {
	mu        sync.Mutex
	begun     time.Time
	counters  map[string]map[string]float64 // family, then labels
	durations map[string]*histogram         // by route
}

type histogram struct {
	counts []uint64 // one per bucket, and one above all of them
	sum    float64
}

func newMetrics() *metrics {
	return &metrics{begun: time.Now(), counters: map[string]map[string]float64{}, durations: map[string]*histogram{}}
}

// add counts amount under a family; labels are written as they are shown: `outcome="captured"`.
func (m *metrics) add(name, labels string, amount float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counters[name] == nil {
		m.counters[name] = map[string]float64{}
	}
	m.counters[name][labels] += amount
}

func (m *metrics) answered(method, route string, status int, took time.Duration) {
	m.add("http_requests_total", fmt.Sprintf(`method=%q,route=%q,status="%d"`, method, route, status), 1)
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := m.durations[route]
	if seen == nil {
		seen = &histogram{counts: make([]uint64, len(buckets)+1)}
		m.durations[route] = seen
	}
	seen.counts[sort.SearchFloat64s(buckets, took.Seconds())]++
	seen.sum += took.Seconds()
}

// write gives everything in the text format of Prometheus, in a stable order.
func (m *metrics) write(w io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, family := range families {
		describe(w, family)
		series := m.counters[family.name]
		for _, labels := range sortedKeys(series) {
			fmt.Fprintf(w, "%s{%s} %v\n", family.name, labels, series[labels])
		}
	}
	describe(w, family{"http_request_duration_seconds", "histogram", "Time from request to answer."})
	for _, route := range sortedKeys(m.durations) {
		m.durations[route].write(w, route)
	}
	describe(w, family{"process_start_time_seconds", "gauge", "Start time of the process, in Unix seconds."})
	fmt.Fprintf(w, "process_start_time_seconds %.3f\n", float64(m.begun.UnixMilli())/1000)
}

func (h *histogram) write(w io.Writer, route string) {
	const name = "http_request_duration_seconds"
	total := uint64(0)
	for i, bound := range buckets {
		total += h.counts[i]
		fmt.Fprintf(w, "%s_bucket{route=%q,le=\"%v\"} %d\n", name, route, bound, total)
	}
	total += h.counts[len(buckets)]
	fmt.Fprintf(w, "%s_bucket{route=%q,le=\"+Inf\"} %d\n", name, route, total)
	fmt.Fprintf(w, "%s_sum{route=%q} %v\n%s_count{route=%q} %d\n", name, route, h.sum, name, route, total)
}

func describe(w io.Writer, about family) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", about.name, about.help, about.name, about.kind)
}

func sortedKeys[V any](from map[string]V) []string {
	keys := make([]string, 0, len(from))
	for key := range from {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
