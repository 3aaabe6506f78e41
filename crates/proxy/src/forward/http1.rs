//! One attempt over HTTP/1.1.
//!
//! Who waits for the response also drives the request's body out. Interim responses are passed on
//! as they come; `100 Continue` opens the gate of a body that waits for it.

use std::future::poll_fn;
use std::pin::pin;

use http_body::Body as _;
use trunkline_model::reason::Kind;
use trunkline_net::http::{Body, Head};
use trunkline_net::http1::{Answered, Broken, Framing};

use super::failure::{Failure, Processed};
use super::pool::{Exclusive, Lease};
use super::{Attempt, Gate, Sent, Upgrade, headers};
use crate::limits;

/// Fields that a request gets behind those of its head.
type More = Vec<(&'static str, String)>;

pub(super) async fn send(attempt: &Attempt<'_>, mut exclusive: Exclusive) -> Result<Sent, Failure> {
    let gate = waits(attempt).then(Gate::default);
    let body = attempt.body.lend(gate.clone());
    let (framing, more) = frame(attempt, &body)?;
    let more: Vec<_> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let begun = exclusive.client_mut().begin(attempt.head, &more, body, framing);
    begun.map_err(|error| Failure::new(Kind::BadRequest, error.to_string(), Processed::No))?;
    match answer(attempt, &mut exclusive, gate.as_ref()).await {
        Ok(Answered::Switched(head)) if attempt.upgrade => Ok(switched(head, exclusive)),
        Ok(Answered::Switched(_)) => {
            let detail = "the service switched protocols unasked";
            Err(Failure::new(Kind::UpstreamProtocol, detail, Processed::Maybe))
        }
        Ok(Answered::Final(head) | Answered::Interim(head)) => {
            exclusive.limit_idle(headers::keep_alive(&head));
            let lease = Lease::Http1(exclusive);
            Ok(Sent { head, lease, switched: None })
        }
        Err(broken) => Err(failure(&broken)),
    }
}

/// Waits for the response itself; what comes before it is dealt with.
async fn answer(
    attempt: &Attempt<'_>,
    exclusive: &mut Exclusive,
    gate: Option<&Gate>,
) -> Result<Answered, Broken> {
    let method = attempt.head.method();
    let mut interims = 0;
    loop {
        let waiting = poll_fn(|cx| exclusive.client_mut().poll_answer(cx, method));
        let answered = match gate.filter(|gate| !gate.is_open()) {
            Some(gate) => open_in_time(waiting, gate).await?,
            None => waiting.await?,
        };
        let Answered::Interim(head) = answered else {
            return Ok(answered);
        };
        interims += 1;
        if interims > limits::INTERIM_MAX {
            return Err(trunkline_net::http1::Refusal::Interims.into());
        }
        match (head.status(), gate, attempt.interim) {
            (100, Some(gate), _) => gate.open(),
            (100, None, _) | (_, _, None) => {}
            (_, _, Some(interim)) => interim.send(head),
        }
    }
}

fn switched(head: Head, exclusive: Exclusive) -> Sent {
    let (sender, side) = Upgrade::channel();
    let (stream, read) = exclusive.into_client().into_stream();
    // The other end of the channel is in `side`: it is there.
    let _ = sender.send(crate::carry::Side { stream, read });
    Sent { head, lease: Lease::None, switched: Some(side) }
}

/// How the request's body is framed, and the fields that say so.
fn frame(attempt: &Attempt<'_>, body: &Body) -> Result<(Framing, More), Failure> {
    let head = attempt.head;
    let mut more = More::new();
    if !head.has("host") {
        // An HTTP/1.0 caller may name no host, but a request of ours must (RFC 9112 §3.2).
        more.push(("host", attempt.endpoint.address.to_string()));
    }
    if attempt.upgrade {
        return Ok((Framing::Empty, more));
    }
    let is_empty = body.is_end_stream();
    let framing = match (head.get_text("content-length"), body.size_hint().exact()) {
        (Some(length), _) => match (length.parse(), is_empty) {
            (Ok(0), true) => Framing::Empty,
            (Ok(length), false) => Framing::Length(length),
            _ => {
                let detail = "the body is not as long as its head says";
                return Err(Failure::new(Kind::BadRequest, detail, Processed::No));
            }
        },
        (None, _) if is_empty => {
            if matches!(head.method(), "POST" | "PUT" | "PATCH") {
                more.push(("content-length", "0".to_owned()));
            }
            Framing::Empty
        }
        (None, Some(length)) => {
            more.push(("content-length", length.to_string()));
            Framing::Length(length)
        }
        (None, None) => {
            more.push(("transfer-encoding", "chunked".to_owned()));
            Framing::Chunked
        }
    };
    Ok((framing, more))
}

/// Whether the body waits for the service to ask for it (RFC 9110 §10.1.1).
fn waits(attempt: &Attempt<'_>) -> bool {
    !attempt.body.is_empty() && attempt.head.has_element("expect", "100-continue")
}

/// Waits for an answer; a service that does not know `100 Continue` gets the body after a while.
async fn open_in_time<T>(answer: impl Future<Output = T>, gate: &Gate) -> T {
    let mut answer = pin!(answer);
    tokio::select! {
        biased;
        answered = answer.as_mut() => answered,
        () = tokio::time::sleep(limits::CONTINUE_TIME) => {
            gate.open();
            answer.await
        }
    }
}

fn failure(broken: &Broken) -> Failure {
    let detail = broken.to_string();
    match broken {
        Broken::Refused(_) => Failure::new(Kind::UpstreamProtocol, detail, Processed::Maybe),
        Broken::Body(_) => Failure::new(Kind::BadRequest, detail, Processed::Maybe),
        Broken::Connection { answered, sent, .. } => {
            let processed = match (sent, answered) {
                (false, false) => Processed::No,
                (true, false) => Processed::Unlikely,
                _ => Processed::Maybe,
            };
            Failure::new(Kind::UpstreamReset, detail, processed)
        }
    }
}
