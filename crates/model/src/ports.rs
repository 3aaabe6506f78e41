//! The one table of ports. Every surface can be moved, or all shifted together by an offset to try
//! Trunkline beside what runs today. A surface opens only when something uses it.

/// A surface that Trunkline can serve on a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Surface {
    /// Gateway, HTTP, where 80 is not permitted.
    GatewayHttp,
    /// Gateway, HTTPS, where 443 is not permitted.
    GatewayHttps,
    /// Jaeger-compatible query API.
    JaegerQuery,
    /// Jaeger-compatible query API over gRPC.
    JaegerQueryGrpc,
    /// OTLP over gRPC.
    OtlpGrpc,
    /// OTLP over HTTP.
    OtlpHttp,
    /// Spans in Zipkin's form.
    Zipkin,
    /// Spans from Jaeger's collectors and agents, gRPC.
    JaegerGrpc,
    /// Spans from Jaeger's clients: Thrift over HTTP.
    JaegerThrift,
    /// Spans from Jaeger's clients: compact Thrift over UDP.
    JaegerCompact,
    /// Spans from Jaeger's clients: binary Thrift over UDP.
    JaegerBinary,
    /// How Jaeger's clients are to sample, HTTP.
    SamplingHttp,
    /// How Jaeger's clients are to sample, gRPC.
    SamplingGrpc,
    /// Prometheus-compatible API and Trunkline's own `/metrics`.
    Metrics,
    /// Console and control API.
    Console,
}

/// What is known of a surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The surface.
    pub surface: Surface,
    /// Its name in configuration and output.
    pub name: &'static str,
    /// The port when nothing says otherwise.
    pub port: u16,
    /// The port that is used instead where the process may bind it.
    pub privileged: Option<u16>,
    /// What it is for, in a few words.
    pub purpose: &'static str,
}

/// Every surface, in the order they are printed.
pub const TABLE: &[Entry] = &[
    Entry {
        surface: Surface::GatewayHttp,
        name: "http",
        port: 8000,
        privileged: Some(80),
        purpose: "gateway, HTTP",
    },
    Entry {
        surface: Surface::GatewayHttps,
        name: "https",
        port: 8443,
        privileged: Some(443),
        purpose: "gateway, HTTPS",
    },
    Entry {
        surface: Surface::Metrics,
        name: "metrics",
        port: 9090,
        privileged: None,
        purpose: "own metrics, OpenMetrics text",
    },
    Entry {
        surface: Surface::JaegerQuery,
        name: "jaeger",
        port: 16686,
        privileged: None,
        purpose: "Jaeger-compatible query API",
    },
    Entry {
        surface: Surface::JaegerQueryGrpc,
        name: "jaeger_grpc_query",
        port: 16685,
        privileged: None,
        purpose: "Jaeger-compatible query API, gRPC",
    },
    Entry {
        surface: Surface::OtlpGrpc,
        name: "otlp_grpc",
        port: 4317,
        privileged: None,
        purpose: "spans by OTLP, gRPC",
    },
    Entry {
        surface: Surface::OtlpHttp,
        name: "otlp_http",
        port: 4318,
        privileged: None,
        purpose: "spans by OTLP, HTTP",
    },
    Entry {
        surface: Surface::Zipkin,
        name: "zipkin",
        port: 9411,
        privileged: None,
        purpose: "spans in Zipkin's form",
    },
    Entry {
        surface: Surface::JaegerGrpc,
        name: "jaeger_grpc",
        port: 14250,
        privileged: None,
        purpose: "spans in Jaeger's form, gRPC",
    },
    Entry {
        surface: Surface::JaegerThrift,
        name: "jaeger_thrift",
        port: 14268,
        privileged: None,
        purpose: "spans in Jaeger's form, Thrift over HTTP",
    },
    Entry {
        surface: Surface::JaegerCompact,
        name: "jaeger_compact",
        port: 6831,
        privileged: None,
        purpose: "spans in Jaeger's form, compact Thrift over UDP",
    },
    Entry {
        surface: Surface::JaegerBinary,
        name: "jaeger_binary",
        port: 6832,
        privileged: None,
        purpose: "spans in Jaeger's form, binary Thrift over UDP",
    },
    Entry {
        surface: Surface::SamplingHttp,
        name: "sampling_http",
        port: 5778,
        privileged: None,
        purpose: "sampling for Jaeger's clients, HTTP",
    },
    Entry {
        surface: Surface::SamplingGrpc,
        name: "sampling_grpc",
        port: 5779,
        privileged: None,
        purpose: "sampling for Jaeger's clients, gRPC",
    },
    Entry {
        surface: Surface::Console,
        name: "console",
        port: 20001,
        privileged: None,
        purpose: "console and control API",
    },
];

impl Surface {
    /// The row of this surface in [`TABLE`].
    pub fn entry(self) -> &'static Entry {
        TABLE
            .iter()
            .find(|entry| entry.surface == self)
            .expect("every surface has its row: checked by a test")
    }

    /// Whether it takes datagrams instead of connections.
    pub const fn is_udp(self) -> bool {
        matches!(self, Self::JaegerCompact | Self::JaegerBinary)
    }

    /// The port when nothing says otherwise.
    pub fn port(self) -> u16 {
        self.entry().port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_surface_has_one_row_and_its_own_port_and_name() {
        for entry in TABLE {
            assert_eq!(TABLE.iter().filter(|e| e.surface == entry.surface).count(), 1);
            assert_eq!(TABLE.iter().filter(|e| e.port == entry.port).count(), 1);
            assert_eq!(TABLE.iter().filter(|e| e.name == entry.name).count(), 1);
        }
    }
}
