//! A client of the distribution specification: what charts need of it.
//!
//! Everything a registry says is bounded and checked: manifests and lists by size and number,
//! layers by the size and the digest that the manifest tells, manifests by the digest they are
//! asked for. Why not a library: the workspace has an HTTP client with its trust, proxies and
//! redirects already, and what charts need of a registry is this file and three beside it.

mod challenge;
pub(crate) mod manifest;
pub(crate) mod push;
pub(crate) mod reference;
mod tags;

use crate::MAX_ARCHIVE_BYTES;
use crate::error::ChartError;
use argosy_fetch::{Answer, Ask, Client, FetchError, Patience, Trust, basic, host, redact_url};
use argosy_object::{Digest, Redacted};
use challenge::Challenge;
use http::{Method, StatusCode};
use manifest::{Descriptor, Manifest};
use reference::Reference;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use tags::choose_tag;

/// How long a registry may take.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(15),
    first_byte: Duration::from_secs(60),
    silence: Duration::from_secs(30),
    whole: Duration::from_mins(5),
};
/// The largest manifest. Compat: what registries take.
const MAX_MANIFEST: u64 = 4 << 20;
/// The largest answer of a token service, and the largest error.
const MAX_SMALL: u64 = 1 << 20;
/// The largest configuration, and the largest provenance file.
const MAX_CONFIG: u64 = 4 << 20;
/// How long a token counts where its service does not say.
const TOKEN_LIFE: Duration = Duration::from_mins(1);
/// Tokens that are kept.
const MAX_TOKENS: usize = 256;

/// Who we are to a registry.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// Name for basic authentication and for token services.
    pub username: String,
    /// The password beside it.
    pub password: Redacted<String>,
    /// What a token service gave at a login, in place of a password.
    pub identity_token: Redacted<String>,
    /// Sent as it is.
    pub bearer_token: Redacted<String>,
}

/// Where a registry is, and how it is talked to.
#[derive(Clone, Debug, Default)]
pub struct RegistryAccess {
    /// Host and port.
    pub host: String,
    /// Who we are.
    pub login: Login,
    /// Whom to trust.
    pub trust: Trust,
    /// Whether it speaks plain HTTP.
    pub is_plain_http: bool,
}

/// A registry.
pub struct Registry {
    access: RegistryAccess,
    client: Client,
    base: Mutex<Option<String>>,
    tokens: Mutex<HashMap<String, Token>>,
}

struct Token {
    authorization: Redacted<String>,
    until: Option<Instant>,
}

/// A chart as a registry has it.
#[derive(Clone, Debug)]
pub struct PulledChart {
    /// Digest of the manifest.
    pub manifest_digest: String,
    /// The packed chart.
    pub archive: Vec<u8>,
    /// The provenance file, where it was asked for and is there.
    pub provenance: Option<Vec<u8>>,
    /// Whether the chart's layer has the media type of old.
    pub is_legacy: bool,
}

impl Registry {
    /// A registry; nothing is reached yet.
    pub fn new(access: RegistryAccess) -> Self {
        Self {
            client: Client::new(access.trust.clone(), PATIENCE),
            access,
            base: Mutex::default(),
            tokens: Mutex::default(),
        }
    }

    /// With another patience than the usual one.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.client = self.client.with_patience(patience);
        self
    }

    /// Asks whether the registry takes the login.
    ///
    /// # Errors
    /// [`ChartError`], as any request.
    pub fn ping(&self) -> Result<(), ChartError> {
        let url = format!("{}/v2/", self.base());
        self.expect(&Request::get(&url, ""), &[StatusCode::OK])
            .map(drop)
    }

    /// All tags of a repository, unsorted.
    ///
    /// # Errors
    /// [`ChartError`]; also where there are more than the limits allow.
    pub fn tags(&self, reference: &Reference) -> Result<Vec<String>, ChartError> {
        tags::all(self, reference)
    }

    /// The digest that a tag has now; `None` where there is no such tag.
    ///
    /// # Errors
    /// [`ChartError`].
    pub fn digest_of(&self, reference: &Reference) -> Result<Option<String>, ChartError> {
        match self.manifest(reference) {
            Ok((digest, _)) => Ok(Some(digest)),
            Err(ChartError::NoManifest(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Pulls a chart by tag or digest.
    ///
    /// # Errors
    /// [`ChartError`]: no such manifest, one that is no chart's, another digest than told.
    pub fn pull(
        &self,
        reference: &Reference,
        with_provenance: bool,
    ) -> Result<PulledChart, ChartError> {
        let (manifest_digest, manifest) = self.manifest(reference)?;
        let malformed = |reason: String| ChartError::Malformed {
            place: reference.to_string(),
            reason,
        };
        if manifest.config.media_type != manifest::CONFIG {
            return Err(malformed(format!(
                "could not load config with mediatype {}",
                manifest::CONFIG
            )));
        }
        let (layer, is_legacy) = match (
            manifest.layer(manifest::CHART),
            manifest.layer(manifest::LEGACY_CHART),
        ) {
            (Some(layer), _) => (layer, false),
            (None, Some(layer)) => (layer, true),
            (None, None) => {
                return Err(malformed(format!(
                    "manifest does not contain a layer with mediatype {}",
                    manifest::CHART
                )));
            }
        };
        let archive = self.blob(reference, layer, MAX_ARCHIVE_BYTES)?;
        let provenance = match manifest.layer(manifest::PROVENANCE) {
            Some(layer) if with_provenance => Some(self.blob(reference, layer, MAX_CONFIG)?),
            _ => None,
        };
        Ok(PulledChart {
            manifest_digest,
            archive,
            provenance,
            is_legacy,
        })
    }

    /// Pulls the one layer of files, and tells whether it is a packed chart.
    ///
    /// # Errors
    /// [`ChartError`]: no such manifest, several layers, one of another kind.
    pub(crate) fn pull_files(&self, reference: &Reference) -> Result<(Vec<u8>, bool), ChartError> {
        let (_, manifest) = self.manifest(reference)?;
        let layer = manifest.files().map_err(|reason| ChartError::Malformed {
            place: reference.to_string(),
            reason,
        })?;
        let is_chart = layer.media_type == manifest::CHART;
        Ok((self.blob(reference, layer, MAX_ARCHIVE_BYTES)?, is_chart))
    }

    /// A manifest and its digest; of an index of manifests the first one.
    fn manifest(&self, reference: &Reference) -> Result<(String, Manifest), ChartError> {
        let (digest, body) = self.raw_manifest(reference)?;
        match Manifest::parse(&body) {
            Ok(manifest::Document::Manifest(manifest)) => Ok((digest, *manifest)),
            Ok(manifest::Document::Index(first)) => {
                let inner = Reference {
                    digest: first.digest,
                    ..reference.clone()
                };
                let (_, body) = self.raw_manifest(&inner)?;
                match Manifest::parse(&body) {
                    Ok(manifest::Document::Manifest(manifest)) => Ok((digest, *manifest)),
                    Ok(manifest::Document::Index(_)) => Err(ChartError::Malformed {
                        place: inner.to_string(),
                        reason: "an index of indexes is not followed".into(),
                    }),
                    Err(reason) => Err(ChartError::Malformed {
                        place: inner.to_string(),
                        reason,
                    }),
                }
            }
            Err(reason) => Err(ChartError::Malformed {
                place: reference.to_string(),
                reason,
            }),
        }
    }

    fn raw_manifest(&self, reference: &Reference) -> Result<(String, Vec<u8>), ChartError> {
        let url = format!(
            "{}/v2/{}/manifests/{}",
            self.base(),
            reference.repository,
            reference.target()
        );
        let scope = pull_scope(reference);
        let request = Request {
            headers: &[("Accept", manifest::ACCEPT)],
            ..Request::get(&url, &scope)
        };
        let answer = match self.expect(&request, &[StatusCode::OK]) {
            Err(ChartError::Registry { status, .. }) if status == StatusCode::NOT_FOUND => {
                return Err(ChartError::NoManifest(reference.to_string()));
            }
            other => other?,
        };
        let told = answer.header("docker-content-digest").to_owned();
        let body = answer.read(MAX_MANIFEST)?;
        let found = format!("sha256:{}", Digest::of(&body).hex());
        let wanted = if reference.digest.is_empty() {
            told
        } else {
            reference.digest.clone()
        };
        if reference::is_digest(&wanted) && wanted != found {
            return Err(ChartError::Digest {
                place: reference.to_string(),
                found,
                who: "the registry",
                wanted,
            });
        }
        Ok((found, body))
    }

    /// A layer, no larger than its manifest says, and with the digest that it says.
    fn blob(
        &self,
        reference: &Reference,
        wanted: &Descriptor,
        max: u64,
    ) -> Result<Vec<u8>, ChartError> {
        let place = format!(
            "{}/{}@{}",
            reference.host, reference.repository, wanted.digest
        );
        if wanted.size > max {
            return Err(ChartError::Limit {
                place,
                what: "a layer's size",
                limit: max,
            });
        }
        if !reference::is_digest(&wanted.digest) {
            return Err(ChartError::Malformed {
                place,
                reason: "the manifest names a layer by no SHA-256 digest".into(),
            });
        }
        let url = format!(
            "{}/v2/{}/blobs/{}",
            self.base(),
            reference.repository,
            wanted.digest
        );
        let scope = pull_scope(reference);
        let request = Request {
            headers: &[("Accept-Encoding", "identity")],
            ..Request::get(&url, &scope)
        };
        let answer = self.expect(&request, &[StatusCode::OK])?;
        let data = answer.read(wanted.size)?;
        let found = format!("sha256:{}", Digest::of(&data).hex());
        if found != wanted.digest {
            return Err(ChartError::Digest {
                place: format!("{}/{}", reference.host, reference.repository),
                found,
                who: "the manifest",
                wanted: wanted.digest.clone(),
            });
        }
        Ok(data)
    }

    /// Scheme and host. A registry on this machine may speak either, so it is asked once.
    pub(crate) fn base(&self) -> String {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*base {
            return known.clone();
        }
        let at = match self.access.host.as_str() {
            // Compat: where Docker Hub's registry really is.
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        let (plain, tls) = (format!("http://{at}"), format!("https://{at}"));
        let found = if self.access.is_plain_http {
            plain
        } else if is_loopback(at) {
            let url = format!("{tls}/v2/");
            let probe = self.client.send(&Ask {
                url: &url,
                ..Ask::default()
            });
            match probe {
                Err(FetchError::NoAnswer { .. }) => plain,
                _ => tls,
            }
        } else {
            tls
        };
        *base = Some(found.clone());
        found
    }

    /// Sends a request and refuses any status but these.
    pub(crate) fn expect(
        &self,
        request: &Request<'_>,
        wanted: &[StatusCode],
    ) -> Result<Answer, ChartError> {
        let answer = self.send(request)?;
        if wanted.contains(&answer.status) {
            return Ok(answer);
        }
        let (url, status) = (redact_url(&answer.url), answer.status);
        let body = answer.read(MAX_SMALL).unwrap_or_default();
        let method = if request.method == Method::GET {
            "GET".to_owned()
        } else {
            request.method.to_string()
        };
        Err(ChartError::Registry {
            method,
            url,
            status,
            text: manifest::error_text(&body, status),
        })
    }

    /// Sends a request, with a login once the registry asks for one.
    pub(crate) fn send(&self, request: &Request<'_>) -> Result<Answer, ChartError> {
        let known = self.known_authorization(request.scope);
        let answer = self.once(request, known.as_ref())?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let Some(challenge) = Challenge::parse(answer.header("www-authenticate")) else {
            return Ok(answer);
        };
        let login = &self.access.login;
        let token = match challenge {
            Challenge::Basic if login.username.is_empty() => return Ok(answer),
            Challenge::Basic => Token {
                authorization: basic(&login.username, login.password.reveal()).into(),
                until: None,
            },
            Challenge::Bearer {
                realm,
                service,
                scope,
            } => {
                let scope = if request.scope.is_empty() {
                    scope
                } else {
                    request.scope.to_owned()
                };
                self.fetch_token(&realm, &service, &scope)?
            }
        };
        let authorization = token.authorization.clone();
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(request.scope.to_owned(), token);
        drop(tokens);
        self.once(request, Some(&authorization))
    }

    fn known_authorization(&self, scope: &str) -> Option<Redacted<String>> {
        let bearer = self.access.login.bearer_token.reveal();
        if !bearer.is_empty() {
            return Some(format!("Bearer {bearer}").into());
        }
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let token = tokens.get(scope)?;
        let is_fresh = token.until.is_none_or(|until| until > Instant::now());
        is_fresh.then(|| token.authorization.clone())
    }

    fn once(
        &self,
        request: &Request<'_>,
        authorization: Option<&Redacted<String>>,
    ) -> Result<Answer, ChartError> {
        let base = self.base();
        Ok(self.client.send(&Ask {
            method: request.method.clone(),
            url: request.url,
            headers: request.headers,
            authorization: authorization.map(|value| value.reveal().as_str()),
            home: &base,
            is_passed_on: false,
            body: request.body,
        })?)
    }

    /// Asks a token service. It may be on another host: that is how registries are built, and
    /// why the registry itself must be reached over TLS before it may name one without.
    fn fetch_token(&self, realm: &str, service: &str, scope: &str) -> Result<Token, ChartError> {
        let malformed = |reason: &str| ChartError::Malformed {
            place: redact_url(realm),
            reason: reason.to_owned(),
        };
        let is_safe = realm.starts_with("https://")
            || (realm.starts_with("http://") && self.base().starts_with("http://"));
        if !is_safe {
            return Err(malformed("the registry names a token service without TLS"));
        }
        let login = &self.access.login;
        let mut form = form_urlencoded::Serializer::new(String::new());
        if !service.is_empty() {
            form.append_pair("service", service);
        }
        // Several scopes may stand in one challenge.
        for scope in scope.split(' ').filter(|scope| !scope.is_empty()) {
            form.append_pair("scope", scope);
        }
        let identity = login.identity_token.reveal();
        let answer = if identity.is_empty() {
            let joint = if realm.contains('?') { '&' } else { '?' };
            let url = format!("{realm}{joint}{}", form.finish());
            let pair = (!login.username.is_empty())
                .then(|| basic(&login.username, login.password.reveal()));
            self.client.send(&Ask {
                url: &url,
                authorization: pair.as_deref(),
                ..Ask::default()
            })?
        } else {
            form.append_pair("grant_type", "refresh_token");
            form.append_pair("client_id", "argosy");
            form.append_pair("refresh_token", identity);
            let body = form.finish();
            self.client.send(&Ask {
                method: Method::POST,
                url: realm,
                headers: &[("Content-Type", "application/x-www-form-urlencoded")],
                body: body.as_bytes(),
                ..Ask::default()
            })?
        };
        if answer.status != StatusCode::OK {
            let (url, status) = (redact_url(&answer.url), answer.status);
            let body = answer.read(MAX_SMALL).unwrap_or_default();
            return Err(ChartError::Registry {
                method: if identity.is_empty() { "GET" } else { "POST" }.into(),
                url: url.split('?').next().unwrap_or_default().to_owned(),
                status,
                text: manifest::error_text(&body, status),
            });
        }
        let body = answer.read(MAX_SMALL)?;
        let json: serde_json::Value = serde_json::from_slice(&body)
            .map_err(|_| malformed("the token service's answer is no JSON"))?;
        let token = ["token", "access_token"]
            .iter()
            .find_map(|name| json[*name].as_str().filter(|text| !text.is_empty()))
            .ok_or_else(|| malformed("the token service's answer has no token"))?;
        let life = json["expires_in"].as_u64().map_or(TOKEN_LIFE, |seconds| {
            Duration::from_secs(seconds.min(24 * 3600))
        });
        Ok(Token {
            authorization: format!("Bearer {token}").into(),
            until: Instant::now().checked_add(life.saturating_sub(Duration::from_secs(10))),
        })
    }
}

/// One request to a registry.
pub(crate) struct Request<'r> {
    pub method: Method,
    pub url: &'r str,
    pub headers: &'r [(&'r str, &'r str)],
    /// What a token must be good for.
    pub scope: &'r str,
    pub body: &'r [u8],
}

impl<'r> Request<'r> {
    pub(crate) fn get(url: &'r str, scope: &'r str) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: &[],
            scope,
            body: &[],
        }
    }
}

pub(crate) fn pull_scope(reference: &Reference) -> String {
    format!("repository:{}:pull", reference.repository)
}

/// Whether a registry is on this machine.
fn is_loopback(at: &str) -> bool {
    let name = host(at).trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
