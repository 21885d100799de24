//! Argo CD's own settings: its ConfigMaps, and the Secret `argocd-secret`.
//!
//! `Compat:` only objects labelled `app.kubernetes.io/part-of: argocd` count, as upstream.

use argosy_frame::{HubStore, Stop};
use argosy_object::{Key, Object, Redacted, Value};
use argosy_ports::{Api, ListOptions, Resource};
use argosy_render::{Tool, ToolSettings};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What marks the objects.
const SELECTOR: &str = "app.kubernetes.io/part-of=argocd";
/// The largest body of a webhook, in MiB, where `argocd-cm` does not say. Upstream's is 50.
const WEBHOOK_MIB: usize = 10;
const WEBHOOK_MIB_MAX: usize = 100;

/// The settings, kept up to date by watches of their own.
pub struct ControlSettings {
    store: Arc<HubStore>,
    namespace: String,
}

impl ControlSettings {
    /// Starts following them, in tasks of `tasks`, until `stop`.
    pub(crate) fn start(
        api: &Arc<dyn Api>,
        namespace: &str,
        tasks: &mut JoinSet<()>,
        stop: &Stop,
    ) -> Self {
        let store = Arc::new(HubStore::default());
        let list = ListOptions {
            namespace: Some(namespace.to_owned()),
            labels: Some(SELECTOR.into()),
            ..ListOptions::default()
        };
        for resource in resources() {
            let store = store.clone();
            tasks.spawn(store.follow(api.clone(), resource, list.clone(), stop.clone()));
        }
        Self {
            store,
            namespace: namespace.to_owned(),
        }
    }

    /// The objects themselves.
    pub(crate) fn store(&self) -> &HubStore {
        &self.store
    }

    /// Waits until all of them are known.
    pub(crate) async fn wait_synced(&self) {
        self.store.wait_synced(&resources()).await;
    }

    /// The texts of a ConfigMap; none where it is not there.
    pub fn config_map(&self, name: &str) -> BTreeMap<String, String> {
        let object = self.object("ConfigMap", name);
        let data = object.as_ref().and_then(|object| object.pointer("/data"));
        let data = data.and_then(Value::as_object).into_iter().flatten();
        data.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    /// A key of `argocd-secret`, empty where it is not there.
    ///
    /// `Compat:` `$NAME:KEY` as the value means that key of another Secret.
    pub fn secret(&self, key: &str) -> Redacted<String> {
        let text = |name: &str, key: &str| {
            self.object("Secret", name)
                .and_then(|secret| argosy_crds::secret_text(&secret, key))
                .unwrap_or_default()
        };
        let value = text("argocd-secret", key);
        let value = value.trim();
        Redacted::new(
            match value.strip_prefix('$').and_then(|to| to.split_once(':')) {
                Some((name, key)) => text(name, key).trim().to_owned(),
                None => value.to_owned(),
            },
        )
    }

    /// The lines of known ssh hosts.
    pub fn known_hosts(&self) -> String {
        let mut map = self.config_map("argocd-ssh-known-hosts-cm");
        map.remove("ssh_known_hosts").unwrap_or_default()
    }

    /// PEM certificates by the host that is trusted by them.
    pub fn authorities(&self) -> BTreeMap<String, String> {
        self.config_map("argocd-tls-certs-cm")
    }

    /// The largest body of a webhook, in bytes: `webhook.maxPayloadSizeMB` of `argocd-cm`.
    pub fn webhook_max_bytes(&self) -> usize {
        let map = self.config_map("argocd-cm");
        let given = map.get("webhook.maxPayloadSizeMB");
        let mib = given.and_then(|text| text.trim().parse().ok());
        mib.unwrap_or(WEBHOOK_MIB).clamp(1, WEBHOOK_MIB_MAX) << 20
    }

    /// What rendering is told for all applications: `kustomize.buildOptions` of `argocd-cm`, and
    /// the tools that it switches off (`helm.enable`, `kustomize.enable`, `jsonnet.enable`).
    pub fn tools(&self) -> ToolSettings {
        tools(&self.config_map("argocd-cm"))
    }

    fn object(&self, kind: &str, name: &str) -> Option<Object> {
        self.store
            .get(&Key::new("", kind, Some(&self.namespace), name))
    }
}

fn tools(map: &BTreeMap<String, String>) -> ToolSettings {
    let switches = [
        ("helm.enable", Tool::Helm),
        ("kustomize.enable", Tool::Kustomize),
        ("jsonnet.enable", Tool::Directory),
    ];
    let off = switches.into_iter().filter(|(key, _)| {
        let value = map.get(*key);
        value.is_some_and(|value| {
            matches!(value.trim(), "false" | "False" | "FALSE" | "f" | "F" | "0")
        })
    });
    ToolSettings {
        disabled: off.map(|(_, tool)| tool).collect(),
        kustomize_build_options: map
            .get("kustomize.buildOptions")
            .cloned()
            .unwrap_or_default(),
    }
}

fn resources() -> [Resource; 2] {
    [crate::resources::config_maps(), crate::resources::secrets()]
}

#[cfg(test)]
mod tests {
    use super::{Tool, tools};

    #[test]
    fn tools_are_told_and_switched_off_by_the_settings() {
        let map = [
            ("kustomize.buildOptions", "--enable-helm"),
            ("helm.enable", "false"),
            ("kustomize.enable", "true"),
            ("jsonnet.enable", "False"),
        ];
        let map = map.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let tools = tools(&map.into());
        assert_eq!(tools.kustomize_build_options, "--enable-helm");
        assert_eq!(tools.disabled, [Tool::Helm, Tool::Directory]);
    }
}
