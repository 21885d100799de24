//! Applications.

use super::{go_time, line, qualified, text, without_managed_fields};
use crate::output::Listing;
use crate::table::Table;
use crate::terminal::Terminal;
use argosy_crds::{
    ApplicationSpec, ApplicationStatus, OperationPhase, OperationState, RevisionHistory, Source,
    SyncCode,
};
use argosy_object::{Object, Value};
use std::collections::BTreeMap;

/// The list of `app list`.
pub fn list(apps: &[Object]) -> Listing {
    let columns = [
        "NAME",
        "CLUSTER",
        "NAMESPACE",
        "PROJECT",
        "STATUS",
        "HEALTH",
        "SYNCPOLICY",
        "CONDITIONS",
    ];
    let mut listing = Listing {
        table: Table::new(&columns).wide(&["REPO", "PATH", "TARGET"]),
        ..Listing::default()
    };
    for app in apps {
        let spec = ApplicationSpec::of(app).unwrap_or_default();
        let status = ApplicationStatus::of(app).unwrap_or_default();
        let source = spec.all_sources().first().cloned().unwrap_or_default();
        listing.table.row([
            qualified(app),
            server(&spec).to_owned(),
            spec.destination.namespace.clone(),
            spec.project_name().to_owned(),
            sync_word(app).to_owned(),
            health_word(app).to_owned(),
            sync_policy(&spec),
            conditions(&status),
            source.repo_url,
            source.path,
            source.target_revision,
        ]);
        listing.names.push(qualified(app));
        listing.objects.push(without_managed_fields(app));
    }
    listing
}

/// The summary of `app get`, with conditions and resources.
pub fn summary(app: &Object, show_operation: bool, terminal: &Terminal) -> String {
    let spec = ApplicationSpec::of(app).unwrap_or_default();
    let status = ApplicationStatus::of(app).unwrap_or_default();
    let mut out = String::new();
    out += &line("Name:", &qualified(app));
    out += &line("Project:", spec.project_name());
    out += &line("Server:", server(&spec));
    out += &line("Namespace:", &spec.destination.namespace);
    out += if spec.has_multiple_sources() {
        "Sources:\n"
    } else {
        "Source:\n"
    };
    for source in spec.all_sources() {
        out += &source_lines(source);
    }
    let policy = match spec.automated() {
        Some(automated) if automated.prune => "Automated (Prune)",
        Some(_) => "Automated",
        None => "Manual",
    };
    out += &line("Sync Policy:", policy);
    let sync = sync_sentence(app, &spec, &status);
    out += &line("Sync Status:", &sync);
    let message = text(app, "/status/health/message");
    let health = match message {
        "" => health_word(app).to_owned(),
        message => format!("{} ({message})", health_word(app)),
    };
    out += &line("Health Status:", &health);
    if !status.conditions.is_empty() {
        let mut table = Table::new(&["CONDITION", "MESSAGE", "LAST TRANSITION"]);
        for condition in app
            .pointer("/status/conditions")
            .into_iter()
            .flat_map(items)
        {
            let field = |name: &str| condition.get(name).and_then(Value::as_str).unwrap_or("");
            let moment = go_time(field("lastTransitionTime"));
            table.row([field("type"), field("message"), &moment]);
        }
        out += "\n";
        out += &table.render(false, terminal);
    }
    // One that is under way says what it waits for, so it is shown unasked.
    if let Some(operation) = &status.operation_state
        && (show_operation || operation.phase == OperationPhase::Running)
    {
        out += "\n";
        out += &operation_lines(app, operation);
    }
    let resources = resources_with_results(app);
    if !resources.is_empty() {
        out += "\n";
        out += &resources.render(false, terminal);
    }
    out
}

fn source_lines(source: &Source) -> String {
    let mut out = line("- Repo:", &source.repo_url);
    out += &line("  Target:", &source.target_revision);
    if source.chart.is_empty() {
        out += &line("  Path:", &source.path);
    } else {
        out += &line("  Chart:", &source.chart);
    }
    if !source.reference.is_empty() {
        out += &line("  Ref:", &source.reference);
    }
    if let Some(helm) = &source.helm
        && !helm.value_files.is_empty()
    {
        out += &line("  Helm Values:", &helm.value_files.join(","));
    }
    if let Some(kustomize) = &source.kustomize
        && !kustomize.name_prefix.is_empty()
    {
        out += &line("  Name Prefix:", &kustomize.name_prefix);
    }
    out
}

fn sync_sentence(app: &Object, spec: &ApplicationSpec, status: &ApplicationStatus) -> String {
    let target = spec
        .all_sources()
        .first()
        .map(|source| source.target_revision.clone())
        .unwrap_or_default();
    let mut sentence = sync_word(app).to_owned();
    match status.sync.status {
        SyncCode::Synced => sentence += &format!(" to {target}"),
        SyncCode::OutOfSync => sentence += &format!(" from {target}"),
        SyncCode::Unknown => {}
    }
    let is_commit = target.len() >= 7 && target.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_commit && let Some(short) = status.sync.revision.get(..7) {
        sentence += &format!(" ({short})");
    }
    sentence
}

/// What an operation did, line by line.
pub fn operation_lines(app: &Object, operation: &OperationState) -> String {
    let mut out = line("Operation:", "Sync");
    let state = |field: &str| text(app, &format!("/status/operationState/{field}"));
    out += &line("Sync Revision:", state("syncResult/revision"));
    out += &line("Phase:", &format!("{:?}", operation.phase));
    out += &line("Start:", &go_time(state("startedAt")));
    let (start, end) = (state("startedAt"), state("finishedAt"));
    if !end.is_empty() {
        out += &line("Finished:", &go_time(end));
    }
    if let (Ok(start), Ok(end)) = (
        start.parse::<jiff::Timestamp>(),
        end.parse::<jiff::Timestamp>(),
    ) {
        let seconds = end.as_second() - start.as_second();
        out += &line("Duration:", &format!("{seconds}s"));
    }
    if !state("message").is_empty() {
        out += &line("Message:", state("message"));
    }
    out
}

/// Resources with the results of the last operation.
pub fn resources_with_results(app: &Object) -> Table {
    let mut table = Table::new(&[
        "GROUP",
        "KIND",
        "NAMESPACE",
        "NAME",
        "STATUS",
        "HEALTH",
        "HOOK",
        "MESSAGE",
    ]);
    let id = |value: &Value| {
        let field = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        [
            field("group"),
            field("kind"),
            field("namespace"),
            field("name"),
        ]
    };
    let results: Vec<&Value> = app
        .pointer("/status/operationState/syncResult/resources")
        .into_iter()
        .flat_map(items)
        .collect();
    let mut shown = Vec::new();
    for resource in app.pointer("/status/resources").into_iter().flat_map(items) {
        let key = id(resource);
        let result = results.iter().find(|result| id(result) == key);
        let field = |pointer: &str| {
            let found = resource.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or("").to_owned()
        };
        let message = result
            .and_then(|r| r.get("message"))
            .and_then(Value::as_str);
        let [group, kind, namespace, name] = key.clone();
        table.row([
            group,
            kind,
            namespace,
            name,
            field("/status"),
            field("/health/status"),
            String::new(),
            message.unwrap_or("").to_owned(),
        ]);
        shown.push(key);
    }
    for result in results.iter().filter(|result| !shown.contains(&id(result))) {
        let field = |name: &str| {
            result
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        let [group, kind, namespace, name] = id(result);
        let status = match field("hookPhase") {
            phase if phase.is_empty() => field("status"),
            phase => phase,
        };
        table.row([
            group,
            kind,
            namespace,
            name,
            status,
            String::new(),
            field("hookType"),
            field("message"),
        ]);
    }
    table
}

/// The list of `app resources`.
pub fn resources(app: &Object) -> Listing {
    let mut listing = Listing {
        table: Table::new(&["GROUP", "KIND", "NAMESPACE", "NAME", "ORPHANED"]),
        ..Listing::default()
    };
    for resource in app.pointer("/status/resources").into_iter().flat_map(items) {
        let field = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or("");
        let cells = [
            field("group"),
            field("kind"),
            field("namespace"),
            field("name"),
            "No",
        ];
        listing.table.row(cells);
        listing
            .names
            .push(format!("{}/{}", field("kind"), field("name")));
        listing.objects.push(resource.clone());
    }
    listing
}

/// The text of `app history`: a table for each source.
pub fn history(app: &Object, terminal: &Terminal) -> String {
    let status = ApplicationStatus::of(app).unwrap_or_default();
    let mut repos: Vec<String> = Vec::new();
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for entry in &status.history {
        for (repo, revision) in revisions(entry) {
            if !repos.contains(&repo) {
                repos.push(repo.clone());
            }
            let table = tables
                .entry(repo)
                .or_insert_with(|| Table::new(&["ID", "DATE", "REVISION"]));
            table.row([entry.id.to_string(), go_time(&entry.deployed_at), revision]);
        }
    }
    let parts: Vec<String> = repos
        .iter()
        .map(|repo| format!("SOURCE  {repo}\n{}", tables[repo].render(false, terminal)))
        .collect();
    parts.join("\n")
}

fn revisions(entry: &RevisionHistory) -> Vec<(String, String)> {
    let shown = |source: &Source, revision: Option<&String>| {
        let target = &source.target_revision;
        let text = match revision.and_then(|r| r.get(..7)) {
            Some(short) => format!("{target} ({short})"),
            None => target.clone(),
        };
        (source.repo_url.clone(), text)
    };
    if entry.sources.is_empty() {
        let source = entry.source.clone().unwrap_or_default();
        return vec![shown(&source, Some(&entry.revision))];
    }
    entry
        .sources
        .iter()
        .enumerate()
        .map(|(at, source)| shown(source, entry.revisions.get(at)))
        .collect()
}

/// `status.sync.status`, `Unknown` where there is none yet.
pub fn sync_word(app: &Object) -> &str {
    or_unknown(text(app, "/status/sync/status"))
}

/// `status.health.status`, `Unknown` where there is none yet.
pub fn health_word(app: &Object) -> &str {
    or_unknown(text(app, "/status/health/status"))
}

fn or_unknown(word: &str) -> &str {
    if word.is_empty() { "Unknown" } else { word }
}

pub(super) fn server(spec: &ApplicationSpec) -> &str {
    if spec.destination.server.is_empty() {
        &spec.destination.name
    } else {
        &spec.destination.server
    }
}

pub(super) fn sync_policy(spec: &ApplicationSpec) -> String {
    match spec.automated() {
        Some(automated) if automated.prune => "Auto-Prune".into(),
        Some(_) => "Auto".into(),
        None => "Manual".into(),
    }
}

/// Types of conditions with their number, `<none>` without any.
fn conditions(status: &ApplicationStatus) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for condition in &status.conditions {
        *counts.entry(&condition.kind).or_default() += 1;
    }
    if counts.is_empty() {
        return "<none>".into();
    }
    let words = counts.into_iter().map(|(kind, count)| match count {
        1 => kind.to_owned(),
        count => format!("{kind}({count})"),
    });
    words.collect::<Vec<_>>().join(",")
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests;
