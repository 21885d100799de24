//! Changes as server-sent events, each with the number to go on from.
//!
//! Nothing is queued for a reader: a stream asks the view what is new whenever the reader is
//! ready for more, so that a slow reader gets fewer and later batches, never a growing backlog.

use crate::answer::{Body, with_body};
use crate::view::{Changes, FleetView, Seq};
use bytes::Bytes;
use futures_util::stream;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// Subjects of one event at most.
const BATCH: usize = 500;
/// A rest between two events, so that a storm comes in few of them.
const REST: Duration = Duration::from_millis(100);
/// How often an idle stream says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

struct Reader {
    view: Arc<dyn FleetView>,
    changed: watch::Receiver<Seq>,
    stop: watch::Receiver<bool>,
    at: Seq,
    is_first: bool,
    _permit: OwnedSemaphorePermit,
}

/// An endless answer of changes after `since`; `None` begins with now.
pub fn changes(
    view: Arc<dyn FleetView>,
    since: Option<Seq>,
    stop: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) -> Response<Body> {
    let changed = view.changed();
    let at = since.unwrap_or_else(|| *changed.borrow());
    let reader = Reader {
        view,
        changed,
        stop,
        at,
        is_first: true,
        _permit: permit,
    };
    let frames = stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(event)), reader))
    });
    let body = StreamBody::new(frames).boxed_unsync();
    with_body(StatusCode::OK, "text/event-stream", body)
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_first {
            // The first event comes at once, so that the reader knows that it is heard.
            self.is_first = false;
            return Some(self.event());
        }
        tokio::select! {
            _ = self.stop.wait_for(|stop| *stop) => return None,
            () = tokio::time::sleep(REST) => {}
        }
        let at = self.at;
        let news = tokio::select! {
            _ = self.stop.wait_for(|stop| *stop) => return None,
            news = tokio::time::timeout(HEARTBEAT, self.changed.wait_for(|seq| *seq > at)) => {
                news.map(|news| news.is_ok())
            }
        };
        match news {
            Err(_) => Some(Bytes::from_static(b": still here\n\n")),
            Ok(false) => None,
            Ok(true) => Some(self.event()),
        }
    }

    fn event(&mut self) -> Bytes {
        let changes = self.view.changes(self.at, BATCH);
        self.at = changes.seq();
        event(&changes)
    }
}

fn event(changes: &Changes) -> Bytes {
    // Shapes of ours always can be written; JSON has no line breaks of its own.
    let json = serde_json::to_string(changes).unwrap_or_default();
    format!("id: {}\ndata: {json}\n\n", changes.seq()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Counts;

    #[test]
    fn event_is_one_line_with_its_number() {
        let batch = Changes::Batch {
            seq: 7,
            rows: vec![],
            gone: vec![crate::AppKey::new("a", "line\nbreak")],
            objects: vec![],
            clusters: true,
            totals: Counts::default(),
        };
        let text = String::from_utf8(event(&batch).to_vec()).unwrap();
        assert!(
            text.starts_with("id: 7\ndata: {\"kind\":\"batch\",\"seq\":7,"),
            "{text}"
        );
        assert_eq!(text.matches('\n').count(), 3);
        let reset = event(&Changes::Reset { seq: 3 });
        assert_eq!(&*reset, b"id: 3\ndata: {\"kind\":\"reset\",\"seq\":3}\n\n");
    }
}
