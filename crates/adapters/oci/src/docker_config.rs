//! Logins as Docker and Helm keep them: `config.json` with `auths`, `credsStore`, `credHelpers`.

use crate::registry::Login;
use argosy_object::{Map, Value as Json, json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Runs `docker-credential-NAME get` for a server, and returns what it prints; nothing where it
/// fails. Only commands that a person runs have one.
pub type HelperRunner<'h> = dyn Fn(&str, &str) -> Option<String> + 'h;

/// A file of logins. What it holds beside them stays as it is.
#[derive(Clone, Debug)]
pub struct DockerConfig {
    json: Json,
}

impl Default for DockerConfig {
    fn default() -> Self {
        Self { json: json!({}) }
    }
}

impl DockerConfig {
    /// Reads a file's bytes.
    ///
    /// # Errors
    /// What is no JSON object.
    pub fn parse(data: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(data);
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let json: Json = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if !json.is_object() {
            return Err("it is no JSON object".into());
        }
        Ok(Self { json })
    }

    /// The file's bytes. Compat: indented by tabs, as Docker writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let format = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut writer = serde_json::Serializer::with_formatter(&mut out, format);
        // Writing a value into memory does not fail.
        let _ = serde::Serialize::serialize(&self.json, &mut writer);
        out
    }

    /// The login for a registry: a helper of its own, the file, then the store of all.
    pub fn login(&self, host: &str, helper: Option<&HelperRunner<'_>>) -> Option<Login> {
        let key = server_key(host);
        let own = self.json["credHelpers"][key].as_str();
        if let (Some(name), Some(run)) = (own, helper)
            && let Some(login) = run(name, key).as_deref().and_then(of_helper)
        {
            return Some(login);
        }
        if let Some(login) = self.in_file(host, key) {
            return Some(login);
        }
        let store = self.json["credsStore"]
            .as_str()
            .filter(|name| !name.is_empty());
        match (store, helper) {
            (Some(name), Some(run)) => run(name, key).as_deref().and_then(of_helper),
            _ => None,
        }
    }

    fn in_file(&self, host: &str, key: &str) -> Option<Login> {
        let auths = self.json["auths"].as_object()?;
        let entry = auths.get(key).or_else(|| {
            // Compat: old entries are URLs.
            let bare = |name: &str| {
                let name = name.split_once("://").map_or(name, |(_, rest)| rest);
                name.split('/').next().unwrap_or_default().to_owned()
            };
            let found = auths.iter().find(|(name, _)| bare(name) == host);
            found.map(|(_, entry)| entry)
        })?;
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let mut login = Login {
            username: text("username"),
            password: text("password").into(),
            identity_token: text("identitytoken").into(),
            bearer_token: text("registrytoken").into(),
        };
        if let Some(packed) = entry["auth"].as_str().filter(|packed| !packed.is_empty()) {
            let pair = STANDARD.decode(packed).ok()?;
            let pair = String::from_utf8(pair).ok()?;
            let (user, password) = pair.split_once(':')?;
            user.clone_into(&mut login.username);
            login.password = password.trim_matches('\0').to_owned().into();
        }
        let is_empty = login.username.is_empty()
            && login.identity_token.reveal().is_empty()
            && login.bearer_token.reveal().is_empty();
        (!is_empty).then_some(login)
    }

    /// Keeps a login. Without a name the password is an identity token.
    pub fn set(&mut self, host: &str, login: &Login) {
        let entry = if login.username.is_empty() {
            json!({"identitytoken": login.password.reveal()})
        } else {
            let pair = format!("{}:{}", login.username, login.password.reveal());
            json!({"auth": STANDARD.encode(pair)})
        };
        if !self.json["auths"].is_object() {
            self.json["auths"] = Json::Object(Map::new());
        }
        self.json["auths"][server_key(host)] = entry;
    }

    /// Forgets a login, and tells whether there was one.
    pub fn remove(&mut self, host: &str) -> bool {
        let auths = self.json["auths"].as_object_mut();
        auths.is_some_and(|auths| auths.remove(server_key(host)).is_some())
    }
}

/// Compat: Docker Hub's logins stand under an address of old.
fn server_key(host: &str) -> &str {
    match host {
        "docker.io" | "registry-1.docker.io" | "index.docker.io" => "https://index.docker.io/v1/",
        host => host,
    }
}

/// What a credential helper prints.
fn of_helper(text: &str) -> Option<Login> {
    let json: Json = serde_json::from_str(text).ok()?;
    let user = json["Username"].as_str()?;
    let secret = json["Secret"].as_str()?.to_owned();
    Some(if user == "<token>" {
        Login {
            identity_token: secret.into(),
            ..Login::default()
        }
    } else {
        Login {
            username: user.to_owned(),
            password: secret.into(),
            ..Login::default()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_kept_found_and_forgotten_beside_what_else_is_there() {
        let mut file = DockerConfig::parse(br#"{"x": 1}"#).expect("it parses");
        let login = Login {
            username: "ann".into(),
            password: "s:ecret".to_owned().into(),
            ..Login::default()
        };
        file.set("h:5000", &login);
        let again = DockerConfig::parse(&file.to_bytes()).expect("it parses");
        let found = again.login("h:5000", None).expect("it is there");
        assert_eq!(
            (found.username.as_str(), found.password.reveal().as_str()),
            ("ann", "s:ecret")
        );
        assert!(again.login("other", None).is_none());
        assert_eq!(again.json["x"], 1);
        assert!(file.remove("h:5000") && !file.remove("h:5000"));
        assert!(file.login("h:5000", None).is_none());
    }

    #[test]
    fn old_urls_tokens_and_helpers_count() {
        let text = r#"{
            "auths": {"https://old.example/v1/": {"auth": "YTpi"}, "t": {"identitytoken": "x"}, "bad": {"auth": "!"}},
            "credHelpers": {"own": "own"}, "credsStore": "all"}"#;
        let file = DockerConfig::parse(text.as_bytes()).expect("it parses");
        assert_eq!(
            file.login("old.example", None).expect("found").username,
            "a"
        );
        assert_eq!(
            file.login("t", None)
                .expect("found")
                .identity_token
                .reveal(),
            "x"
        );
        assert!(file.login("bad", None).is_none());
        let helper = |name: &str, host: &str| {
            Some(format!(
                "{{\"Username\": \"{name}\", \"Secret\": \"{host}\"}}"
            ))
        };
        let found = file.login("own", Some(&helper)).expect("found");
        assert_eq!(
            (found.username.as_str(), found.password.reveal().as_str()),
            ("own", "own")
        );
        assert_eq!(
            file.login("else", Some(&helper)).expect("found").username,
            "all"
        );
        let broken = |_: &str, _: &str| Some("nothing".to_owned());
        assert!(file.login("else", Some(&broken)).is_none());
        assert!(DockerConfig::parse(b"[]").is_err());
    }
}
