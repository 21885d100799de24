//! Random functions: what they give follows from the seed and from names, and from nothing else.

use argosy_helm::{ReleaseRequest, Step, Table, TemplateCache, load_folder, render_release};
use argosy_object::{Digest, json};
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};

/// The texts of a chart's two templates.
struct Chart<'c> {
    version: &'c str,
    first: &'c str,
    second: &'c str,
}

const PASSWORD: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: b}\nstringData: {a: {{ \
                        randAlphaNum 20 }}, b: {{ uuidv4 }}, c: {{ genPrivateKey \"ed25519\" | \
                        sha256sum }}}\n";
const CHART: Chart<'_> = Chart {
    version: "1.0.0",
    first: "{{/* nothing */}}",
    second: PASSWORD,
};

fn rendered(chart: &Chart<'_>, change: impl FnOnce(&mut ReleaseRequest)) -> String {
    let version = chart.version;
    let tree = MemoryTree::new([
        (
            "Chart.yaml",
            format!("apiVersion: v2\nname: demo\nversion: {version}\n"),
        ),
        ("values.yaml", "replicas: 1\n".to_owned()),
        ("templates/a.yaml", chart.first.to_owned()),
        ("templates/b.yaml", chart.second.to_owned()),
    ]);
    let reader = Rooted::new(&tree, Limits::default());
    let chart = load_folder(&reader, &RelPath::root()).expect("it loads");
    let mut request = ReleaseRequest::new("web", "shop");
    change(&mut request);
    match render_release(&chart, &request, &TemplateCache::new()) {
        Ok(Step::Done(done)) => {
            let secret = done
                .manifests
                .iter()
                .find(|one| one.source.ends_with("b.yaml"));
            secret.expect("it is there").text.clone()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_drawn_follows_from_the_seed() {
    let seeded = |seed: &'static [u8]| rendered(&CHART, |request| request.seed = Digest::of(seed));
    assert_eq!(seeded(b"one"), seeded(b"one"));
    assert_ne!(seeded(b"one"), seeded(b"two"));
}

#[test]
fn what_is_drawn_does_not_change_with_values_versions_and_other_templates() {
    let before = rendered(&CHART, |_| {});
    let values = rendered(&CHART, |request| {
        request.values = Table::from_iter([("replicas".to_owned(), json!(3))]);
        request.api_versions.push("example.com/v1".to_owned());
        request.revision = 7;
        request.is_upgrade = true;
    });
    assert_eq!(values, before);
    let version = Chart {
        version: "2.0.0",
        ..CHART
    };
    assert_eq!(rendered(&version, |_| {}), before);
    let other = Chart {
        first: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: {{ \
                randAlphaNum 7 }}}\n",
        ..CHART
    };
    assert_eq!(rendered(&other, |_| {}), before);
}

#[test]
fn releases_draw_different_things() {
    let before = rendered(&CHART, |_| {});
    let name = rendered(&CHART, |request| request.release_name = "other".to_owned());
    let namespace = rendered(&CHART, |request| request.namespace = "other".to_owned());
    assert_ne!(name, before);
    assert_ne!(namespace, before);
    assert_ne!(name, namespace);
}

#[test]
fn hosts_have_addresses_only_where_names_are_resolved() {
    let chart = Chart {
        second: "kind: A\nat: {{ getHostByName \"db\" | quote }}\n",
        ..CHART
    };
    assert!(rendered(&chart, |_| {}).ends_with("at: \"\""));
    let resolved = rendered(&chart, |request| {
        let known = |host: &str| (host == "db").then(|| "10.0.0.1".to_owned());
        request.outside.resolve = Some(std::sync::Arc::new(known));
    });
    assert!(resolved.ends_with("at: \"10.0.0.1\""), "{resolved}");
}
