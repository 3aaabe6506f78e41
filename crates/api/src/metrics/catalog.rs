//! Every family of `/metrics`: name, type, unit, help and labels, in the order they are written.
//!
//! Names of counters stand here without `_total`, as OpenMetrics defines families; names with a unit
//! end in it. A family that is not in this table cannot be written.

use std::fmt::Write as _;

/// Type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; its sample ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper bound, with sum and count.
    Histogram,
    /// Always 1; its labels are what it says. Its sample ends in `_info`.
    Info,
}

impl Kind {
    /// The word in `# TYPE` and in the reference.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// One family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Its name, without `_total` and `_info`.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its unit; empty for a plain number.
    pub unit: &'static str,
    /// What it tells.
    pub help: &'static str,
    /// Names of its labels, in the order they are written.
    pub labels: &'static [&'static str],
}

macro_rules! catalog {
    ($($(#[doc = $doc:literal])* $constant:ident: $kind:ident $name:literal $unit:literal [$($label:literal)*];)*) => {
        $(
            $(#[doc = $doc])*
            pub const $constant: Family = Family {
                name: $name,
                kind: Kind::$kind,
                unit: $unit,
                help: concat!($($doc,)*).trim_ascii(),
                labels: &[$($label,)*],
            };
        )*

        /// Every family, in the order they are written.
        pub const ALL: &[Family] = &[$($constant,)*];
    };
}

catalog! {
    /// What is running.
    BUILD: Info "trunkline_build" "" ["version" "role" "project"];
    /// Since the workers started.
    UPTIME: Gauge "trunkline_uptime_seconds" "seconds" [];
    /// Number of the configuration in force, from 1.
    GENERATION: Gauge "trunkline_generation" "" [];
    /// Threads that serve traffic.
    WORKERS: Gauge "trunkline_workers" "" [];
    /// Access-log lines and spans that were dropped because their reader was too slow.
    RECORDS_DROPPED: Counter "trunkline_records_dropped" "" [];
    /// Requests of routes with a cache: `hit`, `stale`, `miss`, `revalidated`, `collapsed` with another, or `bypass`.
    CACHE_REQUESTS: Counter "trunkline_cache_requests" "" ["outcome"];
    /// Responses that are stored.
    CACHE_OBJECTS: Gauge "trunkline_cache_objects" "" [];
    /// Bytes of stored responses.
    CACHE_BYTES: Gauge "trunkline_cache_bytes" "bytes" [];
    /// How hard pressed the process is: 0 for calm, 1 for high, 2 for critical.
    OVERLOAD: Gauge "trunkline_overload_level" "" [];
    /// What is used of a limit of the process: `connections`, `descriptors` or `memory`; 0 where there is none.
    OVERLOAD_USAGE: Gauge "trunkline_overload_usage_ratio" "ratio" ["resource"];
    /// Idle connections that were closed to make room.
    CONNECTIONS_SHED: Counter "trunkline_connections_shed" "" [];
    /// Requests that were refused for want of room.
    OVERLOAD_REFUSED: Counter "trunkline_overload_requests_refused" "" [];
    /// Sources whose limits are remembered.
    SOURCES: Gauge "trunkline_sources" "" [];
    /// Connections and requests beyond a limit of their source, by what was done with them.
    SOURCE_LIMITED: Counter "trunkline_source_limited" "" ["limit" "action"];
    /// How late a worker came back to its timer.
    LOOP_STALL: Histogram "trunkline_loop_stall_seconds" "seconds" [];

    /// Connections accepted.
    CONNECTIONS: Counter "trunkline_connections" "" ["listener"];
    /// Connections open now.
    CONNECTIONS_OPEN: Gauge "trunkline_connections_open" "" ["listener"];
    /// TLS handshakes that succeeded: `full` began a session, `resumed` went on with one.
    HANDSHAKES: Counter "trunkline_tls_handshakes" "" ["listener" "kind"];
    /// TLS handshakes that failed: `timeout`, `gone`, `refused` by the caller, `client_certificate`, `unknown_name`, `alpn`, `incompatible`, `not_tls` or `other`.
    HANDSHAKES_FAILED: Counter "trunkline_tls_handshakes_failed" "" ["listener" "reason"];
    /// When a certificate ends, since the Unix epoch.
    CERTIFICATE_END: Gauge "trunkline_certificate_not_after_seconds" "seconds" ["listener" "name" "source"];

    /// Connections that were closed because the PROXY header that they had to begin with was none.
    PROXY_HEADERS_FAILED: Counter "trunkline_proxy_headers_failed" "" ["listener"];
    /// Datagrams that UDP listeners dropped: no endpoint, no room, or nobody who takes them.
    DATAGRAMS_DROPPED: Counter "trunkline_datagrams_dropped" "" ["listener"];
    /// Bytes of ended sessions of TCP and UDP listeners: `received` from callers, `sent` to them.
    RELAYED: Counter "trunkline_relayed_bytes" "bytes" ["listener" "direction"];

    /// What callers sent that is no request which can be served, by the reason of its refusal.
    REQUESTS_REFUSED: Counter "trunkline_requests_refused" "" ["listener" "reason"];

    /// Requests by the status that the caller was sent; 0 if the caller was gone before.
    REQUESTS: Counter "trunkline_requests" "" ["route" "service" "status"];
    /// From the head of a request to the last byte of its response.
    REQUEST_DURATION: Histogram "trunkline_request_duration_seconds" "seconds" ["route" "service"];

    /// Requests by the status of the service; 0 if there was no answer.
    SERVICE_REQUESTS: Counter "trunkline_service_requests" "" ["service" "status"];
    /// From the first attempt to the last byte.
    SERVICE_DURATION: Histogram "trunkline_service_request_duration_seconds" "seconds" ["service"];
    /// Requests in flight now.
    SERVICE_IN_FLIGHT: Gauge "trunkline_service_requests_in_flight" "" ["service"];
    /// Requests held now for a starting endpoint.
    SERVICE_HELD: Gauge "trunkline_service_requests_held" "" ["service"];
    /// Requests that wait now because every endpoint is at its limit.
    SERVICE_QUEUED: Gauge "trunkline_service_requests_queued" "" ["service"];
    /// The most requests that have waited at one time.
    SERVICE_QUEUED_MAX: Gauge "trunkline_service_requests_queued_max" "" ["service"];
    /// Requests that waited too long.
    SERVICE_QUEUE_TIMEOUTS: Counter "trunkline_service_queue_timeouts" "" ["service"];
    /// Requests that found the queue full.
    SERVICE_QUEUE_REFUSED: Counter "trunkline_service_queue_refused" "" ["service"];
    /// How long requests waited in the queue that were served then.
    SERVICE_QUEUE_WAIT: Histogram "trunkline_service_queue_wait_seconds" "seconds" ["service"];

    /// Attempts by the status of the endpoint; 0 if there was no answer.
    ENDPOINT_REQUESTS: Counter "trunkline_endpoint_requests" "" ["service" "endpoint" "status"];
    /// Duration of attempts.
    ENDPOINT_DURATION: Histogram "trunkline_endpoint_request_duration_seconds" "seconds" ["service" "endpoint"];
    /// Attempts in flight now.
    ENDPOINT_IN_FLIGHT: Gauge "trunkline_endpoint_requests_in_flight" "" ["service" "endpoint"];
    /// Connections that could not be opened.
    ENDPOINT_CONNECT_FAILURES: Counter "trunkline_endpoint_connect_failures" "" ["service" "endpoint"];
    /// 1 if the endpoint passes its active checks or has none.
    ENDPOINT_HEALTHY: Gauge "trunkline_endpoint_healthy" "" ["service" "endpoint"];
    /// How often active checks and the endpoint's agent have changed their verdict.
    ENDPOINT_HEALTH_CHANGES: Counter "trunkline_endpoint_health_changes" "" ["service" "endpoint"];
    /// 1 while live traffic has the endpoint ejected.
    ENDPOINT_EJECTED: Gauge "trunkline_endpoint_ejected" "" ["service" "endpoint"];
    /// 1 for the state that the endpoint is in.
    ENDPOINT_STATE: Gauge "trunkline_endpoint_state" "" ["service" "endpoint" "state"];
    /// Weight in force.
    ENDPOINT_WEIGHT: Gauge "trunkline_endpoint_weight" "" ["service" "endpoint"];
    /// Requests that the endpoint is given at one time; 0 for no limit.
    ENDPOINT_LIMIT: Gauge "trunkline_endpoint_requests_limit" "" ["service" "endpoint"];

    /// 1 for the state that the breaker is in.
    BREAKER_STATE: Gauge "resilience4j_circuitbreaker_state" "" ["name" "state"];
    /// Durations of calls by what the breaker made of them: `successful`, `failed`, `ignored`.
    BREAKER_CALLS: Histogram "resilience4j_circuitbreaker_calls_seconds" "seconds" ["name" "kind"];
    /// Calls that the breaker refused.
    BREAKER_NOT_PERMITTED: Counter "resilience4j_circuitbreaker_not_permitted_calls" "" ["name" "kind"];
    /// Calls in the breaker's window.
    BREAKER_BUFFERED: Gauge "resilience4j_circuitbreaker_buffered_calls" "" ["name" "kind"];
    /// Slow calls in the breaker's window.
    BREAKER_SLOW: Gauge "resilience4j_circuitbreaker_slow_calls" "" ["name" "kind"];
    /// Failed calls in the window, in percent; -1 while there are too few.
    BREAKER_FAILURE_RATE: Gauge "resilience4j_circuitbreaker_failure_rate" "" ["name"];
    /// Slow calls in the window, in percent; -1 while there are too few.
    BREAKER_SLOW_RATE: Gauge "resilience4j_circuitbreaker_slow_call_rate" "" ["name"];
    /// Calls by how all their attempts ended.
    RETRY_CALLS: Counter "resilience4j_retry_calls" "" ["name" "kind"];
    /// Attempts that were repetitions.
    RETRY_REPEATED: Counter "trunkline_retry_repeated" "" ["name"];
    /// Repetitions that the retry budget refused.
    RETRY_BUDGET_EXHAUSTED: Counter "trunkline_retry_budget_exhausted" "" ["name"];
    /// Attempts that were made beside one that took long, and those of them that answered first.
    HEDGES: Counter "trunkline_hedges" "" ["name" "kind"];
    /// After how long such an attempt is made.
    HEDGE_DELAY: Gauge "trunkline_hedge_delay_seconds" "seconds" ["name"];
    /// Calls that are left of a period; below zero where some of those to come are taken.
    RATE_AVAILABLE: Gauge "resilience4j_ratelimiter_available_permissions" "" ["name"];
    /// Calls that the rate limiter let pass, and those that it refused.
    RATE_CALLS: Counter "trunkline_ratelimiter_calls" "" ["name" "kind"];
    /// Calls that may begin now.
    BULKHEAD_AVAILABLE: Gauge "resilience4j_bulkhead_available_concurrent_calls" "" ["name"];
    /// Calls that may run at one time.
    BULKHEAD_MAX: Gauge "resilience4j_bulkhead_max_allowed_concurrent_calls" "" ["name"];
    /// Calls that wait for another to end.
    BULKHEAD_WAITING: Gauge "trunkline_bulkhead_waiting" "" ["name"];
    /// Calls that the bulkhead refused.
    BULKHEAD_REJECTED: Counter "trunkline_bulkhead_rejected" "" ["name"];
    /// Calls that may run at one time by the limit that finds its own height.
    ADAPTIVE_LIMIT: Gauge "trunkline_adaptive_limit" "" ["name"];
    /// Calls that run under it.
    ADAPTIVE_RUNNING: Gauge "trunkline_adaptive_running" "" ["name"];
    /// Calls that it refused.
    ADAPTIVE_REJECTED: Counter "trunkline_adaptive_rejected" "" ["name"];
    /// Calls that were refused because others are more important.
    SHED: Counter "trunkline_requests_shed" "" ["name"];
    /// Calls that policies on trial would have refused.
    DRY_RUN: Counter "trunkline_policy_dry_run_refused" "" ["name"];
    /// Calls that were decided without the store that processes share, because it was away.
    CLUSTER_ALONE: Counter "trunkline_policy_decided_alone" "" ["name"];
    /// Callers that got the fallback.
    FALLBACKS: Counter "trunkline_fallbacks" "" ["name"];

    /// Spans that were counted when they came in, before any was sampled, and those that could not be: `too_old`, or `refused` for want of memory.
    ROLLUP_SPANS: Counter "trunkline_rollup_spans" "" ["outcome"];
    /// Spans that are counted under another name than theirs: `grouped` with those that differ by an id, or as `other` beyond a limit.
    ROLLUP_RENAMED: Counter "trunkline_rollup_renamed" "" ["name"];
    /// Series of services, operations, kinds and statuses.
    ROLLUP_SERIES: Gauge "trunkline_rollup_series" "" [];
    /// Series and edges that are not on this page because it is long enough.
    ROLLUP_HIDDEN: Gauge "trunkline_rollup_hidden" "" [];
    /// Sides of calls between services by what became of them: `paired` with the other side, found `by_parent`, `told` of by another span, `named` by the caller alone, `unpaired`, or `dropped` because too many waited.
    ROLLUP_SIDES: Counter "trunkline_rollup_sides" "" ["outcome"];
    /// Sides that wait for the other side.
    ROLLUP_WAITING: Gauge "trunkline_rollup_sides_waiting" "" [];
    /// Rollups that are kept.
    ROLLUP_BYTES: Gauge "trunkline_rollup_kept_bytes" "bytes" [];
    /// Commits of rollups that failed; what they held is tried again.
    ROLLUP_FAILED: Counter "trunkline_rollup_failed_commits" "" [];

    /// Spans, by the name that Jaeger's Monitor asks Prometheus for.
    JAEGER_CALLS: Counter "traces_span_metrics_calls" "" ["service_name" "span_name" "span_kind" "status_code"];
    /// Duration of spans, by the name that Jaeger's Monitor asks Prometheus for.
    JAEGER_DURATION: Histogram "traces_span_metrics_duration_milliseconds" "milliseconds" ["service_name" "span_name" "span_kind" "status_code"];
    /// Spans, by the name that Tempo gives them.
    TEMPO_CALLS: Counter "traces_spanmetrics_calls" "" ["service" "span_name" "span_kind" "status_code"];
    /// Duration of spans in seconds, by the name that Tempo gives it.
    TEMPO_LATENCY: Histogram "traces_spanmetrics_latency" "" ["service" "span_name" "span_kind" "status_code"];
    /// Bytes of spans, by the name that Tempo gives them.
    TEMPO_SIZE: Counter "traces_spanmetrics_size" "" ["service" "span_name" "span_kind" "status_code"];
    /// Calls between services, by the name that Tempo gives them.
    GRAPH_CALLS: Counter "traces_service_graph_request" "" ["client" "server" "connection_type"];
    /// Calls between services that failed, by the name that Tempo gives them.
    GRAPH_FAILED: Counter "traces_service_graph_request_failed" "" ["client" "server" "connection_type"];
    /// How long callees worked, by the name that Tempo gives it.
    GRAPH_SERVER: Histogram "traces_service_graph_request_server_seconds" "seconds" ["client" "server" "connection_type"];
    /// How long callers waited, by the name that Tempo gives it.
    GRAPH_CLIENT: Histogram "traces_service_graph_request_client_seconds" "seconds" ["client" "server" "connection_type"];
    /// Spans that found no other side in time, by the name that Tempo gives them.
    GRAPH_UNPAIRED: Counter "traces_service_graph_unpaired_spans" "" [];
    /// Spans that had no time to find their other side, by the name that Tempo gives them.
    GRAPH_DROPPED: Counter "traces_service_graph_dropped_spans" "" [];

    /// Batches of spans that were kept, by the protocol that they came by; `own` are the gateway's.
    INGEST_BATCHES: Counter "trunkline_ingest_batches" "" ["protocol"];
    /// Bytes of those batches, decompressed.
    INGEST_BYTES: Counter "trunkline_ingest_bytes" "bytes" ["protocol"];
    /// Spans that were kept.
    INGEST_SPANS: Counter "trunkline_ingest_spans" "" ["protocol"];
    /// Spans without valid ids, which were left out of their batch.
    INGEST_REJECTED: Counter "trunkline_ingest_rejected_spans" "" ["protocol"];
    /// Spans that a rule dropped.
    INGEST_DROPPED: Counter "trunkline_ingest_dropped_spans" "" ["protocol"];
    /// Requests and datagrams that were refused as a whole.
    INGEST_REFUSED: Counter "trunkline_ingest_refused_batches" "" ["protocol" "reason"];
    /// Spans that each rule dropped.
    RULE_SPANS: Counter "trunkline_rule_spans" "" ["rule"];
    /// Values of attributes that each rule deleted or changed.
    RULE_VALUES: Counter "trunkline_rule_values" "" ["rule"];
    /// Questions for a sampling strategy.
    SAMPLING_REQUESTS: Counter "trunkline_sampling_requests" "" [];
    /// Batches that were sent on.
    FORWARD_BATCHES: Counter "trunkline_forward_batches" "" [];
    /// Spans that were sent on.
    FORWARD_SPANS: Counter "trunkline_forward_spans" "" [];
    /// Spans that the receiver of what is sent on rejected for good.
    FORWARD_REJECTED: Counter "trunkline_forward_rejected_spans" "" [];
    /// Failed tries to send on, which are repeated.
    FORWARD_FAILURES: Counter "trunkline_forward_failures" "" [];
    /// Batches that are not sent on because too much waited already.
    FORWARD_DROPPED: Counter "trunkline_forward_dropped_batches" "" [];
    /// Bytes in memory that wait to be sent on; what waits in the log is not among them.
    FORWARD_WAITING: Gauge "trunkline_forward_waiting_bytes" "bytes" [];
    /// Whether the store is open.
    STORE_OPEN: Gauge "trunkline_store_open" "" [];
    /// Spans that can be found.
    STORE_SPANS: Gauge "trunkline_store_kept_spans" "" [];
    /// Spans that were written to files, since the store was made.
    STORE_STORED: Counter "trunkline_store_stored_spans" "" [];
    /// Spans that were removed since the store was made, by rule: `age`, `bytes`, `free_disk`, `sampling` and `duplicate`.
    STORE_REMOVED: Counter "trunkline_store_removed_spans" "" ["rule"];
    /// Files of spans.
    STORE_SEGMENTS: Gauge "trunkline_store_segments" "" [];
    /// Bytes of those files.
    STORE_BYTES: Gauge "trunkline_store_segment_bytes" "bytes" [];
    /// Files that wait to be merged.
    STORE_DEBT: Gauge "trunkline_store_compaction_debt" "" [];
    /// Memory of spans that are in no file yet.
    STORE_HEAD: Gauge "trunkline_store_head_bytes" "bytes" [];
    /// Files that were found damaged.
    STORE_DAMAGED: Gauge "trunkline_store_damaged_segments" "" [];
    /// Whether what is due besides taking and answering failed the last time: writing, merging and removing files.
    STORE_FAILING: Gauge "trunkline_store_failing" "" [];
    /// Bytes of the write-ahead log.
    LOG_BYTES: Gauge "trunkline_store_log_bytes" "bytes" [];
    /// Groups of batches that were written to the log, each with one sync.
    LOG_GROUPS: Counter "trunkline_store_log_groups" "" [];
    /// Batches in those groups.
    LOG_FRAMES: Counter "trunkline_store_log_batches" "" [];
    /// Writes and syncs of the log that failed.
    LOG_FAILURES: Counter "trunkline_store_log_failures" "" [];
    /// Bytes that the store's disk has free.
    STORE_FREE: Gauge "trunkline_store_free_bytes" "bytes" [];

    /// CPU time that the process used.
    PROCESS_CPU: Counter "process_cpu_seconds" "seconds" [];
    /// Memory of the process that is in RAM.
    PROCESS_RESIDENT: Gauge "process_resident_memory_bytes" "bytes" [];
    /// Addresses that the process has mapped.
    PROCESS_VIRTUAL: Gauge "process_virtual_memory_bytes" "bytes" [];
    /// Descriptors that are open.
    PROCESS_FDS: Gauge "process_open_fds" "" [];
    /// Descriptors that may be open.
    PROCESS_FDS_MAX: Gauge "process_max_fds" "" [];
    /// Threads of the process.
    PROCESS_THREADS: Gauge "process_threads" "" [];
    /// Start of the process since the Unix epoch.
    PROCESS_START: Gauge "process_start_time_seconds" "seconds" [];
}

/// The reference page of all families, as Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         Served on `/metrics` of port 9090 as OpenMetrics 1.0 text, or as Prometheus text 0.0.4 for \
         callers that prefer it.\nGenerated from `crates/api/src/metrics/catalog.rs`.\n\n\
         Buckets of all histograms are powers of two of a microsecond, from 0.000256 to 67.108864 \
         seconds, so that counts are exact.\nThe route of requests that no route took is `none`; the \
         label `service` of a route is empty where the route has several targets or none.\n\n\
         Families that begin with `traces_` are counted from spans, before any is sampled, every ten \
         seconds; at most 500 series and 500 edges are told.\n\n\
         | name | type | labels | what it tells |\n|---|---|---|---|\n",
    );
    for family in ALL {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let suffix = match family.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            page,
            "| `{}{suffix}` | {} | {} | {} |",
            family.name,
            family.kind.as_str(),
            labels.join(", "),
            family.help
        );
    }
    page
}
