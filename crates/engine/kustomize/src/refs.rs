//! References follow the names they mean.

use crate::config::Config;
use crate::error::KustomizeError;
use crate::fields::{self, Create, FieldSpec};
use crate::id::{CLUSTER, Gvk, ResId, scalar_text, text};
use crate::resmap::ResMap;
use crate::resource::Resource;
use argosy_object::Value;
use std::collections::{HashMap, HashSet};

/// What of an object decides whether a name means it. Names no longer change here.
struct Candidate {
    now: ResId,
    before: Vec<ResId>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// All objects, and those that once had a name.
struct World {
    all: Vec<Candidate>,
    by_name: HashMap<String, Vec<usize>>,
    by_first_namespace: HashMap<String, Vec<usize>>,
}

/// One object that may refer to others, and what it can see of them.
struct Referrer<'a> {
    world: &'a World,
    own: &'a Candidate,
    /// Namespaces of a RoleBinding's service accounts.
    bound: HashSet<String>,
}

/// One kind of field of an object.
struct Reference<'a> {
    from: &'a Referrer<'a>,
    target: Gvk,
    /// For a role reference: the kind that it names.
    role: Option<Gvk>,
}

/// Writes the new names into all fields that held the old ones.
pub(crate) fn fix(map: &mut ResMap, config: &Config) -> Result<(), KustomizeError> {
    let world = World::of(map);
    for (at, resource) in map.list.iter_mut().enumerate() {
        let original = resource.original_id().gvk;
        let bound = bound_namespaces(resource)?;
        let from = Referrer {
            world: &world,
            own: &world.all[at],
            bound,
        };
        for known in &config.name_reference {
            for spec in known.referrers.iter().filter(|s| s.selects(&original)) {
                let value = &mut resource.value;
                let role = spec
                    .path
                    .ends_with("roleRef/name")
                    .then(|| role_of(value))
                    .flatten();
                let reference = Reference {
                    from: &from,
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

impl World {
    fn of(map: &ResMap) -> Self {
        let mut world = Self {
            all: Vec::new(),
            by_name: HashMap::new(),
            by_first_namespace: HashMap::new(),
        };
        for (at, resource) in map.list.iter().enumerate() {
            let (now, before) = (resource.id(), resource.previous_ids());
            let names: HashSet<&str> = before.iter().map(|id| id.name.as_str()).collect();
            for name in names {
                world.by_name.entry(name.to_owned()).or_default().push(at);
            }
            let first = before
                .first()
                .unwrap_or(&now)
                .effective_namespace()
                .to_owned();
            world.by_first_namespace.entry(first).or_default().push(at);
            let (prefixes, suffixes) = (resource.prefixes.clone(), resource.suffixes.clone());
            world.all.push(Candidate {
                now,
                before,
                prefixes,
                suffixes,
            });
        }
        world
    }
}

impl Referrer<'_> {
    fn sees(&self, other: &Candidate) -> bool {
        self.own.now.gvk.is_cluster_scoped()
            || other.now.gvk.is_cluster_scoped()
            || other.now.same_namespace(&self.own.now)
            || self.bound.contains(&other.now.namespace)
    }

    /// Whether it sees any object that was in a namespace at first.
    fn sees_into(&self, namespace: &str) -> bool {
        namespace != CLUSTER
            && self
                .world
                .by_first_namespace
                .get(namespace)
                .is_some_and(|found| found.iter().any(|at| self.sees(&self.world.all[*at])))
    }
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
        if let Some(found) = self.select(&old, None, same)?
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
        let namespace = field.get("namespace").map(scalar_text);
        let same = |a: &Candidate, b: &Candidate| {
            a.now.name == b.now.name && a.now.namespace == b.now.namespace
        };
        let Some(found) = self.select(&old, namespace.as_deref(), same)? else {
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

    fn select(
        &self,
        old: &str,
        namespace: Option<&str>,
        same: impl Fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&Candidate>, String> {
        let Referrer { world, own, .. } = self.from;
        // A namespace is first taken for one that objects came from.
        let came_from = namespace.is_some_and(|n| self.from.sees_into(n));
        let in_namespace = |c: &Candidate| match namespace {
            None => true,
            Some(wanted) if came_from => {
                c.before.first().unwrap_or(&c.now).effective_namespace() == wanted
            }
            Some(wanted) => wanted != CLUSTER && c.now.effective_namespace() == wanted,
        };
        let mut found: Vec<&Candidate> = world
            .by_name
            .get(old)
            .into_iter()
            .flatten()
            .map(|at| &world.all[*at])
            .filter(|c| self.from.sees(c) && in_namespace(c))
            .filter(|c| c.before.iter().any(|id| id.gvk.is_selected(&self.target)))
            .filter(|c| {
                self.role
                    .as_ref()
                    .is_none_or(|r| c.before.iter().any(|id| id.gvk.is_selected(r)))
            })
            .filter(|c| {
                own.now.gvk.is_cluster_scoped()
                    || c.now.gvk.is_cluster_scoped()
                    || c.now.gvk.kind == "ServiceAccount"
                    || c.now.same_namespace(&own.now)
            })
            .collect();
        if found.len() == 1 {
            return Ok(found.pop());
        }
        found.retain(|c| affixes_fit(c, own, true));
        if found.len() > 1 {
            found.retain(|c| affixes_fit(c, own, false));
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
