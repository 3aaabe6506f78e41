//! Which tags of a Zipkin span tell of its process: Zipkin has no place of their own for them.

/// Beginnings of the keys that OpenTelemetry's conventions give to resources.
const PREFIXES: &[&str] = &[
    "aws.ecs.",
    "aws.eks.",
    "aws.log.",
    "cloud.",
    "container.",
    "deployment.",
    "device.",
    "host.",
    "k8s.",
    "opencensus.",
    "os.",
    "process.",
    "service.",
    "telemetry.",
    "webengine.",
];

/// Whether a tag tells of the process.
pub(super) fn is_of_process(key: &str) -> bool {
    PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}
