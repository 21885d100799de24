//! GET on a collection: selectors, pages, revisions.

use super::table::{Shaper, whole_list};
use crate::call::Call;
use crate::error::{ApiError, Cause, FieldError};
use crate::meta;
use crate::negotiate::Reply;
use crate::selector::{FieldSelector, LabelSelector, field_text};
use crate::storage::{Page, Range, Rev};
use argosy_object::{Map, Value};
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use base64::{DecodeError, Engine as _};

/// Go's decoder does not look at the bits that are left over.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
);

/// Which objects a request selects.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    pub labels: LabelSelector,
    pub fields: FieldSelector,
}

impl Selection {
    pub(super) fn read(call: &Call<'_>) -> Result<Self, ApiError> {
        let labels = LabelSelector::parse(call.query.get("labelSelector").unwrap_or_default())?;
        let fields = FieldSelector::parse(call.query.get("fieldSelector").unwrap_or_default())?;
        for field in fields.fields() {
            if !knows_field(call, field) {
                return Err(ApiError::bad_request(unknown_field(call, field)));
            }
        }
        Ok(Self { labels, fields })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether a stored object is selected.
    pub(super) fn matches(&self, call: &Call<'_>, object: &Value) -> bool {
        self.matches_with(call.hook(), object)
    }

    pub(super) fn matches_with(&self, hook: &dyn crate::hook::KindHook, object: &Value) -> bool {
        self.labels.matches(object)
            && self.fields.matches(|field| {
                hook.field_value(object, field)
                    .unwrap_or_else(|| field_text(object, field))
            })
    }
}

fn knows_field(call: &Call<'_>, field: &str) -> bool {
    matches!(field, "metadata.name" | "metadata.namespace")
        || call.hook().selectable_fields().contains(&field)
        || call.served.kind.custom.as_ref().is_some_and(|custom| {
            custom
                .selectable_fields
                .iter()
                .any(|path| path.trim_start_matches('.') == field)
        })
}

fn unknown_field(call: &Call<'_>, field: &str) -> String {
    if call.served.kind.is_custom() || !call.hook().selectable_fields().is_empty() {
        format!("field label not supported: {field}")
    } else {
        format!(
            "\"{field}\" is not a known field selector: only \"metadata.name\", \
             \"metadata.namespace\""
        )
    }
}

/// `resourceVersionMatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Exact,
    NotOlderThan,
}

/// Reads `resourceVersionMatch` and checks it against the rest; `watch` has its own rules.
pub(super) fn version_match(call: &Call<'_>, watch: bool) -> Result<Option<Match>, ApiError> {
    let query = call.query;
    let (version, given) = (
        query.text("resourceVersion"),
        query.text("resourceVersionMatch"),
    );
    let initial = query.text("sendInitialEvents").is_some();
    let mut faults = Vec::new();
    let mut forbid = |field: &str, detail: &str| faults.push(FieldError::forbidden(field, detail));
    const FIELD: &str = "resourceVersionMatch";
    if watch {
        match (initial, given) {
            (true, None) => forbid(
                FIELD,
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ),
            (true, Some("NotOlderThan")) | (false, None) => {}
            (true, Some(other)) => {
                faults.push(FieldError::not_supported(FIELD, other, &["NotOlderThan"]));
            }
            (false, Some(_)) => forbid(
                FIELD,
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ),
        }
    } else {
        if initial {
            forbid(
                "sendInitialEvents",
                "sendInitialEvents is forbidden for list",
            );
        }
        if given.is_some() && version.is_none() {
            forbid(
                FIELD,
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            );
        }
        if given.is_some() && query.text("continue").is_some() {
            forbid(
                FIELD,
                "resourceVersionMatch is forbidden when continue is provided",
            );
        }
        if given == Some("Exact") && version == Some("0") {
            forbid(
                FIELD,
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            );
        }
        if let Some(other) = given.filter(|given| !matches!(*given, "Exact" | "NotOlderThan")) {
            let known = ["Exact", "NotOlderThan", ""];
            faults.push(FieldError::not_supported(FIELD, other, &known));
        }
    }
    if !faults.is_empty() {
        return Err(ApiError::invalid("meta.k8s.io", "ListOptions", "", &faults));
    }
    Ok(match given {
        Some("Exact") => Some(Match::Exact),
        Some(_) => Some(Match::NotOlderThan),
        None => None,
    })
}

/// A number of the query; 0 where it is missing.
fn number(call: &Call<'_>, name: &str) -> Result<i64, ApiError> {
    let Some(text) = call.query.text(name) else {
        return Ok(0);
    };
    text.parse().map_err(|_| {
        ApiError::bad_request(format!(
            "strconv.ParseInt: parsing \"{text}\": invalid syntax"
        ))
    })
}

/// `resourceVersion` of a get or watch, which upstream takes no better care of.
pub(super) fn bare_version(call: &Call<'_>) -> Result<Option<Rev>, ApiError> {
    version(call).map_err(|error| {
        let message = error
            .message
            .trim_start_matches("invalid resource version: ");
        ApiError::new(500, "", message)
    })
}

/// `resourceVersion`; `None` where it is missing.
pub(super) fn version(call: &Call<'_>) -> Result<Option<Rev>, ApiError> {
    let Some(text) = call.query.text("resourceVersion") else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        ApiError::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: \"{text}\": \
             strconv.ParseUint: parsing \"{text}\": invalid syntax"
        ))
    })
}

/// Refuses a revision that is yet to come.
pub(super) fn check_future(wanted: Rev, current: Rev) -> Result<(), ApiError> {
    if wanted <= current {
        return Ok(());
    }
    let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
    let mut error = ApiError::new(504, "Timeout", message.clone()).with_empty_details();
    if let Some(details) = &mut error.details {
        details.retry_after_seconds = 1;
        details.causes.push(Cause {
            reason: "ResourceVersionTooLarge",
            message: "Too large resource version".into(),
            field: String::new(),
        });
    }
    Err(error)
}

/// The place in a list where the next page begins.
struct Continue {
    /// The revision of the list; `None` where it has expired and the rest is read as it is now.
    rev: Option<Rev>,
    start: String,
}

impl Continue {
    fn parse(token: &str) -> Result<Self, ApiError> {
        let wrong = |what: &str| {
            let detail = format!("invalid continue token: continue key is not valid: {what}");
            ApiError::bad_request(detail)
        };
        let bytes = LENIENT
            .decode(token.trim_end_matches('='))
            .map_err(|error| {
                let at = match error {
                    DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => at,
                    _ => token.len(),
                };
                wrong(&format!("illegal base64 data at input byte {at}"))
            })?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|e| wrong(&crate::decode::go_error(&bytes, &e)))?;
        if value["v"] != "meta.k8s.io/v1" {
            return Err(wrong("server does not recognize this encoded version"));
        }
        let rev = value["rv"]
            .as_i64()
            .ok_or_else(|| wrong("incorrect encoded start resourceVersion"))?;
        let start = value["start"].as_str().filter(|start| !start.is_empty());
        let start = start.ok_or_else(|| wrong("encoded start key must not be empty"))?;
        let start = start.trim_end_matches('\0').to_owned();
        if start.starts_with('/') || start.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(wrong("encoded start key is not normalized"));
        }
        Ok(Self {
            rev: u64::try_from(rev).ok(),
            start,
        })
    }

    fn token(rev: Option<Rev>, start: &str) -> String {
        let rev = rev.map_or(-1, |rev| rev as i64);
        let value = argosy_object::json!({"v": "meta.k8s.io/v1", "rv": rev,
            "start": format!("{start}\0")});
        URL_SAFE_NO_PAD.encode(value.to_string())
    }
}

/// What a list asks for.
struct Plan {
    at: Option<Rev>,
    after: Option<String>,
    limit: usize,
    selection: Selection,
    /// Whether the list goes on where it cannot be consistent any more.
    loose: bool,
}

fn plan(call: &Call<'_>) -> Result<Plan, ApiError> {
    let mut selection = Selection::read(call)?;
    if selection.fields.exact_name().is_none() && !call.info.name.is_empty() {
        selection.fields = FieldSelector::parse(&format!("metadata.name={}", call.info.name))?;
    }
    let matching = version_match(call, false)?;
    let limit = number(call, "limit")?;
    number(call, "timeoutSeconds")?;
    let limit = usize::try_from(limit).unwrap_or(0);
    let current = call.cluster.storage.revision();
    if let Some(token) = call.query.text("continue") {
        let Continue { rev, start } = Continue::parse(token)?;
        if call
            .query
            .text("resourceVersion")
            .is_some_and(|version| version != "0")
        {
            return Err(ApiError::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let after = format!("{}{start}", call.served.prefix(&call.info.namespace));
        return Ok(Plan {
            at: rev,
            after: Some(after),
            limit,
            selection,
            loose: rev.is_none(),
        });
    }
    let version = version(call)?;
    if let Some(version) = version {
        check_future(version, current)?;
    }
    let exact = match (version, matching) {
        (Some(version), Some(Match::Exact)) => Some(version),
        // Without a match rule, a limit makes a revision exact.
        (Some(version), None) if limit > 0 && version > 0 => Some(version),
        _ => None,
    };
    Ok(Plan {
        at: exact,
        after: None,
        limit,
        selection,
        loose: false,
    })
}

/// What was read.
struct Found {
    objects: Vec<Value>,
    rev: Rev,
    /// The last key read, where more follow.
    last: Option<String>,
    remaining: usize,
}

pub(super) fn serve(call: &mut Call<'_>) -> Result<Reply, ApiError> {
    let plan = plan(call)?;
    let found = read(call, &plan)?;
    let mut list_meta = Map::new();
    list_meta.insert("resourceVersion".into(), found.rev.to_string().into());
    if let Some(last) = &found.last {
        let prefix = call.served.prefix(&call.info.namespace);
        let start = last.strip_prefix(&prefix).unwrap_or(last);
        let rev = (!plan.loose).then_some(found.rev);
        list_meta.insert("continue".into(), Continue::token(rev, start).into());
        if plan.selection.is_empty() {
            list_meta.insert("remainingItemCount".into(), found.remaining.into());
        }
    }
    let shown: Result<Vec<Value>, ApiError> = found
        .objects
        .into_iter()
        .map(|object| call.shown(object))
        .collect();
    Ok(Reply::ok(
        Shaper::new(call)?.list(Value::Object(list_meta), shown?),
    ))
}

fn read(call: &Call<'_>, plan: &Plan) -> Result<Found, ApiError> {
    let prefix = call.served.prefix(&call.info.namespace);
    if let (Some(name), None, None, false) = (
        plan.selection.fields.exact_name(),
        &plan.after,
        plan.at,
        prefix_spans(call),
    ) {
        return Ok(one(call, plan, name));
    }
    let mut found = Found {
        objects: Vec::new(),
        rev: 0,
        last: None,
        remaining: 0,
    };
    let mut after = plan.after.clone();
    let mut at = plan.at;
    loop {
        let limit = if plan.limit == 0 {
            0
        } else {
            plan.limit - found.objects.len()
        };
        let range = Range {
            prefix: &prefix,
            after: after.as_deref(),
            limit,
            at,
        };
        let page = call
            .cluster
            .storage
            .range(range)
            .map_err(|_| expired(plan, &prefix))?;
        let Page {
            items,
            rev,
            remaining,
        } = page;
        // Later pages of this answer must show the same moment.
        at = Some(rev);
        (found.rev, found.remaining) = (rev, remaining);
        after = items.last().map(|(key, _)| key.to_string()).or(after);
        for (_, stored) in items {
            let object = meta::decode(&stored.json, stored.rev);
            if plan.selection.matches(call, &object) {
                found.objects.push(object);
            }
        }
        if remaining == 0 {
            return Ok(found);
        }
        if found.objects.len() >= plan.limit {
            found.last = after;
            return Ok(found);
        }
    }
}

/// Whether the request spans namespaces, so that a name alone is no key.
fn prefix_spans(call: &Call<'_>) -> bool {
    call.served.namespaced() && call.info.namespace.is_empty()
}

/// The one object that a selector on `metadata.name` can mean.
fn one(call: &Call<'_>, plan: &Plan, name: &str) -> Found {
    let rev = call.cluster.storage.revision();
    let object = call.cluster.load(&call.served, &call.info.namespace, name);
    let objects = object
        .filter(|object| plan.selection.matches(call, object))
        .into_iter()
        .collect();
    Found {
        objects,
        rev,
        last: None,
        remaining: 0,
    }
}

fn expired(plan: &Plan, prefix: &str) -> ApiError {
    let Some(after) = &plan.after else {
        return ApiError::expired("The resourceVersion for the provided list is too old.");
    };
    let mut error = ApiError::expired(
        "The provided continue parameter is too old to display a consistent list result. You can \
         start a new list without the continue parameter, or use the continue token in this \
         response to retrieve the remainder of the results. Continuing with the provided token \
         results in an inconsistent list - objects that were created, modified, or deleted between \
         the time the first chunk was returned and now may show up in the list.",
    );
    error.continue_token = Continue::token(None, after.strip_prefix(prefix).unwrap_or(after));
    error
}

/// A list of objects with a revision.
pub(super) fn envelope(call: &Call<'_>, objects: Vec<Value>, rev: &str) -> Value {
    whole_list(
        &call.served,
        argosy_object::json!({"resourceVersion": rev}),
        objects,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continue_token_survives_and_refuses_escapes() {
        let token = Continue::token(Some(7), "ns/name");
        let read = Continue::parse(&token).unwrap();
        assert_eq!((read.rev, read.start.as_str()), (Some(7), "ns/name"));
        assert_eq!(
            Continue::parse(&Continue::token(None, "a")).unwrap().rev,
            None
        );
        assert!(Continue::parse(&Continue::token(Some(7), "../x")).is_err());
        assert!(Continue::parse("!").is_err());
    }
}
