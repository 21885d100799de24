//! The index by what it answers and tells.

use super::*;
use argosy_crds::Destination;

fn row(name: &str, cluster: &str, sync: SyncCode, health: HealthCode) -> AppRow {
    AppRow {
        namespace: "argocd".into(),
        name: name.into(),
        cluster: cluster.into(),
        destination: Destination {
            name: cluster.into(),
            ..Destination::default()
        },
        project: "default".into(),
        sync,
        health,
        ..AppRow::default()
    }
}

fn well(name: &str, cluster: &str) -> AppRow {
    row(name, cluster, SyncCode::Synced, HealthCode::Healthy)
}

fn names(page: &Page) -> Vec<&str> {
    page.rows.iter().map(|row| row.name.as_str()).collect()
}

fn page(index: &FleetIndex, query: &str) -> Page {
    index.page(&AppQuery::parse(query).unwrap())
}

fn fleet() -> FleetIndex {
    let index = FleetIndex::default();
    let cluster = |name: &str, region: &str| Cluster {
        name: name.into(),
        server: format!("https://{name}"),
        labels: [("region".to_owned(), region.to_owned())].into(),
        paused: false,
    };
    index.set_clusters(vec![cluster("eu-1", "eu"), cluster("us-1", "us")]);
    index.apply(
        [
            well("api", "eu-1"),
            row("cart", "eu-1", SyncCode::OutOfSync, HealthCode::Healthy),
            row("shop", "us-1", SyncCode::Synced, HealthCode::Degraded),
            well("web", "us-1"),
        ],
        &[],
    );
    index
}

#[test]
fn search_filters_and_labels_narrow_and_facets_count_what_they_leave() {
    let index = fleet();
    assert_eq!(names(&page(&index, "q=EU-1+a")), ["api", "cart"]);
    assert_eq!(names(&page(&index, "label=region%3Dus")), ["shop", "web"]);
    assert_eq!(
        names(&page(&index, "cluster=us-1&health=Degraded")),
        ["shop"]
    );
    let narrowed = page(&index, "sync=OutOfSync");
    assert_eq!(narrowed.total, 1);
    // The filter on sync does not narrow its own facet, and narrows the other.
    assert_eq!(narrowed.sync[&SyncCode::Synced], 3);
    assert_eq!(narrowed.health, [(HealthCode::Healthy, 1)].into());
    assert_eq!(page(&index, "q=nothing").total, 0);
}

#[test]
fn orders_sort_and_pages_meet_in_every_order() {
    let index = fleet();
    assert_eq!(
        names(&page(&index, "sort=attention")),
        ["shop", "cart", "api", "web"]
    );
    assert_eq!(
        names(&page(&index, "sort=-name")),
        ["web", "shop", "cart", "api"]
    );
    for order in ["name", "cluster", "sync", "health", "attention", "changed"] {
        for sign in ["", "-"] {
            let whole = page(&index, &format!("sort={sign}{order}"));
            let mut joined = Vec::new();
            let mut after = String::new();
            loop {
                let part = page(&index, &format!("sort={sign}{order}&limit=1&after={after}"));
                assert_eq!(part.start, joined.len());
                joined.extend(names(&part).into_iter().map(str::to_owned));
                match part.next {
                    Some(next) => after = next,
                    None => break,
                }
            }
            assert_eq!(joined, names(&whole), "{sign}{order}");
        }
    }
}

#[test]
fn page_goes_on_where_its_last_row_has_gone() {
    let index = fleet();
    let first = page(&index, "limit=2");
    let next = first.next.unwrap();
    index.apply([], &[AppKey::new("argocd", "cart")]);
    assert_eq!(
        names(&page(&index, &format!("limit=2&after={next}"))),
        ["shop", "web"]
    );
    assert_eq!(names(&page(&index, "skip=1&limit=1")), ["shop"]);
    assert!(page(&index, "skip=99").rows.is_empty());
}

#[test]
fn counts_follow_every_change() {
    let index = fleet();
    assert_eq!(index.summary().totals.drifted, 1);
    index.apply([well("cart", "us-1")], &[AppKey::new("argocd", "shop")]);
    let summary = index.summary();
    assert_eq!((summary.totals.total, summary.totals.drifted), (3, 0));
    assert_eq!(summary.totals.sync.get(&SyncCode::OutOfSync), Some(&0));
    let us = summary
        .clusters
        .iter()
        .find(|cluster| cluster.name == "us-1")
        .unwrap();
    assert_eq!(
        (us.counts.total, us.counts.health[&HealthCode::Healthy]),
        (2, 2)
    );
}

#[test]
fn application_of_an_unknown_server_finds_its_cluster_once_that_is_added() {
    let index = FleetIndex::default();
    let mut lost = well("lost", "https://ap-1");
    lost.destination = Destination {
        server: "https://ap-1".into(),
        ..Destination::default()
    };
    index.apply([lost], &[]);
    assert!(!index.summary().clusters[0].known);
    index.set_clusters(vec![Cluster {
        name: "ap-1".into(),
        server: "https://ap-1".into(),
        ..Cluster::default()
    }]);
    let summary = index.summary();
    assert_eq!(summary.clusters.len(), 1);
    assert_eq!(
        (summary.clusters[0].counts.total, summary.clusters[0].known),
        (1, true)
    );
    assert_eq!(names(&page(&index, "cluster=ap-1")), ["lost"]);
}

#[test]
fn changes_tell_rows_as_they_are_now_and_nothing_of_what_stayed() {
    let index = fleet();
    let before = index.summary().seq;
    index.apply([well("api", "eu-1")], &[]);
    assert_eq!(index.summary().seq, before);
    index.apply(
        [row("api", "eu-1", SyncCode::OutOfSync, HealthCode::Healthy)],
        &[],
    );
    index.apply([well("new", "eu-1")], &[AppKey::new("argocd", "web")]);
    index.touch([
        AppKey::new("argocd", "api"),
        AppKey::new("argocd", "unknown"),
    ]);
    let Changes::Batch {
        rows,
        gone,
        objects,
        clusters,
        totals,
        seq,
    } = index.changes(before, 99)
    else {
        panic!("nothing is lost");
    };
    assert_eq!(
        rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(),
        ["api", "new"]
    );
    assert_eq!(gone, [AppKey::new("argocd", "web")]);
    assert_eq!(objects, [AppKey::new("argocd", "api")]);
    assert_eq!((clusters, totals.total), (false, 4));
    assert_eq!(*index.changed().borrow(), seq);
    assert!(matches!(index.changes(seq + 1, 9), Changes::Reset { .. }));
}

#[test]
fn reset_forgets_what_is_not_there_and_tells_of_it() {
    let index = fleet();
    let before = index.summary().seq;
    index.reset(vec![well("api", "eu-1")]);
    assert_eq!(index.summary().totals.total, 1);
    let Changes::Batch { rows, gone, .. } = index.changes(before, 99) else {
        panic!("nothing is lost");
    };
    assert_eq!((rows.len(), gone.len()), (0, 3));
}
