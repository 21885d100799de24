//! The connections of one purpose to one server: calls, or watches.

use super::connect::Connection;
use argosy_ports::{Body, BoxError};
use bytes::Bytes;
use http_body::Frame;
use hyper::body::{Incoming, SizeHint};
use hyper::client::conn::{http1, http2};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

const IDLE_HTTP1_MAX: usize = 16;

/// Connections kept for their next request.
#[derive(Default)]
pub struct Lane {
    shared: Mutex<Vec<Shared>>,
    idle: Mutex<Vec<http1::SendRequest<Body>>>,
    /// Held while a connection is opened, so that a burst opens one and not fifty.
    pub opening: tokio::sync::Mutex<()>,
}

struct Shared {
    sender: http2::SendRequest<Body>,
    in_flight: Arc<AtomicUsize>,
    streams: Arc<AtomicUsize>,
}

/// The right to send one request on a connection.
pub enum Lease {
    /// A stream of a shared connection.
    Http2 {
        sender: http2::SendRequest<Body>,
        stream: StreamGuard,
    },
    /// A connection of its own until the answer's end.
    Http1(http1::SendRequest<Body>),
}

impl Lane {
    /// A connection that is there already and has room.
    pub fn take(&self) -> Option<Lease> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain(|connection| !connection.sender.is_closed());
        for connection in shared.iter() {
            // A fifth stays free: the server counts a stream until it has seen its end.
            let allowed = connection.streams.load(Ordering::Relaxed).max(1);
            let usable = (allowed - allowed / 5).max(1);
            if connection.in_flight.load(Ordering::Relaxed) < usable {
                return Some(connection.lease());
            }
        }
        drop(shared);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(sender) = idle.pop() {
            if !sender.is_closed() {
                return Some(Lease::Http1(sender));
            }
        }
        None
    }

    /// Keeps a new connection, where it can be shared, and takes its first lease.
    pub fn add(&self, connection: Connection) -> Lease {
        match connection {
            Connection::Http1(sender) => Lease::Http1(sender),
            Connection::Http2 { sender, streams } => {
                let shared = Shared {
                    sender,
                    in_flight: Arc::new(AtomicUsize::new(0)),
                    streams,
                };
                let lease = shared.lease();
                self.shared
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(shared);
                lease
            }
        }
    }

    /// Forgets every connection; requests under way go on.
    pub fn clear(&self) {
        self.shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn put_back(&self, sender: http1::SendRequest<Body>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_HTTP1_MAX && !sender.is_closed() {
            idle.push(sender);
        }
    }
}

impl Shared {
    fn lease(&self) -> Lease {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Lease::Http2 {
            sender: self.sender.clone(),
            stream: StreamGuard(self.in_flight.clone()),
        }
    }
}

/// Counts one stream until it is dropped.
pub struct StreamGuard(Arc<AtomicUsize>);

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What an answer's body holds of its connection.
pub enum Held {
    /// A stream.
    Stream(#[expect(dead_code, reason = "held for its drop")] StreamGuard),
    /// A connection, given back when the body has ended.
    Whole(http1::SendRequest<Body>, Arc<Lanes>, bool),
}

/// Both lanes of a server.
#[derive(Default)]
pub struct Lanes {
    calls: Lane,
    watches: Lane,
}

impl Lanes {
    /// The lane for watches, or for everything else.
    pub fn lane(&self, watch: bool) -> &Lane {
        if watch { &self.watches } else { &self.calls }
    }
}

/// An answer's body with what it holds.
pub struct HeldBody {
    inner: Incoming,
    held: Option<Held>,
}

impl HeldBody {
    /// Joins the two.
    pub fn new(inner: Incoming, held: Held) -> Self {
        Self {
            inner,
            held: Some(held),
        }
    }

    fn release(&mut self) {
        if let Some(Held::Whole(sender, lanes, watch)) = self.held.take() {
            lanes.lane(watch).put_back(sender);
        }
    }
}

impl http_body::Body for HeldBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match frame {
            None => {
                self.release();
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                self.held = None; // a broken connection is not used again
                Poll::Ready(Some(Err(error.into())))
            }
            Some(Ok(frame)) => {
                if self.inner.is_end_stream() {
                    self.release();
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
