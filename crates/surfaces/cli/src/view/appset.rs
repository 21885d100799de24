//! ApplicationSets.

use super::{go_time, line, qualified, text, without_managed_fields};
use crate::output::Listing;
use crate::table::Table;
use crate::terminal::Terminal;
use argosy_crds::ApplicationSpec;
use argosy_object::{Object, Value};

/// The list of `appset list`.
pub fn list(sets: &[Object]) -> Listing {
    let mut listing = Listing {
        table: Table::new(&["NAME", "PROJECT", "SYNCPOLICY", "CONDITIONS"])
            .wide(&["REPO", "PATH", "TARGET"]),
        ..Listing::default()
    };
    for set in sets {
        let source = |field: &str| {
            let one = text(set, &format!("/spec/template/spec/source/{field}"));
            match one {
                "" => text(set, &format!("/spec/template/spec/sources/0/{field}")).to_owned(),
                one => one.to_owned(),
            }
        };
        let conditions: Vec<String> = conditions(set)
            .map(|c| format!("{}={}", field(c, "type"), field(c, "status")))
            .collect();
        listing.table.row([
            qualified(set),
            text(set, "/spec/template/spec/project").to_owned(),
            policy(set),
            match conditions.join(",") {
                none if none.is_empty() => "<none>".into(),
                some => some,
            },
            source("repoURL"),
            source("path"),
            source("targetRevision"),
        ]);
        listing.names.push(qualified(set));
        listing.objects.push(without_managed_fields(set));
    }
    listing
}

/// The list of `appset generate`: Applications that are not there yet, so without a status.
pub fn generated(apps: &[Object]) -> Listing {
    let columns = [
        "NAME",
        "CLUSTER",
        "NAMESPACE",
        "PROJECT",
        "REPO",
        "PATH",
        "TARGET",
    ];
    let mut listing = Listing {
        table: Table::new(&columns).wide(&["SYNCPOLICY", "LABELS"]),
        ..Listing::default()
    };
    for app in apps {
        let spec = ApplicationSpec::of(app).unwrap_or_default();
        let source = spec.all_sources().first().cloned().unwrap_or_default();
        let labels = app.pointer("/metadata/labels").and_then(Value::as_object);
        let labels: Vec<String> = labels
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect();
        listing.table.row([
            qualified(app),
            super::app::server(&spec).to_owned(),
            spec.destination.namespace.clone(),
            spec.project_name().to_owned(),
            source.repo_url,
            source.path,
            source.target_revision,
            super::app::sync_policy(&spec),
            labels.join(","),
        ]);
        listing.names.push(qualified(app));
        listing.objects.push(without_managed_fields(app));
    }
    listing
}

/// The summary of `appset get`.
pub fn summary(set: &Object, terminal: &Terminal) -> String {
    let spec = |field: &str| text(set, &format!("/spec/template/spec/{field}"));
    let mut out = line("Name:", &qualified(set));
    out += &line("Project:", spec("project"));
    let server = match spec("destination/server") {
        "" => spec("destination/name"),
        server => server,
    };
    out += &line("Server:", server);
    out += &line("Namespace:", spec("destination/namespace"));
    out += "Source:\n";
    out += &line("- Repo:", spec("source/repoURL"));
    out += &line("  Target:", spec("source/targetRevision"));
    out += &line("  Path:", spec("source/path"));
    out += &line("SyncPolicy:", &policy(set));
    let mut table = Table::new(&["CONDITION", "STATUS", "MESSAGE", "LAST TRANSITION"]);
    for condition in conditions(set) {
        let moment = go_time(field(condition, "lastTransitionTime"));
        table.row([
            field(condition, "type"),
            field(condition, "status"),
            field(condition, "message"),
            &moment,
        ]);
    }
    if !table.is_empty() {
        out += "\n";
        out += &table.render(false, terminal);
    }
    out
}

fn policy(set: &Object) -> String {
    match text(set, "/spec/syncPolicy/applicationsSync") {
        "" => "<none>".into(),
        policy => policy.into(),
    }
}

fn conditions(set: &Object) -> impl Iterator<Item = &Value> {
    let conditions = set.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten()
}

fn field<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
