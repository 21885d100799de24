//! The network between the controllers and one API server, with its weather.
//!
//! Stands where the transport's sockets would, inside its bulkhead and breaker: what the
//! transport makes of a socket's failure (a limit that ran out, a broken connection) comes out
//! of here. A request that has arrived is carried out, whether its sender still lives or not.

use crate::dice::Dice;
use crate::watchman::{Passing, Watchman};
use argosy_ports::{ApiService, Body, BoxError, full_body};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tower::ServiceExt as _;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const ANSWER_LIMIT: Duration = Duration::from_secs(65);
/// How long a dead connection is taken for alive: the pings of HTTP/2.
const PING_LIMIT: Duration = Duration::from_secs(40);

type Sent = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

/// Whether packets go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Open,
    /// Nobody listens.
    Refused,
    /// Packets are lost.
    BlackHole,
}

/// What goes wrong with single requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The server answers this and does nothing; 429 with `Retry-After`.
    Answer(u16),
    /// A proxy answers with a page.
    Page,
    /// The request is carried out and the answer lost.
    LostAnswer,
    /// The answer ends in the middle.
    Truncated,
    /// The answer stops in the middle and the connection stays open.
    Hangs,
    /// A watch's place is forgotten: 410.
    Gone,
}

#[derive(Clone, Debug)]
pub struct Weather {
    pub way: Way,
    /// The longest a packet takes, in each direction.
    pub delay_ms: u64,
    /// In so many of a hundred requests something goes wrong.
    pub percent: u64,
    pub mishaps: Vec<Mishap>,
}

impl Weather {
    pub fn fair() -> Self {
        Self {
            way: Way::Open,
            delay_ms: 3,
            percent: 0,
            mishaps: vec![],
        }
    }
}

/// One run of the controllers' process.
#[derive(Default)]
pub struct Life {
    is_over: AtomicBool,
}

impl Life {
    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

/// The way to one server.
pub struct Link {
    pub name: String,
    server: ApiService,
    weather: Mutex<Weather>,
    dice: Mutex<Dice>,
    watchman: Arc<Watchman>,
    /// Open watches end when this grows.
    cuts: AtomicU64,
    changed: Notify,
}

impl Link {
    pub fn new(name: &str, server: ApiService, dice: Dice, watchman: Arc<Watchman>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            server,
            weather: Mutex::new(Weather::fair()),
            dice: Mutex::new(dice),
            watchman,
            cuts: AtomicU64::new(0),
            changed: Notify::new(),
        })
    }

    pub fn set(&self, weather: Weather) {
        let ends_watches = weather.way == Way::Refused;
        *self.weather.lock().unwrap() = weather;
        if ends_watches {
            self.cut_watches();
        }
        self.changed.notify_waiters();
    }

    /// Ends all open watches, as a restart of the server does.
    pub fn cut_watches(&self) {
        self.cuts.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// The server as the process of this life reaches it.
    pub fn service(self: &Arc<Self>, life: &Arc<Life>) -> ApiService {
        let (link, life) = (self.clone(), life.clone());
        ApiService::new(tower::service_fn(move |request| {
            let (link, life) = (link.clone(), life.clone());
            async move { link.call(life, request).await }
        }))
    }

    fn way(&self) -> Way {
        self.weather.lock().unwrap().way
    }

    fn draw(&self, is_watch: bool) -> Option<Mishap> {
        let weather = self.weather.lock().unwrap();
        let mut dice = self.dice.lock().unwrap();
        if weather.mishaps.is_empty() || !dice.percent(weather.percent) {
            return None;
        }
        let drawn = dice.pick(&weather.mishaps);
        // The place of a watch is forgotten for watches alone.
        (drawn != Mishap::Gone || is_watch).then_some(drawn)
    }

    async fn travel(&self) {
        let most = self.weather.lock().unwrap().delay_ms;
        let delay = self.dice.lock().unwrap().below(most) + 1;
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }

    async fn call(
        self: Arc<Self>,
        life: Arc<Life>,
        request: Request<Body>,
    ) -> Result<Response<Body>, BoxError> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let passing = Passing::new(&self.name, &head, body.clone());
        let fails = |what: &str| {
            self.watchman.note(&passing, what);
            Err(BoxError::from(what.to_owned()))
        };
        match self.way() {
            Way::Refused => {
                self.travel().await;
                return fails("connection refused");
            }
            Way::BlackHole => {
                tokio::time::sleep(CONNECT_LIMIT).await;
                return fails("no connection in time");
            }
            Way::Open => {}
        }
        let mishap = self.draw(passing.is_watch);
        self.travel().await;
        if life.is_over() {
            std::future::pending::<()>().await;
        }
        if self.way() != Way::Open {
            tokio::time::sleep(ANSWER_LIMIT).await;
            return fails("no answer in time");
        }
        if let Some(answer) = mishap.and_then(refusal) {
            self.watchman.note(&passing, &format!("{mishap:?}"));
            self.travel().await;
            return Ok(answer);
        }
        let request = Request::from_parts(head, full_body(body));
        let arrived = self.clone().arrive(life, passing.clone(), request);
        let answer = tokio::spawn(arrived).await??;
        self.travel().await;
        if self.way() != Way::Open {
            tokio::time::sleep(ANSWER_LIMIT).await;
            return fails("answer lost");
        }
        if mishap == Some(Mishap::LostAnswer) {
            return fails("connection broke");
        }
        self.deliver(passing.is_watch, mishap, answer).await
    }

    /// Carries out a request that has reached the server, to its end.
    async fn arrive(
        self: Arc<Self>,
        life: Arc<Life>,
        passing: Passing,
        request: Request<Body>,
    ) -> Result<Response<Body>, BoxError> {
        let before = self.watchman.arrives(&passing, life.is_over());
        // Boxed, or the compiler loses the body's lifetime in a spawned task.
        let sent: Sent = Box::pin(self.server.clone().oneshot(request));
        let answer = sent.await?;
        self.watchman.answered(&passing, before, answer.status());
        Ok(answer)
    }

    async fn deliver(
        self: Arc<Self>,
        is_watch: bool,
        mishap: Option<Mishap>,
        answer: Response<Body>,
    ) -> Result<Response<Body>, BoxError> {
        let (head, body) = answer.into_parts();
        if is_watch && head.status.is_success() {
            let body = self.watch(body, mishap == Some(Mishap::Gone));
            return Ok(Response::from_parts(head, body));
        }
        let bytes = body.collect().await?.to_bytes();
        let half = bytes.slice(..bytes.len() / 2);
        let body = match mishap {
            Some(Mishap::Truncated) => full_body(half),
            Some(Mishap::Hangs) => {
                let pieces = futures_util::stream::unfold(Some(half), |half| async move {
                    match half {
                        Some(half) => Some((Ok::<_, BoxError>(Frame::data(half)), None)),
                        None => std::future::pending().await,
                    }
                });
                StreamBody::new(pieces).boxed_unsync()
            }
            _ => full_body(bytes),
        };
        Ok(Response::from_parts(head, body))
    }

    /// A watch's answer, which feels cuts and a dead network.
    fn watch(self: Arc<Self>, body: Body, is_gone: bool) -> Body {
        let opened_at = self.cuts.load(Ordering::SeqCst);
        let state = Some((self, body, is_gone));
        let frames = futures_util::stream::unfold(state, move |state| async move {
            let (link, mut body, is_gone) = state?;
            if is_gone {
                return Some((Ok(Frame::data(Bytes::from_static(GONE))), None));
            }
            loop {
                let changed = link.changed.notified();
                if link.cuts.load(Ordering::SeqCst) != opened_at {
                    return Some((Err(BoxError::from("the watch was cut")), None));
                }
                if link.way() != Way::Open {
                    if tokio::time::timeout(PING_LIMIT, changed).await.is_err() {
                        return Some((Err(BoxError::from("no answer to a ping")), None));
                    }
                    continue;
                }
                tokio::select! {
                    biased;
                    () = changed => {}
                    frame = body.frame() => {
                        let frame = frame?;
                        return Some((frame, Some((link, body, false))));
                    }
                }
            }
        });
        StreamBody::new(frames).boxed_unsync()
    }
}

const GONE: &[u8] = br#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old resource version","reason":"Expired","code":410}}
"#;

/// The answer of a server, or of something before it, that does nothing.
fn refusal(mishap: Mishap) -> Option<Response<Body>> {
    let (code, body) = match mishap {
        Mishap::Page => (502, "<html><body>Bad Gateway</body></html>".to_owned()),
        Mishap::Answer(code) => {
            let reason = match code {
                401 => "Unauthorized",
                403 => "Forbidden",
                409 => "Conflict",
                422 => "Invalid",
                429 => "TooManyRequests",
                _ => "InternalError",
            };
            let details = if code == 429 {
                r#","details":{"retryAfterSeconds":2}"#
            } else {
                ""
            };
            (
                code,
                format!(
                    r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"weather: {reason}","reason":"{reason}","code":{code}{details}}}"#
                ),
            )
        }
        _ => return None,
    };
    let mut answer = Response::new(full_body(body));
    *answer.status_mut() = StatusCode::from_u16(code).unwrap();
    if code == 429 {
        answer
            .headers_mut()
            .insert("retry-after", http::HeaderValue::from_static("2"));
    }
    Some(answer)
}
