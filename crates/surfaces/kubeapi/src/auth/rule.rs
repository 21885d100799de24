//! One RBAC policy rule: what it matches, what it covers, how messages spell it.

use crate::auth::attributes::Attributes;
use argosy_object::Value;
use std::fmt::Write as _;

/// The group of every RBAC kind.
pub const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// A `PolicyRule` as it stands in a Role or ClusterRole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rule {
    /// API groups, `*` for all.
    pub api_groups: Vec<String>,
    /// Resources, `pods/log` for subresources, `*` and `*/scale` as wildcards.
    pub resources: Vec<String>,
    /// Names that the rule is limited to; empty for all.
    pub resource_names: Vec<String>,
    /// Paths outside the API groups, a trailing `*` as wildcard.
    pub non_resource_urls: Vec<String>,
    /// Verbs, `*` for all.
    pub verbs: Vec<String>,
}

impl Rule {
    /// Reads a rule; fields of the wrong type count as empty, which grants nothing.
    pub fn from_value(value: &Value) -> Self {
        Self {
            api_groups: texts(value, "apiGroups"),
            resources: texts(value, "resources"),
            resource_names: texts(value, "resourceNames"),
            non_resource_urls: texts(value, "nonResourceURLs"),
            verbs: texts(value, "verbs"),
        }
    }

    /// Reads `rules` of a Role or ClusterRole.
    pub fn list(role: &Value) -> Vec<Self> {
        role.get("rules")
            .and_then(Value::as_array)
            .map(|rules| rules.iter().map(Self::from_value).collect())
            .unwrap_or_default()
    }

    /// Whether the rule allows a request.
    pub fn allows(&self, request: &Attributes<'_>) -> bool {
        if !matches_any(&self.verbs, request.verb) {
            return false;
        }
        if let Some(path) = request.path {
            return self
                .non_resource_urls
                .iter()
                .any(|url| url_covers(url, path));
        }
        matches_any(&self.api_groups, request.group)
            && self.names_resource(request.resource, request.subresource)
            && (self.resource_names.is_empty()
                || self.resource_names.iter().any(|name| name == request.name))
    }

    fn names_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|rule| {
            if rule == "*" {
                return true;
            }
            if subresource.is_empty() {
                return rule == resource;
            }
            rule.split_once('/')
                .is_some_and(|(r, s)| s == subresource && (r == "*" || r == resource))
        })
    }

    /// Splits a rule into rules of one group, resource, name and verb each.
    pub fn breakdown(&self) -> Vec<Self> {
        let mut parts = Vec::new();
        for group in &self.api_groups {
            for resource in &self.resources {
                for verb in &self.verbs {
                    let base = Self {
                        api_groups: vec![group.clone()],
                        resources: vec![resource.clone()],
                        verbs: vec![verb.clone()],
                        ..Self::default()
                    };
                    if self.resource_names.is_empty() {
                        parts.push(base);
                        continue;
                    }
                    parts.extend(self.resource_names.iter().map(|name| Self {
                        resource_names: vec![name.clone()],
                        ..base.clone()
                    }));
                }
            }
        }
        for url in &self.non_resource_urls {
            parts.extend(self.verbs.iter().map(|verb| Self {
                non_resource_urls: vec![url.clone()],
                verbs: vec![verb.clone()],
                ..Self::default()
            }));
        }
        parts
    }

    /// Whether everything that `part` (see [`Rule::breakdown`]) grants, this rule grants too.
    pub fn covers(&self, part: &Self) -> bool {
        has_all(&self.verbs, &part.verbs)
            && has_all(&self.api_groups, &part.api_groups)
            && self.covers_resources(&part.resources)
            && part.non_resource_urls.iter().all(|path| {
                self.non_resource_urls
                    .iter()
                    .any(|url| url_covers(url, path))
            })
            && self.covers_names(&part.resource_names)
    }

    fn covers_resources(&self, wanted: &[String]) -> bool {
        wanted.iter().all(|path| {
            self.resources.iter().any(|own| own == "*" || own == path)
                || path.split_once('/').is_some_and(|(_, sub)| {
                    self.resources
                        .iter()
                        .any(|own| own.strip_prefix("*/") == Some(sub))
                })
        })
    }

    fn covers_names(&self, wanted: &[String]) -> bool {
        if wanted.is_empty() {
            return self.resource_names.is_empty();
        }
        self.resource_names.is_empty()
            || wanted.iter().all(|name| self.resource_names.contains(name))
    }

    /// The rule as messages about escalation write it:
    /// `{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`.
    pub fn compact(&self) -> String {
        let fields = [
            ("APIGroups", &self.api_groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.non_resource_urls),
            ("ResourceNames", &self.resource_names),
            ("Verbs", &self.verbs),
        ];
        let parts: Vec<String> = fields
            .iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| format!("{name}:{}", go_list(values)))
            .collect();
        format!("{{{}}}", parts.join(", "))
    }

    /// The rule as a JSON `PolicyRule`, `verbs` always there and other empty lists left out.
    pub fn to_value(&self) -> Value {
        let mut map = argosy_object::Map::new();
        for (name, values) in [
            ("apiGroups", &self.api_groups),
            ("resources", &self.resources),
            ("resourceNames", &self.resource_names),
            ("nonResourceURLs", &self.non_resource_urls),
        ] {
            if !values.is_empty() {
                map.insert(name.into(), values.clone().into());
            }
        }
        map.insert("verbs".into(), self.verbs.clone().into());
        Value::Object(map)
    }
}

/// What of `wanted` the rules in `owned` do not grant, broken down; empty when all is covered.
pub fn uncovered(owned: &[Rule], wanted: &[Rule]) -> Vec<Rule> {
    wanted
        .iter()
        .flat_map(Rule::breakdown)
        .filter(|part| !owned.iter().any(|rule| rule.covers(part)))
        .collect()
}

/// Merges rules that differ in their verbs alone, so that a message stays short.
pub fn compact_rules(rules: Vec<Rule>) -> Vec<Rule> {
    let mut merged: Vec<Rule> = Vec::new();
    for rule in rules {
        let simple = rule.non_resource_urls.is_empty()
            && rule.api_groups.len() == 1
            && rule.resources.len() == 1
            && rule.resource_names.len() <= 1;
        let twin = merged.iter_mut().find(|other| {
            simple
                && other.non_resource_urls.is_empty()
                && other.api_groups == rule.api_groups
                && other.resources == rule.resources
                && other.resource_names == rule.resource_names
        });
        match twin {
            Some(other) => other.verbs.extend(rule.verbs),
            None => merged.push(rule),
        }
    }
    merged
}

/// A list of texts as Go's `%q` prints it: `["a" "b"]`.
pub fn go_list(values: &[String]) -> String {
    let mut out = String::from("[");
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        let _ = write!(out, "{}", go_quote(value));
    }
    out.push(']');
    out
}

/// A text as Go's `%q` prints it.
pub fn go_quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    value
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn matches_any(own: &[String], wanted: &str) -> bool {
    own.iter().any(|o| o == "*" || o == wanted)
}

fn has_all(own: &[String], wanted: &[String]) -> bool {
    wanted.iter().all(|w| matches_any(own, w))
}

fn url_covers(own: &str, path: &str) -> bool {
    own == path
        || own
            .strip_suffix('*')
            .is_some_and(|p| path.starts_with(p.trim_end_matches('*')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn rule(value: Value) -> Rule {
        Rule::from_value(&value)
    }

    fn get(resource: &'static str, subresource: &'static str) -> Attributes<'static> {
        Attributes {
            verb: "get",
            resource,
            subresource,
            name: "a",
            ..Attributes::default()
        }
    }

    #[test]
    fn resource_rule_does_not_allow_its_subresources() {
        let pods = rule(json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}));
        assert!(pods.allows(&get("pods", "")));
        assert!(!pods.allows(&get("pods", "log")));
        let scale = rule(json!({"apiGroups": [""], "resources": ["*/log"], "verbs": ["*"]}));
        assert!(scale.allows(&get("pods", "log")));
        assert!(!scale.allows(&get("pods", "")));
        let all = rule(json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}));
        assert!(all.allows(&get("pods", "log")));
    }

    #[test]
    fn resource_names_limit_a_rule() {
        let one = rule(
            json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"],
            "resourceNames": ["b"]}),
        );
        assert!(!one.allows(&get("pods", "")));
        assert!(one.allows(&Attributes {
            name: "b",
            ..get("pods", "")
        }));
    }

    #[test]
    fn non_resource_urls_match_by_prefix() {
        let health = rule(json!({"nonResourceURLs": ["/healthz/*"], "verbs": ["get"]}));
        let path = |p| Attributes {
            verb: "get",
            path: Some(p),
            ..Attributes::default()
        };
        assert!(health.allows(&path("/healthz/etcd")));
        assert!(!health.allows(&path("/metrics")));
        assert!(!health.allows(&get("pods", "")));
    }

    #[test]
    fn uncovered_rights_are_spelled_as_upstream() {
        let owned = [rule(
            json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}),
        )];
        let wanted = [rule(
            json!({"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "list"]}),
        )];
        let missing = compact_rules(uncovered(&owned, &wanted));
        let spelled: Vec<String> = missing.iter().map(Rule::compact).collect();
        assert_eq!(
            spelled,
            [
                r#"{APIGroups:[""], Resources:["pods"], Verbs:["list"]}"#,
                r#"{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}"#
            ]
        );
    }
}
