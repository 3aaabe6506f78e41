//! Step 3: HTTP/1.1 and HTTP/2 become one kind of [`Exchange`](trunkline_net::http::Exchange).
//!
//! This step and `forward` are the only places that know the codec. ALPN decides which protocol is
//! spoken, or, where TLS did not, the first bytes: HTTP/2 with prior knowledge begins with a
//! preface that no HTTP/1 request has (RFC 9113 §3.4). Each request head is converted once; what is
//! answered is converted back once.

mod activity;
mod http1;
mod http2;
mod interim;
mod io;
mod sniff;

use std::cell::RefCell;
use std::rc::Rc;

use trunkline_net::buffer::Buffer;
use trunkline_net::http::{Peer, Scheme};
use trunkline_net::stream::Stream;
use trunkline_net::tls;
use trunkline_rt::{Alarm, DrainWatcher};

use crate::accept::Open;
use crate::guard::Seat;
use crate::route::host::LastHost;
use crate::worker::{Listening, Orders, Worker};

pub(crate) use activity::{Activity, Busy, Overdue};
pub(crate) use interim::Interim;
use io::Watched;

/// A downstream connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) worker: Rc<Worker>,
    pub(crate) listening: Rc<Listening>,
    pub(crate) drain: Rc<DrainWatcher>,
    pub(crate) peer: Peer,
    pub(crate) scheme: Scheme,
    pub(crate) activity: Rc<Activity>,
    pub(crate) orders: Rc<Orders>,
    /// Its place among those of its source, where that is limited.
    pub(crate) seat: Option<Box<Seat>>,
    /// The timer of its task.
    pub(crate) alarm: Rc<Alarm>,
    pub(crate) last_host: RefCell<LastHost>,
    pub(crate) open: Open,
}

impl Connection {
    /// Whether it must begin with a PROXY header.
    pub(crate) fn expects_header(&self) -> bool {
        let plan = self.listening.plan();
        let sender = self.peer.address.ip();
        plan.listener.proxy_protocol.iter().any(|network| network.contains(sender))
    }
}

/// Which protocol a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Http1,
    Http2,
}

/// Serves a connection until its end.
pub(crate) async fn serve(connection: Rc<Connection>, mut stream: Stream) {
    let activity = &connection.activity;
    let (spoken, read) = match stream.alpn() {
        Some(tls::H2) => (Spoken::Http2, Buffer::default()),
        Some(tls::HTTP_1_1) => (Spoken::Http1, Buffer::default()),
        _ => {
            activity.speaks(Spoken::Http1);
            match sniff::sniff(&mut stream, &connection).await {
                Some((http2, read)) => (if http2 { Spoken::Http2 } else { Spoken::Http1 }, read),
                None => return,
            }
        }
    };
    activity.speaks(spoken);
    match spoken {
        Spoken::Http1 => http1::serve(&connection, stream, read).await,
        Spoken::Http2 => {
            let io = Watched::new(stream, read.data(), Rc::clone(activity));
            // An idle connection of HTTP/1 must not hold the room.
            Box::pin(http2::serve(&connection, io)).await;
        }
    }
}
