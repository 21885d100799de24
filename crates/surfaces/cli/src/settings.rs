//! What flags, a file and the environment say, resolved once; nobody else reads the environment.

mod git;

pub use git::{GitEnvironment, GitOptions, parse_bytes, parse_interval};

use argosy_object::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The flags that every command knows.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
    /// `--namespace`: of the control plane.
    pub namespace: Option<String>,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--local-repos`.
    pub local_repos: Vec<PathBuf>,
    /// `--git-instead-of`.
    pub git_instead_of: Vec<String>,
    /// How Git repositories are read.
    pub git: GitOptions,
    /// `--remote-hosts`.
    pub remote_hosts: Vec<String>,
    /// `--no-color`.
    pub no_color: bool,
}

/// The settings file: the flags' names in camel case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSettings {
    /// `kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `context`.
    pub context: Option<String>,
    /// `namespace`.
    pub namespace: Option<String>,
    /// `localRepos`.
    pub local_repos: Vec<PathBuf>,
    /// `gitInsteadOf`.
    pub git_instead_of: Vec<String>,
    /// How Git repositories are read.
    pub git: GitOptions,
    /// `remoteHosts`.
    pub remote_hosts: Vec<String>,
}

/// Resolved settings: flags before environment before file before defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Kubeconfig files in order; the first that names something wins.
    pub kubeconfig: Vec<PathBuf>,
    /// The context, where not the current one.
    pub context: Option<String>,
    /// The namespace of the control plane.
    pub namespace: String,
    /// Folders with repositories that may be read.
    pub local_repos: Vec<PathBuf>,
    /// `BASE=OTHER` rules.
    pub git_instead_of: Vec<String>,
    /// How Git repositories are read.
    pub git: GitOptions,
    /// Hosts that kustomizations may name bases of; none: all.
    pub remote_hosts: Vec<String>,
    /// Whether colours are unwanted.
    pub no_color: bool,
    /// The folder for mirrors and other things that can be made anew.
    pub cache_dir: PathBuf,
}

/// Why settings could not be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The file is no mapping, or holds something unknown.
    #[error("settings file `{file}`: {reason}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
}

impl FileSettings {
    /// Reads the text of a settings file.
    ///
    /// # Errors
    /// Broken YAML, an unknown key or a value of the wrong kind.
    pub fn parse(file: &str, text: &str) -> Result<Self, SettingsError> {
        let fault = |reason: String| SettingsError::File {
            file: file.into(),
            reason,
        };
        let value = argosy_yaml::from_str(text).map_err(|error| fault(error.to_string()))?;
        let map = match value {
            Value::Null => return Ok(Self::default()),
            Value::Object(map) => map,
            _ => return Err(fault("it holds no mapping".into())),
        };
        let mut settings = Self::default();
        for (key, value) in map {
            let text = || {
                let text = value.as_str().map(str::to_owned);
                text.ok_or_else(|| fault(format!("`{key}` is no text")))
            };
            let list = || {
                let list = value.as_array().map(|items| {
                    let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                    texts.collect::<Option<Vec<String>>>()
                });
                let list = list.flatten();
                list.ok_or_else(|| fault(format!("`{key}` is no list of texts")))
            };
            match key.as_str() {
                "kubeconfig" => settings.kubeconfig = Some(text()?.into()),
                "context" => settings.context = Some(text()?),
                "namespace" => settings.namespace = Some(text()?),
                "localRepos" => {
                    settings.local_repos = list()?.into_iter().map(PathBuf::from).collect();
                }
                "gitInsteadOf" => settings.git_instead_of = list()?,
                "remoteHosts" => settings.remote_hosts = list()?,
                key => match settings.git.take(key, &value) {
                    Some(taken) => taken.map_err(fault)?,
                    None => return Err(fault(format!("`{key}` is no setting"))),
                },
            }
        }
        Ok(settings)
    }
}

impl Settings {
    /// Where the settings file is, if nobody says so: the flag, then `ARGOSY_CONFIG`, then the
    /// user's folder for settings. The second value is whether the file must be there.
    pub fn file(flags: &Flags, env: &BTreeMap<String, String>) -> Option<(PathBuf, bool)> {
        if let Some(path) = &flags.config {
            return Some((path.clone(), true));
        }
        if let Some(path) = set(env, "ARGOSY_CONFIG") {
            return Some((path.into(), true));
        }
        let folder = set(env, "XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(set(env, "HOME")?).join(".config")))?;
        Some((folder.join("argosy/config.yaml"), false))
    }

    /// Resolves flags, file and environment.
    pub fn resolve(flags: &Flags, file: &FileSettings, env: &BTreeMap<String, String>) -> Self {
        let home = set(env, "HOME").map(PathBuf::from).unwrap_or_default();
        let kubeconfig = match (&flags.kubeconfig, set(env, "KUBECONFIG"), &file.kubeconfig) {
            (Some(path), _, _) => vec![path.clone()],
            (None, Some(paths), _) => paths
                .split(':')
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
                .collect(),
            (None, None, Some(path)) => vec![path.clone()],
            (None, None, None) => vec![home.join(".kube/config")],
        };
        let cache = set(env, "XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
        let first = |flag: &Option<String>, name: &str, file: &Option<String>| {
            flag.clone()
                .or_else(|| set(env, name).map(str::to_owned))
                .or_else(|| file.clone())
        };
        Self {
            kubeconfig,
            context: first(&flags.context, "ARGOSY_CONTEXT", &file.context),
            namespace: first(&flags.namespace, "ARGOSY_NAMESPACE", &file.namespace)
                .unwrap_or_else(|| argosy_crds::names::CONTROL_NAMESPACE.into()),
            local_repos: [&flags.local_repos[..], &file.local_repos].concat(),
            git_instead_of: [&flags.git_instead_of[..], &file.git_instead_of].concat(),
            git: GitOptions::resolve(&flags.git, &file.git, env),
            remote_hosts: [&flags.remote_hosts[..], &file.remote_hosts].concat(),
            no_color: flags.no_color || set(env, "NO_COLOR").is_some(),
            cache_dir: cache.join("argosy"),
        }
    }
}

fn set<'e>(env: &'e BTreeMap<String, String>, name: &str) -> Option<&'e str> {
    env.get(name).map(String::as_str).filter(|v| !v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let file = FileSettings::parse("f", "namespace: from-file\ncontext: from-file\n").unwrap();
        let env = env(&[
            ("HOME", "/h"),
            ("KUBECONFIG", "/a:/b"),
            ("ARGOSY_CONTEXT", "from-env"),
            ("NO_COLOR", "1"),
        ]);
        let flags = Flags::default();
        let settings = Settings::resolve(&flags, &file, &env);
        assert_eq!(settings.kubeconfig, [PathBuf::from("/a"), "/b".into()]);
        assert_eq!(settings.context.as_deref(), Some("from-env"));
        assert_eq!(settings.namespace, "from-file");
        assert!(settings.no_color);
        let flags = Flags {
            kubeconfig: Some("/flag".into()),
            namespace: Some("n".into()),
            ..flags
        };
        let settings = Settings::resolve(&flags, &file, &env);
        assert_eq!(settings.kubeconfig, [PathBuf::from("/flag")]);
        assert_eq!(settings.namespace, "n");
    }

    #[test]
    fn defaults_are_those_of_the_tools_people_have() {
        let settings = Settings::resolve(
            &Flags::default(),
            &FileSettings::default(),
            &env(&[("HOME", "/h"), ("KUBECONFIG", "")]),
        );
        assert_eq!(settings.kubeconfig, [PathBuf::from("/h/.kube/config")]);
        assert_eq!(settings.namespace, "argocd");
        assert!(!settings.no_color);
    }

    #[test]
    fn a_file_with_an_unknown_key_names_it() {
        let error = FileSettings::parse("f.yaml", "nonsense: 1\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "settings file `f.yaml`: `nonsense` is no setting"
        );
        assert!(FileSettings::parse("f", "- a\n").is_err());
        assert_eq!(
            FileSettings::parse("f", "").unwrap(),
            FileSettings::default()
        );
    }
}
