//! OTLP over gRPC: `TraceService/Export`.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use trunkline_net::grpc::{Call, Reply, Service, Status};

use super::answer::{self, Form};
use crate::http::Guard;
use crate::intake::{self, Intake};
use crate::metrics::Protocol;

/// The one method that is served.
pub(crate) const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// The service of traces.
#[derive(Debug)]
pub(crate) struct TraceService {
    pub(crate) intake: Arc<Intake>,
    pub(crate) guard: Arc<Guard>,
}

impl Service for TraceService {
    fn has(&self, path: &str) -> bool {
        path == EXPORT
    }

    fn refused(&self, _: &str, status: &Status) {
        self.intake.metrics().refused(Protocol::OtlpGrpc, intake::reason_of(status));
    }

    fn call(self: Arc<Self>, call: Call) -> BoxFuture<'static, Result<Reply, Status>> {
        async move {
            let known = self.guard.check_call(&call.metadata);
            known.inspect_err(|status| self.refused(&call.path, status))?;
            let Call { message, held, .. } = call;
            let taken = self.intake.take(Protocol::OtlpGrpc, message, 0).await;
            drop(held);
            let taken = taken.map_err(|refused| intake::status(&refused))?;
            Ok(Reply::Message(answer::taken(Form::Protobuf, taken).into()))
        }
        .boxed()
    }
}
