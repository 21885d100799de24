//! References follow the names they mean.

use crate::config::Config;
use crate::error::KustomizeError;
use crate::fields::{self, Create, FieldSpec};
use crate::id::{CLUSTER, Gvk, ResId, scalar_text, text};
use crate::resmap::ResMap;
use crate::resource::Resource;
use argosy_object::Value;
use std::collections::HashSet;

/// What of an object decides whether a name means it. Names no longer change here.
struct Candidate {
    now: ResId,
    before: Vec<ResId>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// One field of one object, and the objects that it may mean.
struct Reference<'a> {
    all: &'a [Candidate],
    /// Those that the referrer can see at all.
    visible: &'a [usize],
    referrer: usize,
    target: Gvk,
    /// For a role reference: the kind that it names.
    role: Option<Gvk>,
}

/// Writes the new names into all fields that held the old ones.
pub(crate) fn fix(map: &mut ResMap, config: &Config) -> Result<(), KustomizeError> {
    let all: Vec<Candidate> = map
        .list
        .iter()
        .map(|r| Candidate {
            now: r.id(),
            before: r.previous_ids(),
            prefixes: r.prefixes.clone(),
            suffixes: r.suffixes.clone(),
        })
        .collect();
    for referrer in 0..map.list.len() {
        let original = map.list[referrer].original_id().gvk;
        let visible = visible_to(&map.list[referrer], &all[referrer], &all)?;
        for known in &config.name_reference {
            for spec in known
                .referrers
                .iter()
                .filter(|s| original.is_selected(&s.gvk()))
            {
                let value = &mut map.list[referrer].value;
                let role = spec
                    .path
                    .ends_with("roleRef/name")
                    .then(|| role_of(value))
                    .flatten();
                let reference = Reference {
                    all: &all,
                    visible: &visible,
                    referrer,
                    target: known.gvk(),
                    role,
                };
                // The kind may have changed since: the field is what counts.
                let spec = FieldSpec {
                    path: spec.path.clone(),
                    ..FieldSpec::default()
                };
                fields::each(value, &spec, Create::Never, &mut |field| {
                    reference.set(field)
                })?;
            }
        }
    }
    Ok(())
}

fn visible_to(
    resource: &Resource,
    referrer: &Candidate,
    all: &[Candidate],
) -> Result<Vec<usize>, KustomizeError> {
    if referrer.now.gvk.is_cluster_scoped() {
        return Ok((0..all.len()).collect());
    }
    let bound = bound_namespaces(resource)?;
    let sees = |c: &Candidate| {
        c.now.gvk.is_cluster_scoped()
            || c.now.same_namespace(&referrer.now)
            || bound.contains(&c.now.namespace)
    };
    Ok((0..all.len()).filter(|at| sees(&all[*at])).collect())
}

/// The namespaces of a RoleBinding's service accounts.
fn bound_namespaces(resource: &Resource) -> Result<HashSet<String>, KustomizeError> {
    let mut found = HashSet::new();
    if text(&resource.value, "kind") != "RoleBinding" {
        return Ok(found);
    }
    let subjects = resource.value.get("subjects").and_then(Value::as_array);
    for subject in subjects.into_iter().flatten() {
        if text(subject, "kind") != "ServiceAccount" {
            continue;
        }
        match subject.get("namespace") {
            None => {}
            Some(Value::String(namespace)) => {
                found.insert(namespace.clone());
            }
            Some(_) => {
                let id = resource.id();
                let text = format!(
                    "Invalid Input: namespace is blank for resource {:?}",
                    id.to_string()
                );
                return Err(KustomizeError::failed(text));
            }
        }
    }
    Ok(found)
}

fn role_of(value: &Value) -> Option<Gvk> {
    let role = value.get("roleRef")?;
    let group = scalar_text(role.get("apiGroup")?);
    let kind = scalar_text(role.get("kind")?);
    Some(Gvk::new(&group, "", &kind))
}

impl Reference<'_> {
    fn set(&self, field: &mut Value) -> Result<(), String> {
        match field {
            Value::Null => Ok(()),
            Value::Object(_) => self.set_mapping(field),
            Value::Array(items) => items.iter_mut().try_for_each(|item| match item {
                Value::Null => Ok(()),
                Value::Object(_) => self.set_mapping(item),
                Value::Array(_) => {
                    Err("expected to be either a string or a map of string".to_owned())
                }
                _ => self.set_scalar(item),
            }),
            _ => self.set_scalar(field),
        }
    }

    fn set_scalar(&self, field: &mut Value) -> Result<(), String> {
        let old = scalar_text(field);
        let same = |a: &Candidate, b: &Candidate| a.now.name == b.now.name;
        if let Some(found) = self.select(&old, self.visible.to_vec(), same)?
            && found.now.name != old
        {
            *field = Value::String(found.now.name.clone());
        }
        Ok(())
    }

    fn set_mapping(&self, field: &mut Value) -> Result<(), String> {
        let Some(name) = field.get("name") else {
            return Err("path config error; no 'name' field in node".to_owned());
        };
        let old = scalar_text(name);
        let candidates = match field.get("namespace") {
            None => self.visible.to_vec(),
            Some(namespace) => self.in_namespace(&scalar_text(namespace)),
        };
        let same = |a: &Candidate, b: &Candidate| {
            a.now.name == b.now.name && a.now.namespace == b.now.namespace
        };
        let Some(found) = self.select(&old, candidates, same)? else {
            return Ok(());
        };
        if let Value::Object(map) = field {
            if found.now.name != old || !found.now.namespace.is_empty() {
                map.insert("name".into(), found.now.name.clone().into());
            }
            if !found.now.namespace.is_empty() {
                map.insert("namespace".into(), found.now.namespace.clone().into());
            }
        }
        Ok(())
    }

    /// Those that were in a namespace at first; failing that, those that are in it now.
    fn in_namespace(&self, namespace: &str) -> Vec<usize> {
        let pick = |of: &dyn Fn(&Candidate) -> String| -> Vec<usize> {
            let fits = |at: &usize| {
                let found = of(&self.all[*at]);
                found == namespace && found != CLUSTER
            };
            self.visible.iter().copied().filter(fits).collect()
        };
        let first = pick(&|c| {
            c.before
                .first()
                .unwrap_or(&c.now)
                .effective_namespace()
                .to_owned()
        });
        if first.is_empty() {
            pick(&|c| c.now.effective_namespace().to_owned())
        } else {
            first
        }
    }

    fn select(
        &self,
        old: &str,
        candidates: Vec<usize>,
        same: impl Fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&Candidate>, String> {
        let referrer = &self.all[self.referrer];
        let mut found: Vec<&Candidate> = candidates
            .into_iter()
            .map(|at| &self.all[at])
            .filter(|c| c.before.iter().any(|id| id.name == old))
            .filter(|c| c.before.iter().any(|id| id.gvk.is_selected(&self.target)))
            .filter(|c| {
                self.role
                    .as_ref()
                    .is_none_or(|r| c.before.iter().any(|id| id.gvk.is_selected(r)))
            })
            .filter(|c| {
                referrer.now.gvk.is_cluster_scoped()
                    || c.now.gvk.is_cluster_scoped()
                    || c.now.gvk.kind == "ServiceAccount"
                    || c.now.same_namespace(&referrer.now)
            })
            .collect();
        if found.len() == 1 {
            return Ok(found.pop());
        }
        found.retain(|c| affixes_fit(c, referrer, true));
        if found.len() > 1 {
            found.retain(|c| affixes_fit(c, referrer, false));
        }
        let Some(first) = found.first() else {
            return Ok(None);
        };
        if found.iter().all(|c| same(first, c)) {
            return Ok(Some(first));
        }
        let ids: Vec<String> = found.iter().map(|c| c.now.to_string()).collect();
        Err(format!(
            "found multiple possible referrals: {}",
            ids.join(", ")
        ))
    }
}

/// Whether both got the same prefixes and suffixes, so far as both got any.
fn affixes_fit(a: &Candidate, b: &Candidate, allow_empty: bool) -> bool {
    let fit = |a: &[String], b: &[String]| {
        (allow_empty && (a.is_empty() || b.is_empty())) || same_ending(a, b)
    };
    fit(&a.prefixes, &b.prefixes) && fit(&a.suffixes, &b.suffixes)
}

fn same_ending(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.is_empty() {
        long.is_empty()
    } else {
        long.ends_with(short)
    }
}
