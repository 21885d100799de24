//! What a Git host sends when somebody pushes: who it is, whether it is them, and which
//! repository it is about. Nothing of a body is read before its signature is checked.
//!
//! `Compat:` headers, their order, the keys of `argocd-secret` and what is matched are those of
//! Argo CD; a host whose secret is not set is believed.

use super::proof::{is_hmac, is_same};
use argosy_object::Redacted;
use base64::Engine as _;
use http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Most URLs of one repository that count.
const MAX_URLS: usize = 16;

/// What hosts prove themselves by; empty: nothing is asked for.
#[derive(Clone, Debug, Default)]
pub struct WebhookSecrets {
    /// `webhook.github.secret`.
    pub github: Redacted<String>,
    /// `webhook.gitlab.secret`.
    pub gitlab: Redacted<String>,
    /// `webhook.gogs.secret`, of Gitea and Forgejo too.
    pub gogs: Redacted<String>,
    /// `webhook.bitbucket.uuid`.
    pub bitbucket: Redacted<String>,
    /// `webhook.bitbucketserver.secret`.
    pub bitbucket_server: Redacted<String>,
    /// `webhook.azuredevops.username`.
    pub azure_user: Redacted<String>,
    /// `webhook.azuredevops.password`.
    pub azure_password: Redacted<String>,
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    AzureDevOps,
    Gogs,
    GitHub,
    GitLab,
    Bitbucket,
    BitbucketServer,
}

/// What a delivery says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Something was pushed to the repository that has these URLs.
    Push(Vec<String>),
    /// The host asks whether we are there, or tells of something else.
    Other,
}

/// Why a delivery is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("the sender is no Git host that is known here")]
    Unknown,
    #[error("the signature or token is missing or not that of `{0}` in the Secret `argocd-secret`")]
    Unproven(&'static str),
    #[error("the body is not the JSON of a push: {0}; the webhook must send application/json")]
    Malformed(String),
}

impl Host {
    /// Who a request says it is from. Gitea and Gogs call themselves GitHub too.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let has = |name: &str| !header(headers, name).is_empty();
        [
            ("x-vss-activityid", Self::AzureDevOps),
            ("x-gogs-event", Self::Gogs),
            ("x-gitea-event", Self::Gogs),
            ("x-github-event", Self::GitHub),
            ("x-gitlab-event", Self::GitLab),
            ("x-hook-uuid", Self::Bitbucket),
            ("x-event-key", Self::BitbucketServer),
        ]
        .into_iter()
        .find_map(|(name, host)| has(name).then_some(host))
    }

    /// Whether its deliveries must prove themselves.
    pub(crate) fn has_secret(self, secrets: &WebhookSecrets) -> bool {
        let (secret, _) = self.secret(secrets);
        !secret.is_empty()
            || (self == Self::AzureDevOps && !secrets.azure_password.reveal().is_empty())
    }

    fn secret(self, secrets: &WebhookSecrets) -> (&str, &'static str) {
        let (secret, key) = match self {
            Self::AzureDevOps => (&secrets.azure_user, "webhook.azuredevops.username"),
            Self::Gogs => (&secrets.gogs, "webhook.gogs.secret"),
            Self::GitHub => (&secrets.github, "webhook.github.secret"),
            Self::GitLab => (&secrets.gitlab, "webhook.gitlab.secret"),
            Self::Bitbucket => (&secrets.bitbucket, "webhook.bitbucket.uuid"),
            Self::BitbucketServer => (&secrets.bitbucket_server, "webhook.bitbucketserver.secret"),
        };
        (secret.reveal(), key)
    }

    /// Checks what a delivery proves itself by.
    pub(crate) fn check(
        self,
        headers: &HeaderMap,
        body: &[u8],
        secrets: &WebhookSecrets,
    ) -> Result<(), Rejection> {
        if !self.has_secret(secrets) {
            return Ok(());
        }
        let (secret, key) = self.secret(secrets);
        let signed = |name: &str| is_hmac(secret, body, header(headers, name));
        let is_proven = match self {
            Self::AzureDevOps => {
                let pair = format!("{secret}:{}", secrets.azure_password.reveal());
                let wanted = base64::engine::general_purpose::STANDARD.encode(pair);
                let given = header(headers, "authorization");
                given
                    .strip_prefix("Basic ")
                    .is_some_and(|given| is_same(given.trim(), &wanted))
            }
            Self::Gogs => signed("x-gogs-signature") || signed("x-gitea-signature"),
            Self::GitHub => signed("x-hub-signature-256"),
            Self::GitLab => is_same(header(headers, "x-gitlab-token"), secret),
            Self::Bitbucket => is_same(header(headers, "x-hook-uuid"), secret),
            Self::BitbucketServer => signed("x-hub-signature"),
        };
        is_proven.then_some(()).ok_or(Rejection::Unproven(key))
    }

    /// Reads a body whose signature is checked.
    pub(crate) fn read(self, headers: &HeaderMap, body: &[u8]) -> Result<Event, Rejection> {
        let event = |name: &str| header(headers, name).to_owned();
        let urls = match self {
            Self::AzureDevOps => azure(body)?,
            Self::Gogs => {
                let name = match event("x-gogs-event") {
                    name if name.is_empty() => event("x-gitea-event"),
                    name => name,
                };
                match name.as_str() {
                    "push" | "create" | "delete" => Some(forge(body)?),
                    _ => None,
                }
            }
            Self::GitHub => match event("x-github-event").as_str() {
                "push" | "create" | "delete" => Some(forge(body)?),
                _ => None,
            },
            Self::GitLab => match event("x-gitlab-event").as_str() {
                "Push Hook" | "Tag Push Hook" => Some(gitlab(body)?.1),
                "System Hook" => match gitlab(body)? {
                    (kind, urls) if kind == "push" || kind == "tag_push" => Some(urls),
                    _ => None,
                },
                _ => None,
            },
            Self::Bitbucket => match event("x-event-key").as_str() {
                "repo:push" | "" => Some(bitbucket(body)?),
                _ => None,
            },
            Self::BitbucketServer => match event("x-event-key").as_str() {
                "repo:refs_changed" | "mirror:repo_synchronized" => Some(bitbucket(body)?),
                _ => None,
            },
        };
        let Some(mut urls) = urls else {
            return Ok(Event::Other);
        };
        urls.retain(|url| !url.is_empty());
        urls.truncate(MAX_URLS);
        if urls.is_empty() {
            return Err(Rejection::Malformed("it names no repository".into()));
        }
        Ok(Event::Push(urls))
    }
}

/// The value of a header that is there once.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().unwrap_or(""),
        _ => "",
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Rejection> {
    serde_json::from_slice(body).map_err(|error| {
        // Where it is wrong, and nothing of what it says.
        let at = format!("line {} column {}", error.line(), error.column());
        Rejection::Malformed(at)
    })
}

/// GitHub, Gitea, Gogs and Forgejo.
fn forge(body: &[u8]) -> Result<Vec<String>, Rejection> {
    #[derive(Deserialize)]
    struct Payload {
        repository: Repository,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    #[allow(clippy::struct_field_names)] // they are the host's names
    struct Repository {
        html_url: String,
        clone_url: String,
        ssh_url: String,
    }
    let repository = parse::<Payload>(body)?.repository;
    Ok(vec![
        repository.html_url,
        repository.clone_url,
        repository.ssh_url,
    ])
}

/// What happened, and the URLs.
fn gitlab(body: &[u8]) -> Result<(String, Vec<String>), Rejection> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Payload {
        object_kind: String,
        event_name: String,
        project: Project,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    #[allow(clippy::struct_field_names)] // they are the host's names
    struct Project {
        web_url: String,
        git_http_url: String,
        git_ssh_url: String,
    }
    let payload: Payload = parse(body)?;
    let kind = if payload.object_kind.is_empty() {
        payload.event_name
    } else {
        payload.object_kind
    };
    let project = payload.project;
    let urls = vec![project.web_url, project.git_http_url, project.git_ssh_url];
    Ok((kind, urls))
}

/// Bitbucket's two kinds, and Bitbucket Data Center.
fn bitbucket(body: &[u8]) -> Result<Vec<String>, Rejection> {
    #[derive(Deserialize)]
    struct Payload {
        repository: Repository,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Repository {
        links: Links,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Links {
        html: Link,
        clone: Vec<Link>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Link {
        href: String,
    }
    let links = parse::<Payload>(body)?.repository.links;
    let all = std::iter::once(links.html).chain(links.clone);
    Ok(all.map(|link| link.href).collect())
}

/// `None` where it is no push.
fn azure(body: &[u8]) -> Result<Option<Vec<String>>, Rejection> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Payload {
        event_type: String,
        resource: Resource,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Resource {
        repository: Repository,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Repository {
        remote_url: String,
        ssh_url: String,
    }
    let payload: Payload = parse(body)?;
    let repository = payload.resource.repository;
    let is_push = payload.event_type == "git.push";
    Ok(is_push.then(|| vec![repository.remote_url, repository.ssh_url]))
}

#[cfg(test)]
mod tests;
