//! Jaeger over gRPC: `CollectorService/PostSpans`, and strategies of sampling at the same door.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use trunkline_net::grpc::{Call, Code, Reply, Service, Status};

use super::proto;
use crate::http::Guard;
use crate::intake::{self, Intake, aside};
use crate::metrics::{Protocol, Reason};
use crate::sampling::SamplingService;

/// The method that takes spans.
pub(crate) const POST_SPANS: &str = "/jaeger.api_v2.CollectorService/PostSpans";

/// A batch translated takes about so many times the bytes of the batch as it came.
pub(crate) const GROWTH: usize = 2;

/// The collector's service.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) intake: Arc<Intake>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) sampling: Arc<SamplingService>,
}

impl Service for Collector {
    fn has(&self, path: &str) -> bool {
        path == POST_SPANS || self.sampling.has(path)
    }

    fn refused(&self, path: &str, status: &Status) {
        if !self.sampling.has(path) {
            self.intake.metrics().refused(Protocol::JaegerGrpc, intake::reason_of(status));
        }
    }

    fn call(self: Arc<Self>, call: Call) -> BoxFuture<'static, Result<Reply, Status>> {
        if self.sampling.has(&call.path) {
            return Arc::clone(&self.sampling).call(call);
        }
        async move {
            let known = self.guard.check_call(&call.metadata);
            known.inspect_err(|status| self.refused(&call.path, status))?;
            self.post(call).await
        }
        .boxed()
    }
}

impl Collector {
    async fn post(&self, call: Call) -> Result<Reply, Status> {
        let Call { message, mut held, .. } = call;
        if held.grow(GROWTH * message.len()).is_err() {
            self.intake.metrics().refused(Protocol::JaegerGrpc, Reason::Busy);
            return Err(intake::status(&crate::sink::Refused::Busy { retry_after: intake::RETRY }));
        }
        let read = aside(message.len(), move || proto::read_post(&message)).await;
        let read = read.map_err(|refused| intake::status(&refused))?.map_err(|error| {
            self.intake.metrics().refused(Protocol::JaegerGrpc, Reason::Malformed);
            Status::new(Code::InvalidArgument, error.to_string())
        })?;
        let batch = read.request.into();
        let taken = self.intake.take(Protocol::JaegerGrpc, batch, read.rejected).await;
        drop(held);
        taken.map_err(|refused| intake::status(&refused))?;
        Ok(Reply::Message(Bytes::new()))
    }
}
