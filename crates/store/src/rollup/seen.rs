//! The door for what the proxy saw: calls between services, recorded or not.

/// Calls from one service to another that passed the proxy since it last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Who called: a service, or the gateway.
    pub caller: &'a str,
    /// Who was called.
    pub callee: &'a str,
    /// How often.
    pub calls: u64,
    /// How many of these failed: no answer, or one with a status from 500 on.
    pub failed: u64,
    /// How long the caller waited: greatest duration in microseconds and how many calls, for each
    /// bucket of the [one histogram](trunkline_rt::metrics).
    pub latency: &'a [(u64, u64)],
    /// All durations together, in microseconds.
    pub sum_micros: u64,
}
