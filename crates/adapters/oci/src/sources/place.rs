//! What a repository's URL names, and what it is read with.

use super::{MAX_REGISTRIES, Shared, lock};
use crate::error::ChartError;
use crate::registry::reference::Reference;
use crate::registry::{Login, Registry, RegistryAccess};
use crate::repository::{ChartRepository, RepositoryAccess};
use argosy_fetch::host;
use argosy_ports::RepoRef;
use std::sync::Arc;

/// A chart repository, or a folder of a registry.
pub(super) enum Place {
    Http(Box<ChartRepository>),
    Registry {
        registry: Arc<Registry>,
        base: String,
    },
}

impl Place {
    /// The registry and a chart's repository there; without a chart the place itself.
    pub(super) fn registry(&self, chart: &str) -> Result<(&Registry, Reference), ChartError> {
        match self {
            Self::Registry { registry, base } if chart.is_empty() => {
                Ok((registry, Reference::parse(base)?))
            }
            Self::Registry { registry, base } => {
                Ok((registry, Reference::parse(&format!("{base}/{chart}"))?))
            }
            Self::Http(repository) => Err(ChartError::Scheme(repository.url().to_owned())),
        }
    }
}

impl Shared {
    /// Compat: a URL without a scheme names a registry, and so does one whose Secret says
    /// `enableOCI`.
    pub(super) fn place(
        &self,
        repo: &RepoRef,
        pass_credentials: bool,
    ) -> Result<Place, ChartError> {
        let credentials = self.credentials();
        let credential = credentials.get(&repo.credential).ok_or_else(|| {
            ChartError::NotFound(format!("the Secret `{}` is gone", repo.credential.0))
        })?;
        let url = repo.url.trim().trim_end_matches('/');
        let trust = credential.trust(credentials.authority(host(url)), &self.settings.proxies);
        let is_http = url.starts_with("http://") || url.starts_with("https://");
        if is_http && !credential.is_registry {
            let access = RepositoryAccess {
                url: url.to_owned(),
                username: credential.username,
                password: credential.password,
                bearer_token: credential.bearer_token,
                pass_credentials,
                trust,
            };
            let mut repository = ChartRepository::new(access)?;
            if let Some(patience) = self.settings.patience {
                repository = repository.with_patience(patience);
            }
            return Ok(Place::Http(Box::new(repository)));
        }
        let base = url.split_once("://").map_or(url, |(_, rest)| rest);
        let scheme = url.split_once("://").map_or("oci", |(scheme, _)| scheme);
        if !matches!(scheme, "oci" | "http" | "https") {
            return Err(ChartError::Scheme(scheme.to_owned()));
        }
        let at = base.split('/').next().unwrap_or_default().to_owned();
        let mut registries = lock(&self.registries);
        let key = (at.clone(), repo.credential.clone());
        if registries.len() >= MAX_REGISTRIES && !registries.contains_key(&key) {
            registries.clear();
        }
        let registry = registries.entry(key).or_insert_with(|| {
            let registry = Registry::new(RegistryAccess {
                host: at,
                login: Login {
                    username: credential.username,
                    password: credential.password,
                    bearer_token: credential.bearer_token,
                    ..Login::default()
                },
                trust,
                is_plain_http: credential.is_plain_http || scheme == "http",
            });
            Arc::new(match self.settings.patience {
                Some(patience) => registry.with_patience(patience),
                None => registry,
            })
        });
        Ok(Place::Registry {
            registry: registry.clone(),
            base: base.to_owned(),
        })
    }
}
