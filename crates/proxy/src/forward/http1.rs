//! One attempt over HTTP/1.1.

use trunkline_model::reason::Kind;
use trunkline_net::http::{strict, wire};

use super::failure::{Failure, Processed};
use super::pool::{Exclusive, Lease};
use super::request_body::Withheld;
use super::{Attempt, Gate, Sent, headers, unsendable};
use crate::limits;

pub(super) async fn send(
    attempt: &Attempt<'_>,
    mut exclusive: Exclusive,
    reused: bool,
) -> Result<Sent, Failure> {
    let (gate, waits) = gate(attempt);
    let body = attempt.body.lend(waits.then(|| gate.clone()));
    let mut head = wire::request_out(attempt.head, None).map_err(|error| unsendable(&error))?;
    if waits {
        let opened = gate.clone();
        hyper::ext::on_informational(&mut head, move |response| {
            if response.status() == hyper::StatusCode::CONTINUE {
                opened.open();
            }
        });
    }
    headers::frame_http1(head.headers_mut(), &body);
    headers::name_host(head.headers_mut(), attempt.endpoint.address);
    let sent = exclusive.sender.try_send_request(head.map(|()| body));
    let answered = await_continue(sent, &gate, waits).await;
    match answered {
        Ok(response) => {
            if let Err(error) = strict::check_coding(response.headers()) {
                let (kind, detail) = (Kind::UpstreamProtocol, error.to_string());
                return Err(Failure::new(kind, detail, Processed::Maybe));
            }
            if waits && !gate.is_open() {
                let body = attempt.body.clone();
                exclusive.withheld = Some(Withheld { body, gate });
            }
            exclusive.limit_idle(headers::keep_alive(response.headers()));
            Ok(Sent::new(response, Lease::Http1(exclusive)))
        }
        Err(mut error) => {
            let unsent = error.take_message().is_some();
            let mut failure = Failure::of_codec(error.error(), reused);
            if unsent {
                failure.processed = Processed::No;
            }
            Err(failure)
        }
    }
}

/// Whether the body waits for the service to ask for it (RFC 9110 §10.1.1).
fn gate(attempt: &Attempt<'_>) -> (Gate, bool) {
    let expects = attempt.head.has_element("expect", "100-continue");
    (Gate::default(), expects && !attempt.body.is_empty())
}

/// Waits for the answer; a service that does not know `100 Continue` gets the body after a while.
async fn await_continue<T>(answer: impl Future<Output = T>, gate: &Gate, waits: bool) -> T {
    if !waits {
        return answer.await;
    }
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        biased;
        answered = answer.as_mut() => answered,
        () = tokio::time::sleep(limits::CONTINUE_TIME) => {
            gate.open();
            answer.await
        }
    }
}
