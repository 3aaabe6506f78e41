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

    /// The port when nothing says otherwise.
    pub fn port(self) -> u16 {
        self.entry().port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_surface_has_one_row_and_its_own_port() {
        use Surface::{Console, GatewayHttp, GatewayHttps, JaegerQuery, Metrics};
        for surface in [GatewayHttp, GatewayHttps, JaegerQuery, Metrics, Console] {
            assert_eq!(surface.entry().surface, surface);
            assert_eq!(TABLE.iter().filter(|e| e.port == surface.port()).count(), 1);
        }
    }
}
