//! One client for one trust: a request at a time, redirects followed with caution.

use crate::tls::{self, Patience, Trust};
use crate::url::{may_carry_credentials, origin, redact_url, redirected};
use http::{HeaderMap, Method};
use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

/// Most redirects that are followed. Compat: Go's client follows ten.
const MAX_REDIRECTS: usize = 10;
/// Hosts whose connections are kept.
const MAX_AGENTS: usize = 32;

/// Why nothing was fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The server was not reached, or it broke off before it answered.
    #[error("{method} \"{url}\": {reason}")]
    NoAnswer {
        /// As Go writes it: `Get`.
        method: String,
        /// The URL.
        url: String,
        /// What happened.
        reason: String,
    },
    /// A redirect that is not followed.
    #[error("{url}: the server redirects to a place that is not followed")]
    Redirect {
        /// Who redirects.
        url: String,
    },
    /// Too many redirects.
    #[error("{url}: stopped after {MAX_REDIRECTS} redirects")]
    Redirects {
        /// Where it began.
        url: String,
    },
    /// More than was asked for.
    #[error("{url}: the answer is larger than {max} bytes")]
    TooLarge {
        /// The URL.
        url: String,
        /// The limit.
        max: u64,
    },
    /// The body broke off.
    #[error("{url}: {reason}")]
    Broken {
        /// The URL.
        url: String,
        /// What happened.
        reason: String,
    },
    /// Certificates, a key or a proxy that are none.
    #[error("{0}")]
    Trust(String),
}

impl FetchError {
    /// A body that ended with `error` before its end.
    pub fn broken(url: &str, error: &io::Error) -> Self {
        Self::Broken {
            url: url.to_owned(),
            reason: cut_short(error),
        }
    }
}

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Ask<'a> {
    /// `GET` by default.
    pub method: Method,
    /// `http://` or `https://`
    pub url: &'a str,
    /// Further headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The value of `Authorization`.
    pub authorization: Option<&'a str>,
    /// The place that the authorization belongs to; empty where it is that of `url`.
    pub home: &'a str,
    /// Whether the authorization goes to other places too.
    pub is_passed_on: bool,
    /// Sent with `POST`, `PUT` and `PATCH`.
    pub body: &'a [u8],
}

/// An answer whose body waits.
pub struct Answer {
    /// Where it came from, redirects followed.
    pub url: String,
    /// The status.
    pub status: http::StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: ureq::Body,
}

impl Answer {
    /// A header's text; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// The body, which ends in an error where it grows beyond `max` bytes.
    pub fn reader(self, max: u64) -> impl Read + Send {
        Bounded {
            inner: self.body.into_with_config().limit(u64::MAX).reader(),
            left: max,
            max,
            url: self.url,
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// [`FetchError::TooLarge`] and [`FetchError::Broken`].
    pub fn read(self, max: u64) -> Result<Vec<u8>, FetchError> {
        let url = redact_url(&self.url);
        let mut data = Vec::new();
        let mut body = self.body.into_with_config().limit(u64::MAX).reader();
        let read = body.by_ref().take(max + 1).read_to_end(&mut data);
        read.map_err(|error| FetchError::broken(&url, &error))?;
        if data.len() as u64 > max {
            return Err(FetchError::TooLarge { url, max });
        }
        Ok(data)
    }
}

struct Bounded<R> {
    inner: R,
    left: u64,
    max: u64,
    url: String,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let (url, max) = (redact_url(&self.url), self.max);
            io::Error::other(FetchError::TooLarge { url, max }.to_string())
        })?;
        Ok(read)
    }
}

/// Sends requests, each host over its own kept connections.
pub struct Client {
    trust: Trust,
    patience: Patience,
    agents: Mutex<HashMap<String, ureq::Agent>>,
}

impl Client {
    /// A client; nothing is reached yet.
    pub fn new(trust: Trust, patience: Patience) -> Self {
        Self {
            trust,
            patience,
            agents: Mutex::default(),
        }
    }

    /// The same, with another patience and no connection yet.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self::new(self.trust, patience)
    }

    /// Sends a request. `GET` and `HEAD` follow redirects; the authorization goes only to the
    /// place it belongs to. Any status is an answer.
    ///
    /// # Errors
    /// [`FetchError`] where there is no answer.
    pub fn send(&self, ask: &Ask<'_>) -> Result<Answer, FetchError> {
        let home = origin(if ask.home.is_empty() {
            ask.url
        } else {
            ask.home
        });
        let follows = ask.method == Method::GET || ask.method == Method::HEAD;
        let mut url = ask.url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.once(ask, &url, home)?;
            if !(follows && matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308)) {
                return Ok(answer);
            }
            url = redirected(&url, answer.header("location")).ok_or(FetchError::Redirect {
                url: redact_url(&url),
            })?;
        }
        Err(FetchError::Redirects {
            url: redact_url(ask.url),
        })
    }

    fn once(&self, ask: &Ask<'_>, url: &str, home: &str) -> Result<Answer, FetchError> {
        let failed = |reason: String| FetchError::NoAnswer {
            method: go_method(&ask.method),
            url: redact_url(url),
            reason,
        };
        let mut request = http::Request::builder().method(&ask.method).uri(url);
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        if let Some(value) = ask.authorization
            && (ask.is_passed_on || may_carry_credentials(home, url))
        {
            request = request.header("Authorization", value);
        }
        let agent = self.agent(url)?;
        let wrong = |error: http::Error| failed(error.to_string());
        let has_body =
            ask.method == Method::POST || ask.method == Method::PUT || ask.method == Method::PATCH;
        let response = if has_body {
            agent.run(request.body(ask.body).map_err(wrong)?)
        } else {
            agent.run(request.body(()).map_err(wrong)?)
        };
        let response = response.map_err(|error| failed(reason(&error)))?;
        let (parts, body) = response.into_parts();
        Ok(Answer {
            url: url.to_owned(),
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    fn agent(&self, url: &str) -> Result<ureq::Agent, FetchError> {
        let place = origin(url).to_ascii_lowercase();
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(&place) {
            return Ok(agent.clone());
        }
        let agent = tls::agent(&place, &self.trust, self.patience).map_err(FetchError::Trust)?;
        if agents.len() >= MAX_AGENTS {
            agents.clear();
        }
        agents.insert(place, agent.clone());
        Ok(agent)
    }
}

fn go_method(method: &Method) -> String {
    let lower = method.as_str().to_ascii_lowercase();
    let mut letters = lower.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Why a body ended before its end.
fn cut_short(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    if let Some(ureq::Error::Timeout(what)) = inner {
        return format!("the rest of the answer does not come in time ({what})");
    }
    format!("the answer broke off: {error}")
}

fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "the host name is unknown".into(),
        ureq::Error::Timeout(what) => format!("no answer in time ({what})"),
        other => other.to_string(),
    }
}
