//! How Git repositories are read: options that flags, the settings file and the environment share.

use argosy_object::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What was said; nothing is a default yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitOptions {
    /// `--git-interval`, `gitInterval`: between two looks at a remote repository.
    pub interval: Option<Duration>,
    /// `--git-max-fetch`, `gitMaxFetch`: the most bytes that one fetch may bring.
    pub max_fetch: Option<u64>,
    /// `--git-max-file`, `gitMaxFile`: the largest file that is read.
    pub max_file: Option<u64>,
    /// `--git-submodules`, `gitSubmodules`, `ARGOCD_GIT_MODULES_ENABLED`.
    pub submodules: Option<bool>,
    /// `--ssh-agent`, `sshAgent`: whether the operator's agent may be asked.
    pub ssh_agent: Option<bool>,
    /// `--ssh-program`, `sshProgram`.
    pub ssh_program: Option<PathBuf>,
    /// What the process' environment says.
    pub environment: GitEnvironment,
}

/// What the environment says of the network and of the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitEnvironment {
    /// `HTTPS_PROXY`, else `ALL_PROXY`.
    pub https_proxy: String,
    /// `HTTP_PROXY`, else `ALL_PROXY`.
    pub http_proxy: String,
    /// `NO_PROXY`.
    pub no_proxy: String,
    /// `SSH_AUTH_SOCK`.
    pub agent_socket: Option<PathBuf>,
    /// `~/.ssh/known_hosts`.
    pub known_hosts: Option<PathBuf>,
}

impl GitOptions {
    /// Takes one key of the settings file; `None` where it is none of these.
    ///
    /// # Errors
    /// A sentence, where the value is of the wrong kind.
    pub(super) fn take(&mut self, key: &str, value: &Value) -> Option<Result<(), String>> {
        let text = || value.as_str().ok_or_else(|| format!("`{key}` is no text"));
        let flag = || {
            value
                .as_bool()
                .ok_or_else(|| format!("`{key}` is neither true nor false"))
        };
        let bytes = || match value.as_u64() {
            Some(bytes) => Ok(bytes),
            None => text().and_then(parse_bytes),
        };
        let taken = match key {
            "gitInterval" => text()
                .and_then(parse_interval)
                .map(|interval| self.interval = Some(interval)),
            "gitMaxFetch" => bytes().map(|bytes| self.max_fetch = Some(bytes)),
            "gitMaxFile" => bytes().map(|bytes| self.max_file = Some(bytes)),
            "gitSubmodules" => flag().map(|flag| self.submodules = Some(flag)),
            "sshAgent" => flag().map(|flag| self.ssh_agent = Some(flag)),
            "sshProgram" => text().map(|text| self.ssh_program = Some(text.into())),
            _ => return None,
        };
        Some(taken)
    }

    /// Flags before the environment before the file.
    pub(super) fn resolve(flags: &Self, file: &Self, env: &BTreeMap<String, String>) -> Self {
        let modules = super::set(env, "ARGOCD_GIT_MODULES_ENABLED");
        let modules = modules.and_then(|text| match text.to_ascii_lowercase().as_str() {
            "false" | "0" | "f" => Some(false),
            "true" | "1" | "t" => Some(true),
            _ => None,
        });
        Self {
            interval: flags.interval.or(file.interval),
            max_fetch: flags.max_fetch.or(file.max_fetch),
            max_file: flags.max_file.or(file.max_file),
            submodules: flags.submodules.or(modules).or(file.submodules),
            ssh_agent: flags.ssh_agent.or(file.ssh_agent),
            ssh_program: flags
                .ssh_program
                .clone()
                .or_else(|| file.ssh_program.clone()),
            environment: GitEnvironment::of(env),
        }
    }
}

impl GitEnvironment {
    fn of(env: &BTreeMap<String, String>) -> Self {
        // Both spellings are in use; the upper one goes first.
        let both = |name: &str| {
            super::set(env, name)
                .or_else(|| super::set(env, &name.to_lowercase()))
                .map(str::to_owned)
        };
        let all = both("ALL_PROXY");
        // Compat: a server that runs as a CGI program is given `HTTP_PROXY` by whoever asks it.
        let is_cgi = super::set(env, "REQUEST_METHOD").is_some();
        let http = both("HTTP_PROXY").filter(|_| !is_cgi);
        let home = super::set(env, "HOME").map(PathBuf::from);
        Self {
            https_proxy: both("HTTPS_PROXY")
                .or_else(|| all.clone())
                .unwrap_or_default(),
            http_proxy: http.or(all).unwrap_or_default(),
            no_proxy: both("NO_PROXY").unwrap_or_default(),
            agent_socket: super::set(env, "SSH_AUTH_SOCK").map(PathBuf::from),
            known_hosts: home.map(|home| home.join(".ssh/known_hosts")),
        }
    }
}

/// Reads a number of bytes: digits, and `Ki`, `Mi` or `Gi` after them.
///
/// # Errors
/// A sentence.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit {
        "" => 0,
        "Ki" => 10,
        "Mi" => 20,
        "Gi" => 30,
        _ => return Err(format!("`{text}` is no size, such as 500000, 64Mi or 4Gi")),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| format!("`{text}` is no size, such as 500000, 64Mi or 4Gi"))?;
    number
        .checked_mul(1 << shift)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| format!("`{text}` is out of range"))
}

/// Reads an interval of at least a second: a number, and `s`, `m` or `h` after it.
///
/// # Errors
/// A sentence.
pub fn parse_interval(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no interval, such as 30s, 2m or 1h");
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(factor) {
        Some(seconds @ 1..=604_800) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("`{text}` is not between a second and a week")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn sizes_and_intervals_have_units_and_bounds() {
        assert_eq!(parse_bytes("500"), Ok(500));
        assert_eq!(parse_bytes("4Gi"), Ok(4 << 30));
        for wrong in ["", "0", "-1", "4GB", "Mi", "99999999999Gi"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_interval("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_interval("1h"), Ok(Duration::from_hours(1)));
        for wrong in ["", "0s", "1d", "2 m", "9000h"] {
            assert!(parse_interval(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn flags_go_before_the_environment_and_that_before_the_file() {
        let mut file = GitOptions::default();
        for (key, value) in [
            ("gitInterval", json!("5m")),
            ("gitMaxFetch", json!("1Gi")),
            ("gitMaxFile", json!(1000)),
            ("gitSubmodules", json!(true)),
            ("sshAgent", json!(true)),
            ("sshProgram", json!("/opt/ssh")),
        ] {
            file.take(key, &value).unwrap().unwrap();
        }
        assert!(file.take("other", &json!(1)).is_none());
        assert!(file.take("sshAgent", &json!("yes")).unwrap().is_err());
        let flags = GitOptions {
            max_fetch: Some(7),
            ..GitOptions::default()
        };
        let env: BTreeMap<String, String> = [
            ("ARGOCD_GIT_MODULES_ENABLED", "false"),
            ("https_proxy", "http://p:1"),
            ("ALL_PROXY", "socks5://a:2"),
            ("NO_PROXY", "internal"),
            ("HOME", "/h"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let options = GitOptions::resolve(&flags, &file, &env);
        assert_eq!(options.max_fetch, Some(7));
        assert_eq!(options.max_file, Some(1000));
        assert_eq!(options.submodules, Some(false));
        assert_eq!(options.interval, Some(Duration::from_mins(5)));
        assert_eq!(options.environment.https_proxy, "http://p:1");
        assert_eq!(options.environment.http_proxy, "socks5://a:2");
        let known = PathBuf::from("/h/.ssh/known_hosts");
        assert_eq!(options.environment.known_hosts, Some(known));
    }
}
