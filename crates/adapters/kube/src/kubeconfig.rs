//! kubeconfig files: clusters, users, contexts, merged as kubectl merges them.

use crate::spec::{ClusterSpec, Credential, ExecSpec, Scope, SpecError, TlsSpec};
use argosy_object::{Redacted, Value};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FILE_BYTES: u64 = 16 << 20;

/// One or more kubeconfig files, read.
#[derive(Clone, Debug, Default)]
pub struct Kubeconfig {
    files: Vec<(PathBuf, Value)>,
}

/// An entry of a named list, and the file it stands in.
struct Entry<'a> {
    file: &'a Path,
    field: String,
    value: &'a Value,
}

impl Kubeconfig {
    /// Reads files in the order of `KUBECONFIG`: the first that names something wins. Files that
    /// are not there are passed over, unless there is only one.
    ///
    /// # Errors
    /// Where a file cannot be read or is no YAML.
    pub fn load(paths: &[PathBuf]) -> Result<Self, SpecError> {
        let mut files = Vec::new();
        for path in paths {
            let error = |what: String| SpecError {
                source_name: format!("kubeconfig {}", path.display()),
                field: "file".into(),
                what,
            };
            let size = std::fs::metadata(path).map(|meta| meta.len());
            match size {
                Err(missing)
                    if missing.kind() == std::io::ErrorKind::NotFound && paths.len() > 1 =>
                {
                    continue;
                }
                Err(unreadable) => return Err(error(format!("cannot be read: {unreadable}"))),
                Ok(size) if size > FILE_BYTES => return Err(error("is too large".into())),
                Ok(_) => {}
            }
            let bytes =
                std::fs::read(path).map_err(|error_| error(format!("cannot be read: {error_}")))?;
            let value = argosy_yaml::from_slice(&bytes)
                .map_err(|broken| error(format!("is no YAML: {broken}")))?;
            files.push((path.clone(), value));
        }
        Ok(Self { files })
    }

    /// A kubeconfig that is there already; relative paths in it start at the folder of `file`.
    pub fn from_value(file: PathBuf, value: Value) -> Self {
        Self {
            files: vec![(file, value)],
        }
    }

    /// The names of all contexts, in order.
    pub fn contexts(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (_, value) in &self.files {
            let list = value.get("contexts").and_then(Value::as_array);
            for name in list
                .into_iter()
                .flatten()
                .filter_map(|c| c.get("name")?.as_str())
            {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// `current-context` of the first file that has one.
    pub fn current_context(&self) -> Option<&str> {
        let texts = self
            .files
            .iter()
            .filter_map(|(_, v)| v.get("current-context")?.as_str());
        texts.into_iter().find(|text| !text.is_empty())
    }

    /// The cluster of a context, or of the current one, and the context's namespace.
    ///
    /// # Errors
    /// Where the context, its cluster or its user is missing or asks for what is not supported.
    pub fn cluster(
        &self,
        context: Option<&str>,
    ) -> Result<(ClusterSpec, Option<String>), SpecError> {
        let Some(name) = context.or_else(|| self.current_context()) else {
            return Err(self.missing("current-context", "is not set"));
        };
        let context = self.find("contexts", "context", name)?;
        let cluster_name = context.text("cluster").unwrap_or_default();
        let cluster = self.find("clusters", "cluster", cluster_name)?;
        let server = cluster
            .text("server")
            .unwrap_or_default()
            .trim_end_matches('/');
        if server.is_empty() {
            return Err(cluster.error("server", "is missing"));
        }
        if cluster.text("proxy-url").is_some() {
            return Err(cluster.error("proxy-url", "is not supported yet"));
        }
        let mut tls = cluster.tls()?;
        let credential = match context.text("user") {
            None => Credential::None,
            Some(user) => self.find("users", "user", user)?.credential(&mut tls)?,
        };
        let namespace = context.text("namespace").map(str::to_owned);
        let spec = ClusterSpec {
            name: name.to_owned(),
            server: server.to_owned(),
            tls,
            credential,
            scope: Scope::default(),
        };
        Ok((spec, namespace))
    }

    fn missing(&self, field: &str, what: &str) -> SpecError {
        let names: Vec<_> = self
            .files
            .iter()
            .map(|(p, _)| p.display().to_string())
            .collect();
        SpecError {
            source_name: format!("kubeconfig {}", names.join(", ")),
            field: field.to_owned(),
            what: what.to_owned(),
        }
    }

    fn find<'a>(&'a self, list: &str, inner: &str, name: &str) -> Result<Entry<'a>, SpecError> {
        for (file, value) in &self.files {
            let entries = value.get(list).and_then(Value::as_array);
            let found = entries
                .into_iter()
                .flatten()
                .find(|entry| entry.get("name").and_then(Value::as_str) == Some(name));
            if let Some(value) = found.and_then(|entry| entry.get(inner)) {
                return Ok(Entry {
                    file,
                    field: format!("{list}[{name}].{inner}"),
                    value,
                });
            }
        }
        Err(self.missing(&format!("{list}[{name}]"), "is missing"))
    }
}

impl<'a> Entry<'a> {
    fn text(&self, field: &str) -> Option<&'a str> {
        self.value
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    fn flag(&self, field: &str) -> bool {
        self.value
            .get(field)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    fn error(&self, field: &str, what: impl Into<String>) -> SpecError {
        SpecError {
            source_name: format!("kubeconfig {}", self.file.display()),
            field: format!("{}.{field}", self.field),
            what: what.into(),
        }
    }

    fn beside(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new(".")).join(path)
    }

    /// Bytes of `FIELD-data`, else of the file that `FIELD` names.
    fn material(&self, field: &str) -> Result<Option<Arc<[u8]>>, SpecError> {
        let data = format!("{field}-data");
        if let Some(encoded) = self.text(&data) {
            let compact: String = encoded.split_whitespace().collect();
            let bytes = STANDARD
                .decode(compact)
                .map_err(|_| self.error(&data, "is no base64 of PEM"))?;
            return Ok(Some(bytes.into()));
        }
        let Some(path) = self.text(field) else {
            return Ok(None);
        };
        let path = self.beside(path);
        let bytes = std::fs::read(&path).map_err(|error| {
            self.error(
                field,
                format!("names `{}`, which cannot be read: {error}", path.display()),
            )
        })?;
        Ok(Some(bytes.into()))
    }

    fn tls(&self) -> Result<TlsSpec, SpecError> {
        let insecure = self.flag("insecure-skip-tls-verify");
        let ca = self.material("certificate-authority")?;
        if insecure && ca.is_some() {
            return Err(self.error(
                "insecure-skip-tls-verify",
                "stands beside a certificate authority, which is not allowed",
            ));
        }
        let server_name = self.text("tls-server-name").map(str::to_owned);
        Ok(TlsSpec {
            insecure,
            server_name,
            ca,
            ..TlsSpec::default()
        })
    }

    fn credential(&self, tls: &mut TlsSpec) -> Result<Credential, SpecError> {
        for field in ["auth-provider", "as", "as-groups", "as-uid"] {
            if self.value.get(field).is_some_and(|value| !value.is_null()) {
                return Err(self.error(field, "is not supported"));
            }
        }
        tls.certificate = self.material("client-certificate")?;
        tls.key = self.material("client-key")?.map(Redacted::new);
        if tls.certificate.is_some() != tls.key.is_some() {
            return Err(self.error(
                "client-certificate",
                "stands without its key, or the reverse",
            ));
        }
        if let Some(exec) = self.value.get("exec").filter(|exec| exec.is_object()) {
            return self.exec(exec);
        }
        // A file wins over a token beside it, as it may be newer.
        if let Some(path) = self.text("tokenFile") {
            return Ok(Credential::TokenFile(self.beside(path)));
        }
        if let Some(token) = self.text("token") {
            return Ok(Credential::Bearer(token.to_owned().into()));
        }
        if let Some(username) = self.text("username") {
            let password = self.text("password").unwrap_or_default().to_owned().into();
            return Ok(Credential::Basic {
                username: username.to_owned(),
                password,
            });
        }
        Ok(Credential::None)
    }

    fn exec(&self, exec: &Value) -> Result<Credential, SpecError> {
        let text = |field: &str| exec.get(field).and_then(Value::as_str).unwrap_or_default();
        if text("command").is_empty() {
            return Err(self.error("exec.command", "is missing"));
        }
        if text("interactiveMode") == "Always" {
            return Err(self.error(
                "exec.interactiveMode",
                "is `Always`, and nobody is there to ask",
            ));
        }
        let list = |field: &str| {
            exec.get(field)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let args = list("args")
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let pair = |entry: &Value| {
            let (name, value) = (entry.get("name")?.as_str()?, entry.get("value")?.as_str()?);
            Some((name.to_owned(), Redacted::new(value.to_owned())))
        };
        Ok(Credential::Exec(Arc::new(ExecSpec {
            command: text("command").to_owned(),
            args,
            env: list("env").filter_map(pair).collect(),
            api_version: text("apiVersion").to_owned(),
            install_hint: text("installHint").to_owned(),
            provide_cluster_info: exec
                .get("provideClusterInfo")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            config: None,
            folder: self.file.parent().map(Path::to_path_buf),
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn config() -> Value {
        json!({"current-context": "b",
            "clusters": [{"name": "c", "cluster": {"server": "https://h:1/", "certificate-authority-data": "UEVN"}}],
            "users": [
                {"name": "token", "user": {"token": "t"}},
                {"name": "exec", "user": {"exec": {"command": "./get", "apiVersion": "client.authentication.k8s.io/v1",
                    "args": ["x"], "env": [{"name": "A", "value": "b"}], "interactiveMode": "Never"}}},
                {"name": "old", "user": {"auth-provider": {"name": "gcp"}}}],
            "contexts": [
                {"name": "a", "context": {"cluster": "c", "user": "token", "namespace": "shop"}},
                {"name": "b", "context": {"cluster": "c", "user": "exec"}},
                {"name": "d", "context": {"cluster": "gone", "user": "token"}},
                {"name": "e", "context": {"cluster": "c", "user": "old"}}]})
    }

    fn kubeconfig() -> Kubeconfig {
        Kubeconfig::from_value("/k/config".into(), config())
    }

    #[test]
    fn contexts_join_cluster_and_user() {
        let (spec, namespace) = kubeconfig().cluster(Some("a")).unwrap();
        assert_eq!(
            (spec.name.as_str(), spec.server.as_str()),
            ("a", "https://h:1")
        );
        assert_eq!(namespace.as_deref(), Some("shop"));
        assert_eq!(spec.tls.ca.as_deref(), Some(&b"PEM"[..]));
        assert_eq!(spec.credential, Credential::Bearer("t".to_owned().into()));
        let (spec, _) = kubeconfig().cluster(None).unwrap();
        let Credential::Exec(exec) = spec.credential else {
            panic!("no exec")
        };
        assert_eq!(exec.folder.as_deref(), Some(Path::new("/k")));
        assert_eq!(kubeconfig().contexts(), ["a", "b", "d", "e"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let text = |context| kubeconfig().cluster(Some(context)).unwrap_err().to_string();
        assert_eq!(
            text("d"),
            "kubeconfig /k/config: `clusters[gone]` is missing"
        );
        assert_eq!(text("x"), "kubeconfig /k/config: `contexts[x]` is missing");
        assert!(text("e").contains("users[old].user.auth-provider` is not supported"));
    }

    #[test]
    fn files_are_merged_and_the_first_wins() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(
            &one,
            "contexts:\n- name: a\n  context: {cluster: c, user: u}\n",
        )
        .unwrap();
        std::fs::write(
            &two,
            "current-context: a\nclusters:\n- name: c\n  cluster: {server: 'https://two'}\nusers:\n- name: u\n  user: {tokenFile: token}\n",
        )
        .unwrap();
        let absent = folder.path().join("absent");
        let config = Kubeconfig::load(&[one, absent.clone(), two]).unwrap();
        let (spec, _) = config.cluster(None).unwrap();
        assert_eq!(spec.server, "https://two");
        assert_eq!(
            spec.credential,
            Credential::TokenFile(folder.path().join("token"))
        );
        assert!(
            Kubeconfig::load(&[absent])
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
    }
}
