//! AppProjects.

use super::{text, without_managed_fields};
use crate::output::Listing;
use crate::table::Table;
use argosy_object::{Object, Value};

/// The list of `project list`.
pub fn list(projects: &[Object]) -> Listing {
    let mut listing = Listing {
        table: Table::new(&[
            "NAME",
            "DESCRIPTION",
            "DESTINATIONS",
            "SOURCES",
            "CLUSTER-RESOURCE-WHITELIST",
            "NAMESPACE-RESOURCE-BLACKLIST",
            "SIGNATURE-KEYS",
            "ORPHANED-RESOURCES",
            "DESTINATION-SERVICE-ACCOUNTS",
        ]),
        ..Listing::default()
    };
    for project in projects {
        listing.table.row([
            project.name().to_owned(),
            text(project, "/spec/description").to_owned(),
            count(project, "destinations", "destinations", destination),
            count(project, "sourceRepos", "repos", |v| {
                v.as_str().unwrap_or("").into()
            }),
            count(project, "clusterResourceWhitelist", "resources", kind),
            count(project, "namespaceResourceBlacklist", "resources", kind),
            match items(project, "signatureKeys").len() {
                0 => "<none>".into(),
                keys => format!("{keys} key(s)"),
            },
            orphaned(project),
            count(
                project,
                "destinationServiceAccounts",
                "destinationServiceAccounts",
                account,
            ),
        ]);
        listing.names.push(project.name().to_owned());
        listing.objects.push(without_managed_fields(project));
    }
    listing
}

/// The summary of `project get`.
pub fn summary(project: &Object) -> String {
    let mut out = field("Name:", project.name());
    out += &field("Description:", text(project, "/spec/description"));
    out += &block("Destinations:", project, "destinations", destination);
    out += &block("Repositories:", project, "sourceRepos", |v| {
        v.as_str().unwrap_or_default().into()
    });
    out += &block("Source Namespaces:", project, "sourceNamespaces", |v| {
        v.as_str().unwrap_or_default().into()
    });
    let lists = [
        ("Allowed Cluster Resources:", "clusterResourceWhitelist"),
        ("Denied Cluster Resources:", "clusterResourceBlacklist"),
        (
            "Allowed Namespaced Resources:",
            "namespaceResourceWhitelist",
        ),
        ("Denied Namespaced Resources:", "namespaceResourceBlacklist"),
    ];
    for (label, list) in lists {
        out += &block(label, project, list, kind);
    }
    out += &block("Signature keys:", project, "signatureKeys", |v| {
        part(v, "keyID")
    });
    out += &field("Orphaned Resources:", &orphaned(project));
    out
}

fn field(label: &str, value: &str) -> String {
    let clean: String = value
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("{label:<30}{clean}\n")
}

/// The first item beside the label, the others below it.
fn block(label: &str, project: &Object, list: &str, show: impl Fn(&Value) -> String) -> String {
    let shown: Vec<String> = items(project, list).iter().map(show).collect();
    match shown.split_first() {
        None => field(label, "<none>"),
        Some((first, others)) => {
            let rest: String = others.iter().map(|other| field("", other)).collect();
            field(label, first) + &rest
        }
    }
}

fn count(project: &Object, list: &str, noun: &str, show: impl Fn(&Value) -> String) -> String {
    match items(project, list) {
        [] => "<none>".into(),
        [one] => show(one),
        many => format!("{} {noun}", many.len()),
    }
}

fn items<'o>(project: &'o Object, list: &str) -> &'o [Value] {
    let list = project.pointer(&format!("/spec/{list}"));
    list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn part(value: &Value, name: &str) -> String {
    let part = value.get(name).and_then(Value::as_str);
    part.unwrap_or_default().to_owned()
}

fn destination(value: &Value) -> String {
    let server = match part(value, "server") {
        server if server.is_empty() => part(value, "name"),
        server => server,
    };
    format!("{server},{}", part(value, "namespace"))
}

fn kind(value: &Value) -> String {
    format!("{}/{}", part(value, "group"), part(value, "kind"))
}

fn account(value: &Value) -> String {
    let account = part(value, "defaultServiceAccount");
    format!(
        "{},{},{account}",
        part(value, "server"),
        part(value, "namespace")
    )
}

fn orphaned(project: &Object) -> String {
    let Some(settings) = project
        .pointer("/spec/orphanedResources")
        .filter(|v| !v.is_null())
    else {
        return "disabled".into();
    };
    let warn = settings
        .get("warn")
        .and_then(Value::as_bool)
        .unwrap_or(true);
    let ignored = settings
        .get("ignore")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    match ignored {
        0 => format!("enabled (warn={warn})"),
        count => format!("enabled (warn={warn}, ignored {count})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::Terminal;
    use argosy_object::json;
    use expect_test::expect;

    fn project() -> Object {
        Object::new(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "team"},
            "spec": {
                "sourceRepos": ["https://a", "!https://b"],
                "destinations": [{"server": "*", "namespace": "*"}],
                "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
                "orphanedResources": {"warn": false, "ignore": [{}]},
            },
        }))
        .unwrap()
    }

    #[test]
    fn one_item_is_shown_and_many_are_counted() {
        let text = list(&[project()]).table.render(false, &Terminal::plain());
        let row = text.lines().nth(1).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(
            cells,
            [
                "team",
                "*,*",
                "2",
                "repos",
                "/Namespace",
                "<none>",
                "<none>",
                "enabled",
                "(warn=false,",
                "ignored",
                "1)",
                "<none>"
            ]
        );
    }

    #[test]
    fn the_summary_lists_everything() {
        expect![[r"
            Name:                         team
            Description:                  
            Destinations:                 *,*
            Repositories:                 https://a
                                          !https://b
            Source Namespaces:            <none>
            Allowed Cluster Resources:    /Namespace
            Denied Cluster Resources:     <none>
            Allowed Namespaced Resources: <none>
            Denied Namespaced Resources:  <none>
            Signature keys:               <none>
            Orphaned Resources:           enabled (warn=false, ignored 1)
        "]]
        .assert_eq(&summary(&project()));
    }
}
