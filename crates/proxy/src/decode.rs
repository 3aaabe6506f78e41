//! Step 3: HTTP/1.1 and HTTP/2 become one kind of [`Exchange`](trunkline_net::http::Exchange).
//!
//! This step and `forward` are the only places that know the codec. ALPN decides which protocol is
//! spoken, or, where TLS did not, the first bytes: HTTP/2 with prior knowledge begins with a
//! preface that no HTTP/1 request has (RFC 9113 §3.4). Each request head is converted once; what is
//! answered is converted back once.

mod activity;
mod http1;
mod http2;
mod io;
mod sniff;

use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;

use trunkline_model::listener::ListenerTimeouts;
use trunkline_net::http::{Peer, Scheme};
use trunkline_net::hyper_io::HyperIo;
use trunkline_net::stream::Stream;
use trunkline_net::tls;
use trunkline_rt::DrainWatcher;

use crate::accept::Open;
use crate::worker::{Listening, Worker};

pub(crate) use activity::{Activity, Busy};
use activity::{Overdue, Stage};
use io::Watched;

/// A downstream connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) worker: Rc<Worker>,
    pub(crate) listening: Rc<Listening>,
    pub(crate) drain: DrainWatcher,
    pub(crate) peer: Peer,
    pub(crate) scheme: Scheme,
    pub(crate) activity: Arc<Activity>,
    pub(crate) _open: Open,
}

/// Which protocol a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Http1,
    Http2,
}

/// Serves a connection until its end.
pub(crate) async fn serve(connection: Rc<Connection>, mut stream: Stream) {
    let timeouts = connection.listening.plan().listener.timeouts;
    let spoken = match stream.alpn() {
        Some(tls::H2) => Some((Spoken::Http2, Vec::new())),
        Some(tls::HTTP_1_1) => Some((Spoken::Http1, Vec::new())),
        _ => tokio::select! {
            sniffed = sniff::sniff(&mut stream, timeouts.idle) => {
                sniffed.map(|(http2, read)| (if http2 { Spoken::Http2 } else { Spoken::Http1 }, read))
            }
            () = connection.drain.closing() => None,
        },
    };
    let Some((spoken, read)) = spoken else { return };
    let io = HyperIo(Watched::new(stream, read, Arc::clone(&connection.activity)));
    match spoken {
        Spoken::Http1 => http1::serve(&connection, io, timeouts).await,
        Spoken::Http2 => http2::serve(&connection, io, timeouts).await,
    }
}

/// Drives a connection, and ends it when it is drained, idle for too long or stuck.
async fn supervise<C>(
    connection: &Connection,
    mut served: Pin<&mut C>,
    told: impl Future<Output = ()>,
    timeouts: ListenerTimeouts,
    slow_heads: bool,
    shut_down: impl Fn(Pin<&mut C>),
) where
    C: Future<Output = Result<(), hyper::Error>>,
{
    let mut told = pin!(told);
    let activity = &connection.activity;
    let mut overdue = pin!(activity.overdue(timeouts, Stage::Serving { slow_heads }));
    let mut forced = pin!(connection.drain.forced());
    let mut ending = false;
    loop {
        tokio::select! {
            biased;
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %connection.peer.address, %error, "connection broke");
                }
                return;
            }
            () = forced.as_mut() => return,
            () = told.as_mut(), if !ending => {}
            late = overdue.as_mut() => if late == Overdue::Stuck { return },
        }
        if !ending {
            ending = true;
            shut_down(served.as_mut());
            overdue.set(activity.overdue(timeouts, Stage::Ending));
        }
    }
}
