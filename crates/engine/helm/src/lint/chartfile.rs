//! The rules for Chart.yaml.

use argosy_object::Value as Json;
use argosy_semver::{Constraint, Version};
use argosy_sprig::is_request_url;
use argosy_tree::Mode;

use super::{Linter, Severity};
use crate::chart::Metadata;
use crate::error::HelmError;
use crate::metadata::{fields_of, unknown_field};

const FILE: &str = "Chart.yaml";

impl Linter<'_, '_> {
    pub(super) fn chart_file(&mut self) -> Result<(), HelmError> {
        let is_dir = self.mode(FILE)? == Some(Mode::Dir);
        if is_dir {
            let text = "should be a file, not a directory".to_owned();
            self.rule(Severity::Error, FILE, Err(text));
        }
        let data = if is_dir { None } else { self.file(FILE)? };
        let mut metadata = Metadata::default();
        let json = match data.as_deref() {
            None => Err(format!(
                "open {}/{FILE}: no such file",
                self.request.chart_dir
            )),
            Some(data) => argosy_yaml::from_slice(data)
                .map_err(|error| format!("error converting YAML to JSON: {}", error.text))
                .and_then(|json| fields_of(&mut metadata, &json).map(|()| json)),
        };
        let json = match json {
            Ok(json) => json,
            Err(text) => {
                let text = format!("unable to parse YAML\n\t{text}");
                self.rule(Severity::Error, FILE, Err(text));
                return Ok(());
            }
        };
        let strict = strictly(data.as_deref().unwrap_or_default(), &json)
            .map_err(|text| format!("failed to strictly parse chart metadata file\n\t{text}"));
        self.rule(Severity::Warning, FILE, strict);
        let is_v2 = metadata.api_version == "v2";
        let verdicts = [
            name(&metadata),
            api_version(&metadata),
            is_text(&json, "version"),
            version(&metadata),
            is_text(&json, "appVersion"),
            maintainers(&metadata),
            sources(&metadata),
        ];
        for verdict in verdicts {
            self.rule(Severity::Error, FILE, verdict);
        }
        let icon = metadata.icon.as_str();
        self.rule(
            Severity::Info,
            FILE,
            holds(!icon.is_empty(), || "icon is recommended".into()),
        );
        let valid = icon.is_empty() || is_request_url(icon);
        let api = &metadata.api_version;
        let kind = holds(metadata.kind.is_empty() || is_v2, || {
            format!("chart type is not valid in apiVersion '{api}'. It is valid in apiVersion 'v2'")
        });
        let has_dependencies = metadata.dependencies.iter().flatten().next().is_some();
        let dependencies = holds(!has_dependencies || is_v2, || {
            format!(
                "dependencies are not valid in the Chart file with apiVersion '{api}'. They are \
                 valid in apiVersion 'v2'"
            )
        });
        let icon = holds(valid, || format!("invalid icon URL '{icon}'"));
        for verdict in [icon, kind, dependencies] {
            self.rule(Severity::Error, FILE, verdict);
        }
        let version = &metadata.version;
        let strict = holds(Version::parse_strict(version).is_ok(), || {
            format!("version '{version}' is not a valid SemVerV2")
        });
        self.rule(Severity::Warning, FILE, strict);
        Ok(())
    }
}

fn holds(is_so: bool, text: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(text()) }
}

/// Whether the file says nothing twice and nothing that Helm does not know.
fn strictly(data: &[u8], json: &Json) -> Result<(), String> {
    argosy_yaml::from_slice_strict(FILE, data)
        .map_err(|error| format!("error converting YAML to JSON: {}", error.text))?;
    match unknown_field(json) {
        None => Ok(()),
        Some(name) => Err(format!(
            "error unmarshaling JSON: while decoding JSON: json: unknown field {name:?}"
        )),
    }
}

fn name(metadata: &Metadata) -> Result<(), String> {
    let name = metadata.name.as_str();
    holds(!name.is_empty(), || "name is required".into())?;
    let is_plain = !name.contains('/');
    holds(is_plain, || format!("chart name {name:?} is invalid"))
}

fn api_version(metadata: &Metadata) -> Result<(), String> {
    match metadata.api_version.as_str() {
        "v1" | "v2" => Ok(()),
        "" => Err("apiVersion is required. The value must be either \"v1\" or \"v2\"".to_owned()),
        other => Err(format!(
            "apiVersion '{other}' is not valid. The value must be either \"v1\" or \"v2\""
        )),
    }
}

fn is_text(json: &Json, field: &str) -> Result<(), String> {
    let kind = match json.get(field) {
        None | Some(Json::String(_)) => return Ok(()),
        Some(Json::Null) => "<nil>",
        Some(Json::Bool(_)) => "bool",
        Some(Json::Number(_)) => "float64",
        Some(Json::Array(_)) => "[]interface {}",
        Some(Json::Object(_)) => "map[string]interface {}",
    };
    Err(format!(
        "{field} should be of type string but it's of type {kind}"
    ))
}

fn version(metadata: &Metadata) -> Result<(), String> {
    let text = &metadata.version;
    holds(!text.is_empty(), || "version is required".into())?;
    let parsed =
        Version::parse(text).map_err(|_| format!("version '{text}' is not a valid SemVer"))?;
    let positive = Constraint::parse(">0.0.0-0").expect("it is a range");
    positive
        .validate(&parsed)
        .map_err(|texts| format!("version {}", texts.first().map_or("", String::as_str)))
}

fn maintainers(metadata: &Metadata) -> Result<(), String> {
    for [name, email, url] in &metadata.maintainers {
        holds(!name.is_empty(), || {
            "each maintainer requires a name".into()
        })?;
        holds(email.is_empty() || is_email(email), || {
            format!("invalid email '{email}' for maintainer '{name}'")
        })?;
        // Compat: an email that is given keeps the URL from being looked at only where it fails.
        holds(url.is_empty() || is_web_url(url), || {
            format!("invalid url '{url}' for maintainer '{name}'")
        })?;
    }
    Ok(())
}

fn sources(metadata: &Metadata) -> Result<(), String> {
    let bad = metadata
        .sources
        .iter()
        .find(|source| !is_request_url(source));
    bad.map_or(Ok(()), |source| {
        Err(format!("invalid source URL '{source}'"))
    })
}

/// Whether a text is a mail address: dot-separated words, `@`, and a host name with a dot.
///
/// Compat: narrower than Helm's expression only in quoted words and literal addresses.
fn is_email(text: &str) -> bool {
    const MARKS: &str = "!#$%&'*+-/=?^_`{|}~";
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|unit| unit.is_alphanumeric() || MARKS.contains(unit))
    };
    let Some((local, host)) = text.rsplit_once('@') else {
        return false;
    };
    local.split('.').all(is_word) && host.contains('.') && is_host(host)
}

fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|unit| unit.is_alphanumeric() || matches!(unit, '-' | '_'))
    };
    host.trim_end_matches('.').split('.').all(is_label)
}

/// Whether a text is an address of the web; the scheme may be missing.
fn is_web_url(text: &str) -> bool {
    let rest = match text.split_once("://") {
        Some((scheme, rest)) => {
            let known = ["http", "https", "ftp", "tcp", "udp", "ws", "wss"];
            if !known.contains(&scheme.to_ascii_lowercase().as_str()) {
                return false;
            }
            rest
        }
        None => text,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let (host, port) = host.rsplit_once(':').unwrap_or((host, "1"));
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_known_host = host == "localhost" || (host.contains('.') && is_host(host));
    is_port && is_known_host && text.len() > 3 && !path.contains(char::is_whitespace)
}
