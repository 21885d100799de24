//! Requests and answers as bytes, below objects: what the typed client and the live cache share.

use crate::path::Path;
use crate::status::{error_of, unreachable};
use crate::transport::ask;
use argosy_ports::{ApiError, ApiErrorKind, ApiService, Body, full_body};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use std::sync::Arc;
use std::time::Duration;

/// Answers objects and lists.
pub const JSON: &str = "application/json";
/// A list without the objects' bodies; a server that cannot answers the bodies too.
pub const METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

const ANSWER_BYTES: usize = 256 << 20;
const FRAME_BYTES: usize = 32 << 20;
/// No byte of an answer's body for so long means that it will not come.
const BODY_SILENCE: Duration = Duration::from_mins(1);
const USER_AGENT: &str = concat!("argosy/", env!("CARGO_PKG_VERSION"));

/// One API server, spoken to in bytes. Cheap to clone.
#[derive(Clone)]
pub struct Wire {
    service: ApiService,
    server: Arc<str>,
    impersonate: Option<HeaderValue>,
    groups: Arc<[HeaderValue]>,
}

/// What goes out besides the path.
#[derive(Default)]
pub struct Outgoing {
    /// HTTP method.
    pub method: Method,
    /// Media types that the answer may have; JSON where empty.
    pub accept: &'static str,
    /// Media type and bytes of the body.
    pub body: Option<(&'static str, Bytes)>,
}

impl Wire {
    /// A wire to `service`, called `server` in messages.
    pub fn new(server: &str, service: ApiService) -> Self {
        Self {
            service,
            server: server.into(),
            impersonate: None,
            groups: Arc::from([]),
        }
    }

    /// The same wire on behalf of another user and its groups.
    ///
    /// # Errors
    /// Where a name cannot stand in a header.
    pub fn impersonating(&self, user: &str, groups: &[String]) -> Result<Self, ApiError> {
        let value = |name: &str| {
            HeaderValue::try_from(name).map_err(|_| {
                let text = format!("user `{}` cannot be impersonated", name.escape_debug());
                ApiError::new(ApiErrorKind::Invalid, text)
            })
        };
        let groups = groups.iter().map(|group| value(group));
        Ok(Self {
            impersonate: Some(value(user)?),
            groups: groups.collect::<Result<_, _>>()?,
            ..self.clone()
        })
    }

    /// The server's URL, as given.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Sends, and returns the whole body of a successful answer.
    pub async fn send(&self, path: &Path, outgoing: Outgoing) -> Result<Bytes, ApiError> {
        let (code, headers, body) = self.open(path, outgoing).await?;
        let body = self.collect(body).await?;
        if code.is_success() {
            Ok(body)
        } else {
            Err(error_of(code, &headers, &body))
        }
    }

    /// Gets a body.
    pub async fn get(&self, path: &Path, accept: &'static str) -> Result<Bytes, ApiError> {
        self.send(
            path,
            Outgoing {
                accept,
                ..Outgoing::default()
            },
        )
        .await
    }

    /// Opens a stream of newline-separated frames.
    pub async fn stream(&self, path: &Path, accept: &'static str) -> Result<Frames, ApiError> {
        let outgoing = Outgoing {
            accept,
            ..Outgoing::default()
        };
        let (code, headers, body) = self.open(path, outgoing).await?;
        if code.is_success() {
            return Ok(Frames {
                body,
                buffer: BytesMut::new(),
                searched: 0,
                server: self.server.clone(),
            });
        }
        let body = self.collect(body).await?;
        Err(error_of(code, &headers, &body))
    }

    async fn open(
        &self,
        path: &Path,
        outgoing: Outgoing,
    ) -> Result<(StatusCode, HeaderMap, Body), ApiError> {
        let accept = if outgoing.accept.is_empty() {
            JSON
        } else {
            outgoing.accept
        };
        let mut builder = Request::builder()
            .method(outgoing.method)
            .uri(path.as_str())
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, accept);
        if let Some(user) = &self.impersonate {
            builder = builder.header("impersonate-user", user.clone());
            for group in self.groups.iter() {
                builder = builder.header("impersonate-group", group.clone());
            }
        }
        let bytes = match outgoing.body {
            Some((media_type, bytes)) => {
                builder = builder
                    .header(header::CONTENT_TYPE, media_type)
                    .header(header::CONTENT_LENGTH, bytes.len());
                bytes
            }
            None => Bytes::new(),
        };
        let request = builder.body(full_body(bytes)).map_err(|error| {
            ApiError::new(
                ApiErrorKind::Invalid,
                format!("`{}`: {error}", path.as_str()),
            )
        })?;
        let answer = ask(self.service.clone(), request)
            .await
            .map_err(|error| unreachable(&self.server, &error))?;
        let (head, body) = answer.into_parts();
        Ok((head.status, head.headers, body))
    }

    async fn collect(&self, mut body: Body) -> Result<Bytes, ApiError> {
        let mut first: Option<Bytes> = None;
        let mut whole = BytesMut::new();
        let announced = http_body::Body::size_hint(&body).lower();
        if announced > ANSWER_BYTES as u64 {
            return Err(self.too_large());
        }
        while let Some(data) = next_data(&mut body, BODY_SILENCE, &self.server).await? {
            if whole.len() + first.as_ref().map_or(0, Bytes::len) + data.len() > ANSWER_BYTES {
                return Err(self.too_large());
            }
            // Most answers are one piece, which needs no copy.
            match first.take() {
                None if whole.is_empty() => first = Some(data),
                None => whole.extend_from_slice(&data),
                Some(piece) => {
                    whole.extend_from_slice(&piece);
                    whole.extend_from_slice(&data);
                }
            }
        }
        Ok(first.unwrap_or_else(|| whole.freeze()))
    }
}

impl Wire {
    fn too_large(&self) -> ApiError {
        let text = format!(
            "an answer of `{}` is over {ANSWER_BYTES} bytes",
            self.server
        );
        ApiError::new(ApiErrorKind::Unsupported, text)
    }
}

async fn next_data(
    body: &mut Body,
    silence: Duration,
    server: &str,
) -> Result<Option<Bytes>, ApiError> {
    loop {
        let frame = tokio::time::timeout(silence, body.frame())
            .await
            .map_err(|_| {
                let text = format!("`{server}` was silent for {} s", silence.as_secs());
                ApiError::new(ApiErrorKind::Unreachable, text)
            })?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(unreachable(server, &error)),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// A stream of newline-separated JSON texts.
pub struct Frames {
    body: Body,
    buffer: BytesMut,
    searched: usize,
    server: Arc<str>,
}

impl Frames {
    /// The next text; `None` at the end. Dropping the future in between loses nothing.
    pub async fn next(&mut self, silence: Duration) -> Result<Option<Bytes>, ApiError> {
        loop {
            if let Some(at) = self.buffer[self.searched..]
                .iter()
                .position(|&b| b == b'\n')
            {
                let line = self.buffer.split_to(self.searched + at + 1).freeze();
                self.searched = 0;
                let line = line.slice(..line.len() - 1);
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.searched > FRAME_BYTES {
                let text = format!("an event of `{}` is over {FRAME_BYTES} bytes", self.server);
                return Err(ApiError::new(ApiErrorKind::Unsupported, text));
            }
            match next_data(&mut self.body, silence, &self.server).await? {
                Some(data) => self.buffer.extend_from_slice(&data),
                None if self.buffer.iter().all(u8::is_ascii_whitespace) => return Ok(None),
                None => {
                    self.searched = 0;
                    return Ok(Some(std::mem::take(&mut self.buffer).freeze()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_ports::BoxError;
    use http_body::Frame;

    fn frames(pieces: &[&'static str]) -> Frames {
        let pieces: Vec<Result<Frame<Bytes>, BoxError>> = pieces
            .iter()
            .map(|p| Ok(Frame::data(Bytes::from_static(p.as_bytes()))))
            .collect();
        let body = http_body_util::StreamBody::new(futures_util::stream::iter(pieces));
        Frames {
            body: body.boxed_unsync(),
            buffer: BytesMut::new(),
            searched: 0,
            server: "x".into(),
        }
    }

    async fn all(pieces: &[&'static str]) -> Vec<Bytes> {
        let mut frames = frames(pieces);
        let mut out = Vec::new();
        while let Some(line) = frames.next(Duration::from_secs(1)).await.unwrap() {
            out.push(line);
        }
        out
    }

    #[tokio::test]
    async fn frames_are_cut_at_newlines_wherever_the_pieces_end() {
        assert_eq!(
            all(&["{\"a\"", ":1}\n{\"b\":", "2}\n\n"]).await,
            ["{\"a\":1}", "{\"b\":2}"]
        );
        assert_eq!(all(&["1\n2\n3"]).await, ["1", "2", "3"]);
        assert_eq!(all(&["", "\n"]).await, Vec::<Bytes>::new());
    }
}
