//! The server behind a mirror: how it is reached at this moment, and what its failures mean.

use crate::failure;
use crate::fetch::{self, FetchError, Request};
use crate::refs::Refs;
use crate::smart_http;
use crate::ssh::{self, Address, SshSettings};
use crate::wire::{Cause, Wire};
use argosy_fetch::{Credential, Patience, Proxies, host};
use argosy_ports::SourceError;
use gix::ObjectId;
use std::sync::Arc;
use std::time::Duration;

/// What is known of a server at this moment.
pub(crate) struct Access {
    pub credential: Credential,
    /// The PEM certificates that the host is trusted by instead of the system's.
    pub authority: Option<String>,
    /// The lines of known ssh hosts.
    pub known_hosts: Arc<str>,
}

/// Gives the credential of this moment, and what the host is trusted by.
pub(crate) type GiveAccess = dyn Fn() -> Result<Access, SourceError> + Send + Sync;

/// How a server is reached.
pub(crate) enum Way {
    /// Git's smart HTTP, at the remote's URL.
    Http,
    /// The `ssh` program.
    Ssh(Address, SshSettings),
}

/// Where a mirror is filled from. The credential is asked for at each fetch, as it may change.
pub(crate) struct Remote {
    pub url: String,
    pub way: Way,
    pub access: Box<GiveAccess>,
    pub proxies: Proxies,
    pub patience: Patience,
    pub max_bytes: u64,
    /// How long commits may stay that nothing leads to any more.
    pub garbage_patience: Duration,
}

impl Remote {
    /// Fetches what a request asks for, as deep as the credential's Secret says.
    pub(crate) fn fetch(&self, request: &Request<'_>) -> Result<Refs, SourceError> {
        let access = (self.access)()?;
        let request = &Request {
            depth: access.credential.depth,
            ..*request
        };
        let mut wire = self.connect(&access)?;
        fetch::fetch(&mut wire.transport, &wire.budget, request)
            .map_err(|error| self.explain(&error, wire, &access, request.commit))
    }

    /// Asks whether the repository may be read, and fetches nothing.
    pub(crate) fn probe(&self) -> Result<(), SourceError> {
        let access = (self.access)()?;
        let mut wire = self.connect(&access)?;
        fetch::greet(&mut wire.transport).map_err(|error| self.explain(&error, wire, &access, None))
    }

    fn connect(&self, access: &Access) -> Result<Wire, SourceError> {
        let url = &self.url;
        let id = &access.credential.id;
        match &self.way {
            Way::Http => smart_http::Dial {
                url,
                credential: &access.credential,
                trust: access
                    .credential
                    .trust(access.authority.as_deref(), &self.proxies),
                patience: self.patience,
                max_bytes: self.max_bytes,
            }
            .connect()
            .map_err(|reason| {
                failure::unsupported(
                    format!("the settings of TLS or the proxy of repository `{url}` are not usable: {reason}"),
                    Some(format!("correct the Secret `{id}`")),
                )
            }),
            Way::Ssh(..) if !access.credential.proxy.is_empty() => Err(failure::unsupported(
                format!("repository `{url}` is reached over ssh, which takes no `proxy` here"),
                Some(format!(
                    "remove `proxy` from the Secret `{id}`, or use the repository's https URL"
                )),
            )),
            Way::Ssh(address, settings) => ssh::Dial {
                address,
                credential: &access.credential,
                known_hosts: &access.known_hosts,
                settings,
                patience: self.patience,
                max_bytes: self.max_bytes,
            }
            .connect()
            .map_err(|reason| {
                failure::unsupported(
                    format!("repository `{url}` is reached over ssh: {reason}"),
                    Some(
                        "install an OpenSSH client, or name one with `--ssh-program FILE`; \
                         or use the repository's https URL"
                            .into(),
                    ),
                )
            }),
        }
    }

    fn explain(
        &self,
        error: &FetchError,
        wire: Wire,
        access: &Access,
        commit: Option<ObjectId>,
    ) -> SourceError {
        let url = &self.url;
        match error {
            FetchError::Format(format) => return failure::object_format(url, format),
            FetchError::TooManyRefs => {
                return failure::unsupported(
                    format!("repository `{url}`: {error}"),
                    Some("delete branches and tags that nobody needs".into()),
                );
            }
            FetchError::Disk(reason) => return failure::storage(url, "keep what came", reason),
            FetchError::Protocol(_) => {}
        }
        let credential = &access.credential;
        let cause = (wire.cause)();
        drop(wire.transport);
        match (cause, commit) {
            (Some(Cause::Status(status @ (401 | 403 | 407))), _) => {
                failure::unauthorized(url, &credential.id, status)
            }
            (Some(Cause::Status(status @ (404 | 410))), _) => {
                failure::no_repository(url, &format!("the server answers HTTP {status}"))
            }
            (Some(Cause::Status(status)), _) => {
                failure::unreachable(url, &format!("the server answers HTTP {status}"))
            }
            (Some(Cause::Broken(reason)), _) if reason.to_lowercase().contains("certificate") => {
                failure::untrusted(url, host(url), &credential.id, &reason)
            }
            (Some(Cause::Broken(reason)), _) => failure::unreachable(url, &reason),
            (Some(Cause::TooLarge(max)), _) => failure::unsupported(
                format!("repository `{url}` sends more than {max} bytes at once"),
                Some("raise `--git-max-fetch`, the limit of what one fetch may bring".into()),
            ),
            (Some(Cause::NotGit), _) => failure::no_repository(
                url,
                &format!("`{}` does not speak Git's smart HTTP there", host(url)),
            ),
            (_, Some(commit)) => failure::no_revision(
                url,
                &commit.to_string(),
                Some("the server does not give this commit"),
            ),
            (Some(Cause::Ssh { text, code }), None) => self.explain_ssh(&text, code, error, access),
            (None, None) => failure::unreachable(url, &error.to_string()),
        }
    }

    fn explain_ssh(
        &self,
        text: &str,
        code: Option<i32>,
        error: &FetchError,
        access: &Access,
    ) -> SourceError {
        let Way::Ssh(address, settings) = &self.way else {
            return failure::unreachable(&self.url, text);
        };
        ssh::explain(&ssh::Failed {
            url: &self.url,
            address,
            credential: &access.credential,
            has_agent: settings.agent.is_some(),
            text,
            code,
            reason: &error.to_string(),
        })
    }
}
