//! Lists that are merged element by element.

use super::schema::Cursor;
use super::{DIRECTIVE, Directive, Out, Walker, directive, is_nothing};
use crate::id::scalar_text;
use argosy_object::Value;

/// The longest list that is merged: each element is looked for among all others.
const MAX_MERGED: usize = 10_000;

/// The keys and values that identify an element. The key of a list of scalars is empty.
struct Match<'k> {
    keys: Vec<&'k str>,
    values: Vec<String>,
}

impl<'s> Walker<'s> {
    pub(super) fn merged_list(
        &self,
        cursor: Option<Cursor<'s>>,
        keys: &[&str],
        dest: Option<Value>,
        origin: Option<&Value>,
    ) -> Result<Out, String> {
        let from_patch = is_nothing(dest.as_ref());
        let patch = match origin {
            Some(Value::Null) if !from_patch => return Ok(Out::kept(None)),
            Some(Value::Array(items)) => Some(items.clone()),
            _ => None,
        };
        let (patch, dest) = match (patch, dest) {
            (Some(items), _) if from_patch => (Some(items.clone()), items),
            (Some(items), dest) => {
                let (said, items) = directive_of_list(items)?;
                match said {
                    Directive::Delete => return Ok(Out::kept(None)),
                    Directive::Replace => (Some(items.clone()), items),
                    Directive::Merge => (Some(items), list(dest)),
                }
            }
            (None, dest) => (None, list(dest)),
        };
        if dest.len() + patch.as_ref().map_or(0, Vec::len) > MAX_MERGED {
            return Err(format!(
                "a list of more than {MAX_MERGED} elements cannot be merged"
            ));
        }
        let sources: Vec<&Vec<Value>> = patch.iter().chain([&dest]).collect();
        let mut wanted = if keys.is_empty() {
            scalar_values(&sources)
        } else {
            element_values(&sources, keys)
        };
        let keys = if keys.is_empty() { &[""] } else { keys };
        let items = cursor.as_ref().and_then(Cursor::items);
        let merged = self.elements(items, keys, &mut wanted, dest, patch.as_deref())?;
        Ok(Out::kept(Some(Value::Array(merged))))
    }

    fn elements(
        &self,
        schema: Option<Cursor<'s>>,
        keys: &[&str],
        wanted: &mut [Vec<String>],
        mut dest: Vec<Value>,
        patch: Option<&[Value]>,
    ) -> Result<Vec<Value>, String> {
        if keys.len() > 1 {
            complete(wanted);
        }
        let have = used(wanted, keys.len());
        let mut added = Vec::new();
        let mut last_keys: Vec<&str> = Vec::new();
        for values in wanted.iter() {
            if values.is_empty() {
                continue;
            }
            let matcher = valid(&have, values, keys);
            let own_keys = used(std::slice::from_ref(&matcher.values), matcher.keys.len());
            let own = valid(&own_keys, &matcher.values, &matcher.keys);
            let place = position(&dest, &own);
            let mine = place.map(|at| dest[at].clone());
            let theirs = patch.and_then(|p| position(p, &own).map(|at| &p[at]));
            let out = self.walk(schema, mine, theirs)?;
            last_keys.clone_from(&matcher.keys);
            let gone = match &out.value {
                None | Some(Value::Null) => true,
                Some(Value::Object(map)) => map.is_empty(),
                Some(_) => false,
            };
            if gone {
                set(&mut dest, None, &matcher);
                continue;
            }
            let mut value = out.value.unwrap_or(Value::Null);
            if let Value::Object(map) = &mut value {
                for (key, text) in matcher.keys.iter().zip(&matcher.values) {
                    if !map.contains_key(*key) && !text.is_empty() {
                        map.insert(
                            (*key).to_owned(),
                            argosy_yaml::from_str(text).unwrap_or(Value::Null),
                        );
                    }
                }
            }
            if let (Some(at), false) = (place, out.replaced) {
                dest[at] = value.clone();
            }
            set(&mut added, Some(&value), &matcher);
        }
        if wanted.is_empty() {
            return Ok(dest);
        }
        append(&mut added, dest, &last_keys);
        Ok(added)
    }
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// What a patch says of a whole list, in an element of its own, and the list without it.
fn directive_of_list(items: Vec<Value>) -> Result<(Directive, Vec<Value>), String> {
    let Some(element) = items
        .iter()
        .find_map(|i| i.as_object().filter(|m| m.contains_key(DIRECTIVE)))
    else {
        return Ok((Directive::Merge, items));
    };
    if element.len() > 1 {
        return Ok((Directive::Merge, items));
    }
    let word = element[DIRECTIVE].clone();
    let said = directive(&word)?;
    let rest = items
        .into_iter()
        .filter(|i| i.get(DIRECTIVE) != Some(&word))
        .collect();
    Ok((said, rest))
}

/// The values of the keys of all elements, each once, the patch's first.
fn element_values(sources: &[&Vec<Value>], keys: &[&str]) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    for element in sources.iter().flat_map(|s| s.iter()) {
        let values: Vec<String> = keys
            .iter()
            .map(|key| element.get(key).map(scalar_text).unwrap_or_default())
            .collect();
        if !found.contains(&values) {
            found.push(values);
        }
    }
    found
}

fn scalar_values(sources: &[&Vec<Value>]) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    for element in sources.iter().flat_map(|s| s.iter()) {
        let values = vec![scalar_text(element)];
        if !found.contains(&values) {
            found.push(values);
        }
    }
    found
}

/// Fills in what one element leaves out and another of the same key says.
fn complete(wanted: &mut [Vec<String>]) {
    for i in 0..wanted.len() {
        for j in 0..wanted.len() {
            if let Some(both) = common(&wanted[i], &wanted[j]) {
                wanted[i].clone_from(&both);
                wanted[j] = both;
            }
        }
    }
}

fn common(left: &[String], right: &[String]) -> Option<Vec<String>> {
    let mut shared = false;
    let mut both = Vec::new();
    for (l, r) in left.iter().zip(right) {
        if l == r {
            shared = true;
        } else if !l.is_empty() && !r.is_empty() {
            return None;
        }
        both.push(if l.is_empty() { r.clone() } else { l.clone() });
    }
    shared.then_some(both)
}

/// Which keys any element has.
fn used(all: &[Vec<String>], keys: usize) -> Vec<bool> {
    (0..keys)
        .map(|i| all.iter().any(|v| v.get(i).is_some_and(|t| !t.is_empty())))
        .collect()
}

/// Leaves out the keys that no element has.
fn valid<'k>(used: &[bool], values: &[String], keys: &[&'k str]) -> Match<'k> {
    if !used.contains(&true) {
        return Match {
            keys: keys.to_vec(),
            values: values.to_vec(),
        };
    }
    let kept = used
        .iter()
        .zip(keys.iter().zip(values))
        .filter(|(used, _)| **used);
    let (keys, values) = kept.map(|(_, (key, value))| (*key, value.clone())).unzip();
    Match { keys, values }
}

/// The element with exactly these values.
fn position(elements: &[Value], wanted: &Match<'_>) -> Option<usize> {
    elements.iter().position(|element| {
        if wanted.keys.first() == Some(&"") {
            return wanted
                .values
                .first()
                .is_some_and(|v| scalar_text(element) == *v);
        }
        element.is_object()
            && wanted
                .keys
                .iter()
                .zip(&wanted.values)
                .all(|(key, value)| element.get(key).is_some_and(|v| scalar_text(v) == *value))
    })
}

/// Replaces, or with nothing removes, the elements that match; appends where none does.
fn set(elements: &mut Vec<Value>, new: Option<&Value>, wanted: &Match<'_>) {
    let scalars = wanted.keys.first() == Some(&"");
    let mut found = false;
    let mut out = Vec::with_capacity(elements.len() + 1);
    for element in elements.drain(..) {
        let empty = match &element {
            Value::Null => true,
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if empty {
            continue;
        }
        if !scalars && !element.is_object() {
            out.push(element);
            continue;
        }
        if !matches(&element, wanted, scalars) {
            if !wanted.values.is_empty() {
                out.push(element);
            }
            continue;
        }
        found = true;
        out.extend(new.cloned());
    }
    if !found {
        out.extend(new.filter(|v| !v.is_null()).cloned());
    }
    *elements = out;
}

fn matches(element: &Value, wanted: &Match<'_>, scalars: bool) -> bool {
    if scalars {
        return wanted
            .values
            .first()
            .is_some_and(|v| scalar_text(element) == *v);
    }
    wanted.keys.iter().enumerate().all(|(i, key)| {
        let field = element.get(key);
        match wanted.values.get(i) {
            // Upstream holds on to what the key before gave.
            None => i > 0,
            Some(value) if value.is_empty() => field.is_some(),
            Some(value) => field.is_some_and(|v| scalar_text(v) == *value),
        }
    })
}

/// Puts the elements that were there behind those that the patch named.
fn append(added: &mut Vec<Value>, dest: Vec<Value>, keys: &[&str]) {
    for element in dest {
        if keys.first() == Some(&"") {
            let matcher = Match {
                keys: vec![""],
                values: vec![scalar_text(&element)],
            };
            set(added, Some(&element), &matcher);
            continue;
        }
        let mut values = Vec::new();
        for key in keys {
            match element.get(key) {
                None => added.push(element.clone()),
                Some(value) => values.push(scalar_text(value)),
            }
        }
        let matcher = Match {
            keys: keys.to_vec(),
            values,
        };
        if keys.len() > 1 {
            set(added, None, &matcher);
        }
        set(added, Some(&element), &matcher);
    }
}

#[cfg(test)]
mod tests {
    use crate::merge::{MergeSchema, merge};
    use argosy_object::json;

    #[test]
    fn patched_elements_come_first_and_directives_delete() {
        let target = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [
            {"name": "a", "image": "x", "args": ["1", "2"]}, {"name": "b"}]}});
        let patch = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [
            {"name": "c"}, {"name": "a", "args": ["3"]}, {"name": "b", "$patch": "delete"}]}});
        let merged = merge(&MergeSchema::builtin(), target, &patch)
            .unwrap()
            .unwrap();
        assert_eq!(
            merged["spec"]["containers"],
            json!([{"name": "c"}, {"name": "a", "image": "x", "args": ["3"]}])
        );
    }

    #[test]
    fn custom_kinds_have_their_lists_replaced() {
        let target =
            json!({"apiVersion": "x/v1", "kind": "X", "l": [{"name": "a"}], "m": {"n": 1}});
        let patch = json!({"apiVersion": "x/v1", "kind": "X", "l": [{"name": "b"}], "m": null});
        let merged = merge(&MergeSchema::builtin(), target, &patch)
            .unwrap()
            .unwrap();
        assert_eq!(
            merged,
            json!({"apiVersion": "x/v1", "kind": "X", "l": [{"name": "b"}]})
        );
    }
}
