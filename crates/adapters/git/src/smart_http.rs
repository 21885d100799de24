//! Git's smart HTTP over our own client: bounded, with a patience for each step, and with
//! credentials that never leave the host they were given for.

use crate::wire::{Bounded, Budget, Cause, CauseSlot, Wire};
use argosy_fetch::{Credential, Patience, Trust, agent, basic, may_carry_credentials, origin};
use gix::error::{ErrorExt, message};
use gix_transport::Protocol;
use gix_transport::client::blocking_io::http::{
    GetResponse, Http, PostBodyDataKind, PostResponse, Transport,
};
use std::any::Any;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Most redirects that are followed, on the first request only.
const MAX_REDIRECTS: usize = 3;

/// One connection to one repository.
pub(crate) struct UreqHttp {
    agent: ureq::Agent,
    authorization: Option<String>,
    origin: String,
    redirected: Option<String>,
    budget: Budget,
    slot: CauseSlot,
}

/// What one connection is made with.
pub(crate) struct Dial<'d> {
    /// The repository, without user information.
    pub url: &'d str,
    pub credential: &'d Credential,
    pub trust: Trust,
    pub patience: Patience,
    pub max_bytes: u64,
}

impl Dial<'_> {
    /// Prepares a connection; nothing is sent yet.
    ///
    /// # Errors
    /// A sentence, where the URL or the settings of TLS or the proxy are not usable.
    pub(crate) fn connect(&self) -> Result<Wire, String> {
        let url = gix::url::parse(self.url).map_err(|error| error.to_string())?;
        let (budget, slot) = (Budget::new(self.max_bytes), CauseSlot::default());
        let http = UreqHttp {
            agent: agent(self.url, &self.trust, self.patience)?,
            authorization: authorization(self.credential),
            origin: origin(self.url).to_owned(),
            redirected: None,
            budget: budget.clone(),
            slot: slot.clone(),
        };
        Ok(Wire {
            transport: Box::new(Transport::new_http(http, url, Protocol::V2, false)),
            budget,
            cause: Box::new(move || slot.take()),
        })
    }
}

impl UreqHttp {
    fn headers<'h>(
        &self,
        url: &str,
        given: impl IntoIterator<Item = impl AsRef<str> + 'h>,
    ) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = given
            .into_iter()
            .filter_map(|line| {
                let (name, value) = line.as_ref().split_once(':')?;
                Some((name.trim().to_owned(), value.trim().to_owned()))
            })
            .collect();
        if let Some(value) = &self.authorization
            && may_carry_credentials(&self.origin, url)
        {
            headers.push(("Authorization".into(), value.clone()));
        }
        headers
    }

    fn get_following(
        &mut self,
        url: &str,
        base: &str,
        given: &[String],
    ) -> Result<http::Response<ureq::Body>, Cause> {
        let tail = url.strip_prefix(base).unwrap_or_default().to_owned();
        let mut url = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.agent.get(&url);
            for (name, value) in self.headers(&url, given) {
                request = request.header(name, value);
            }
            let response = request.call().map_err(|error| broken(&error))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let location = response
                .headers()
                .get("location")
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            url = redirect(&url, location, &tail)?;
            self.redirected = Some(url[..url.len() - tail.len()].to_owned());
        }
        Err(Cause::Broken(format!(
            "more than {MAX_REDIRECTS} redirects"
        )))
    }
}

fn authorization(credential: &Credential) -> Option<String> {
    if !credential.bearer_token.reveal().is_empty() {
        return Some(format!("Bearer {}", credential.bearer_token.reveal()));
    }
    let password = credential.password.reveal();
    if credential.username.is_empty() && password.is_empty() {
        return None;
    }
    // Hosts take any name beside a token; Argo CD sends this one.
    let user = if credential.username.is_empty() {
        "x-access-token"
    } else {
        &credential.username
    };
    Some(basic(user, password))
}

/// Where a redirect leads. The path must still end in what was asked for, and TLS is not given
/// up on the way.
fn redirect(from: &str, location: &str, tail: &str) -> Result<String, Cause> {
    let to = if location.starts_with('/') && !location.starts_with("//") {
        format!("{}{location}", origin(from))
    } else {
        location.to_owned()
    };
    let lower = to.to_ascii_lowercase();
    let safe = lower.starts_with("https://")
        || (lower.starts_with("http://") && from.starts_with("http://"));
    if !safe || to.contains('@') || tail.is_empty() || !to.ends_with(tail) {
        return Err(Cause::Broken(
            "the server redirects to a place that is not followed".into(),
        ));
    }
    Ok(to)
}

fn broken(error: &ureq::Error) -> Cause {
    Cause::Broken(match error {
        ureq::Error::HostNotFound => "the host name is unknown".into(),
        ureq::Error::Timeout(what) => format!("no answer in time ({what})"),
        other => other.to_string(),
    })
}

/// A response that is there, or a request that waits for its body.
enum Exchange {
    Waiting {
        request: Box<ureq::RequestBuilder<ureq::typestate::WithBody>>,
        body: Vec<u8>,
    },
    Answered {
        headers: Vec<u8>,
        body: Box<dyn Read + Send>,
    },
    Taken,
}

type Shared = Arc<Mutex<Exchange>>;

/// Sends what waits, once. Writers are dropped before readers read, so the body is whole.
fn answer(shared: &Shared, slot: &CauseSlot, budget: &Budget) -> io::Result<()> {
    let mut exchange = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if !matches!(*exchange, Exchange::Waiting { .. }) {
        return Ok(());
    }
    let Exchange::Waiting { request, body } = std::mem::replace(&mut *exchange, Exchange::Taken)
    else {
        return Ok(());
    };
    let response = request
        .send(&body[..])
        .map_err(|error| broken(&error))
        .and_then(successful)
        .map_err(|cause| slot.report(cause))?;
    *exchange = answered(response, slot, budget);
    Ok(())
}

fn successful(response: http::Response<ureq::Body>) -> Result<http::Response<ureq::Body>, Cause> {
    if response.status().is_success() {
        Ok(response)
    } else {
        Err(Cause::Status(response.status().as_u16()))
    }
}

fn answered(response: http::Response<ureq::Body>, slot: &CauseSlot, budget: &Budget) -> Exchange {
    let (parts, body) = response.into_parts();
    let headers = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}: {}\n", value.to_str().ok()?)))
        .collect::<String>()
        .into_bytes();
    Exchange::Answered {
        headers,
        body: Box::new(Bounded {
            inner: body.into_with_config().limit(u64::MAX).reader(),
            budget: budget.clone(),
            slot: slot.clone(),
        }),
    }
}

/// The body that a request is given.
pub(crate) struct PostBody(Shared);

impl Write for PostBody {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut exchange = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *exchange {
            Exchange::Waiting { body, .. } => {
                body.extend_from_slice(buf);
                Ok(buf.len())
            }
            _ => Err(io::Error::other("the request was sent already")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Headers or body of an answer, asked for at the first read.
pub(crate) struct Lazy {
    shared: Shared,
    slot: CauseSlot,
    budget: Budget,
    part: Part,
    reader: Option<BufReader<Box<dyn Read + Send>>>,
}

#[derive(Clone, Copy)]
enum Part {
    Headers,
    Body,
}

impl Lazy {
    fn reader(&mut self) -> io::Result<&mut BufReader<Box<dyn Read + Send>>> {
        if self.reader.is_none() {
            answer(&self.shared, &self.slot, &self.budget)?;
            let mut exchange = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            let Exchange::Answered { headers, body } = &mut *exchange else {
                return Err(io::Error::other("the request failed before"));
            };
            let source: Box<dyn Read + Send> = match self.part {
                Part::Headers => Box::new(Cursor::new(std::mem::take(headers))),
                Part::Body => std::mem::replace(body, Box::new(io::empty())),
            };
            self.reader = Some(BufReader::with_capacity(64 * 1024, source));
        }
        Ok(self.reader.as_mut().expect("it was just made"))
    }
}

impl Read for Lazy {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader()?.read(buf)
    }
}

impl BufRead for Lazy {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(reader) = &mut self.reader {
            reader.consume(amount);
        }
    }
}

impl UreqHttp {
    fn lazy(&self, shared: &Shared, part: Part) -> Lazy {
        Lazy {
            shared: shared.clone(),
            slot: self.slot.clone(),
            budget: self.budget.clone(),
            part,
            reader: None,
        }
    }
}

impl Http for UreqHttp {
    type Headers = Lazy;
    type ResponseBody = Lazy;
    type PostBody = PostBody;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Lazy, Lazy>> {
        let given: Vec<String> = headers.into_iter().map(|h| h.as_ref().to_owned()).collect();
        let response = self
            .get_following(url, base_url, &given)
            .and_then(successful)
            .and_then(smart)
            .map_err(|cause| {
                self.slot
                    .report(cause)
                    .and_raise(message("the server was not read"))
            })?;
        let answered = answered(response, &self.slot, &self.budget);
        let shared = Arc::new(Mutex::new(answered));
        Ok(GetResponse {
            headers: self.lazy(&shared, Part::Headers),
            body: self.lazy(&shared, Part::Body),
        })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _kind: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Lazy, Lazy, PostBody>> {
        let given: Vec<String> = headers.into_iter().map(|h| h.as_ref().to_owned()).collect();
        let mut request = self.agent.post(url);
        for (name, value) in self.headers(url, &given) {
            request = request.header(name, value);
        }
        let shared = Arc::new(Mutex::new(Exchange::Waiting {
            request: Box::new(request),
            body: Vec::new(),
        }));
        Ok(PostResponse {
            post_body: PostBody(shared.clone()),
            headers: self.lazy(&shared, Part::Headers),
            body: self.lazy(&shared, Part::Body),
        })
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result<()> {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.redirected.clone()
    }
}

/// A web page in the place of a repository is told apart from a broken server.
fn smart(response: http::Response<ureq::Body>) -> Result<http::Response<ureq::Body>, Cause> {
    let kind = response.headers().get("content-type");
    if kind.is_some_and(|kind| {
        kind.as_bytes()
            .starts_with(b"application/x-git-upload-pack")
    }) {
        Ok(response)
    } else {
        Err(Cause::NotGit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_keep_the_tail_and_never_give_up_tls() {
        let tail = "/info/refs?service=git-upload-pack";
        let to = |from: &str, location: &str| redirect(from, location, tail);
        let moved = format!("https://h/b{tail}");
        assert_eq!(to("https://h/a", &format!("/b{tail}")), Ok(moved.clone()));
        assert_eq!(to("http://h/a", &moved), Ok(moved));
        assert!(to("https://h/a", &format!("http://h/b{tail}")).is_err());
        assert!(to("https://h/a", "https://h/login").is_err());
        assert!(to("https://h/a", &format!("file:///b{tail}")).is_err());
        assert!(to("https://h/a", &format!("https://u:p@h/b{tail}")).is_err());
    }

    #[test]
    fn a_token_alone_gets_argo_cds_user_name() {
        let credential = Credential {
            password: "t".to_owned().into(),
            ..Credential::default()
        };
        assert_eq!(
            authorization(&credential).unwrap(),
            "Basic eC1hY2Nlc3MtdG9rZW46dA=="
        );
        assert_eq!(authorization(&Credential::default()), None);
    }
}
