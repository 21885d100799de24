//! What `ssh` and the server behind it say, in words that name the way out.

use super::Address;
use crate::failure;
use argosy_fetch::Credential;
use argosy_fetch::redact_url;
use argosy_ports::{SourceError, SourceErrorKind};

/// The ConfigMap that host keys are read from, and its key.
const KNOWN_HOSTS: &str = "key `ssh_known_hosts` of the ConfigMap `argocd-ssh-known-hosts-cm`";

/// A connection that failed.
pub(crate) struct Failed<'f> {
    pub url: &'f str,
    pub address: &'f Address,
    pub credential: &'f Credential,
    /// Whether the operator's agent was asked.
    pub has_agent: bool,
    /// What was written beside the data.
    pub text: &'f str,
    /// The exit code of the program.
    pub code: Option<i32>,
    /// The reason that the protocol's layers give.
    pub reason: &'f str,
}

/// Says why a connection failed.
pub(crate) fn explain(failed: &Failed<'_>) -> SourceError {
    let text = failed.text;
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    if says(&[
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "has changed and you have requested",
    ]) {
        return changed_host(failed);
    }
    if says(&["host key is known for", "Host key verification failed"]) {
        return unknown_host(failed);
    }
    if says(&["Permission denied"]) {
        return refused(failed);
    }
    if says(&[
        "does not appear to be a git repository",
        "Repository not found",
        "epository does not exist",
        "could not be found",
        "not a git repository",
        "No such file or directory",
    ]) {
        return failure::no_repository(failed.url, &lines(text));
    }
    if failed.code == Some(127) || says(&["command not found"]) {
        return failure::no_repository(
            failed.url,
            &format!("the server runs no `git-upload-pack`: {}", lines(text)),
        );
    }
    let said = lines(text);
    failure::unreachable(
        failed.url,
        if said.is_empty() {
            failed.reason
        } else {
            &said
        },
    )
}

fn unknown_host(failed: &Failed<'_>) -> SourceError {
    let host = failed.address.known_as();
    SourceError {
        kind: SourceErrorKind::Forbidden,
        message: format!(
            "repository `{}`: the host `{host}` is not known, so its key cannot be checked",
            redact_url(failed.url)
        ),
        hint: Some(format!(
            "add the line of `{}`, once compared with what the host's owner publishes, to {KNOWN_HOSTS}",
            keyscan(failed.address)
        )),
    }
}

fn changed_host(failed: &Failed<'_>) -> SourceError {
    let host = failed.address.known_as();
    SourceError {
        kind: SourceErrorKind::Forbidden,
        message: format!(
            "repository `{}`: the host `{host}` shows another key than the known one; \
             somebody may stand in between",
            redact_url(failed.url)
        ),
        hint: Some(format!(
            "if its owner has changed the key, replace its line in {KNOWN_HOSTS}"
        )),
    }
}

fn refused(failed: &Failed<'_>) -> SourceError {
    let url = redact_url(failed.url);
    let user = &failed.address.user;
    let id = &failed.credential.id;
    let has_key = !failed.credential.ssh_key.reveal().is_empty();
    let (message, hint) = if has_key {
        let unreadable = ["invalid format", "error in libcrypto", "passphrase"]
            .iter()
            .any(|phrase| failed.text.contains(phrase));
        if unreadable {
            (
                format!("repository `{url}`: the key of the credential `{id}` cannot be read"),
                format!(
                    "`sshPrivateKey` of the Secret `{id}` must be a private key of OpenSSH or PEM \
                     without a passphrase"
                ),
            )
        } else {
            (
                format!(
                    "repository `{url}` refuses the key of the credential `{id}` for user `{user}`"
                ),
                format!(
                    "let the host take the public half of `sshPrivateKey` of the Secret `{id}`, \
                     or correct the user in the URL"
                ),
            )
        }
    } else if failed.has_agent {
        (
            format!("repository `{url}` refuses all keys of the agent for user `{user}`"),
            "`ssh-add -l` shows the agent's keys".into(),
        )
    } else {
        (
            format!("repository `{url}` wants a key for user `{user}`, and there is none"),
            format!(
                "add a Secret labelled `argocd.argoproj.io/secret-type: repository` with \
                 `sshPrivateKey` for this URL, or run \
                 `argosy repo add {url} --ssh-private-key-path FILE`"
            ),
        )
    };
    SourceError {
        kind: SourceErrorKind::Unauthorized,
        message,
        hint: Some(hint),
    }
}

fn keyscan(address: &Address) -> String {
    match address.port {
        Some(port) if port != 22 => format!("ssh-keyscan -p {port} {}", address.host),
        _ => format!("ssh-keyscan {}", address.host),
    }
}

/// The lines in one, without the frames that some servers draw and without our own files.
fn lines(text: &str) -> String {
    let said: Vec<&str> = text
        .lines()
        .map(|line| line.trim().trim_start_matches("remote:").trim())
        .filter(|line| line.chars().any(char::is_alphanumeric) && !line.contains("/proc/"))
        .collect();
    said.join("; ")
}
