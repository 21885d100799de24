//! The life of releases, step by step, with both programs.

use crate::program::{Program, Said};
use crate::server::{Ground, Server};
use crate::state;
use std::fmt::Write as _;

const HELM: &str = "ns-of-helm";
const ARGOSY: &str = "ns-argosy1";

/// Each line is run by both programs, each in its own namespace.
const LIFE: &str = "
install web charts/web --create-namespace
install web charts/web
list
list -o json
list -o yaml
list -q
list --no-headers --time-format 2006
list --failed
list --filter ^w -l status=deployed
status web
status web -o yaml --revision 9
history web
history web -o yaml
get all web
get hooks web
get manifest web
get metadata web
get metadata web -o json
get metadata web --revision 1
get notes web
get values web
get values web --all -o json
get values web -o yaml
upgrade web charts/web --set text=two --set replicas=2 -l team=a --wait
upgrade web charts/web --set bad=Sometimes
upgrade web charts/web --set failHook=Error --timeout 30s
upgrade web charts/web --set failHook=Error --atomic --timeout 30s
history web
get values web
get metadata web
rollback web 99
rollback web x
rollback web 1 --wait
upgrade web charts/web --reuse-values --set text=three --description told -l team=null
get values web
get metadata web
upgrade web charts/web --reset-then-reuse-values --set part.enabled=false
get values web
upgrade web charts/web --reset-values --set keep=true --history-max 4
get values web
history web
test web
test web --filter name=nobody
status web --revision 3
upgrade web charts/web --dry-run=client --hide-secret
upgrade web charts/web --dry-run=server --set text=dry
upgrade nobody charts/web
upgrade other charts/web --install --set hooks=false --no-hooks -o yaml
upgrade other charts/web -i --set hooks=false --server-side=false --set text=client
upgrade other charts/web -i --set hooks=false --server-side=true --set text=server
rollback other 2
uninstall other
install other charts/web --post-renderer mark --post-renderer-args x
get hooks other
get manifest other
upgrade other charts/web --post-renderer same --set text=post
get manifest other
upgrade other charts/web --post-renderer failing
upgrade other charts/web --post-renderer nothing
get all other --template '{{.Release.Name}} {{.Release.Version}} {{.Release.Info.Status}}'
uninstall other
uninstall web --keep-history --wait
status web
upgrade web charts/web
install web charts/web
install web charts/web --replace
uninstall web --dry-run
uninstall web
uninstall web
uninstall web --ignore-not-found
list
";

/// What is refused, and how.
const FAULTS: &str = "
install
install a b c d
install charts/web
install Bad charts/web
install x charts/nothing
install x charts/web --set replicas=-1
install x charts/web --wait=nothing
install x charts/web --dry-run=nothing
install x charts/web --timeout 5
install x charts/web --hide-secret
install x charts/web -o nothing
install x charts/web -l owner=me
install x charts/web --force-replace --force-conflicts
install x charts/web --dry-run
install true charts/web
upgrade x
upgrade x charts/web
status x
get all x
get values x --revision 3
get manifest
history x
rollback x
rollback
test x
uninstall
uninstall x
uninstall x --cascade nothing
list --filter [
";

/// Objects of somebody else, releases that fail at once, and applying by the client.
const OTHERS: &str = "
install csa charts/web --server-side=false --set hooks=false
get metadata csa
upgrade csa charts/web --set hooks=false --set text=two --set part.enabled=false
upgrade csa charts/web --set hooks=false --set text=three --force-replace
upgrade csa charts/web --set hooks=false --set text=four --server-side=true
history csa
install taken charts/web --set hooks=false
install taken charts/web --set hooks=false --take-ownership
install failing charts/web --set failHook=Error --timeout 30s
list
upgrade failing charts/web --timeout 30s
install atomic charts/web --set bad=Sometimes --rollback-on-failure
history atomic
install later charts/web --set image=broken --set hooks=false --wait=legacy --timeout 60s
uninstall csa taken failing later --cascade foreground --wait
";

pub async fn releases_live_as_with_helm(ground: Ground) {
    let Some(server) = Server::start(ground, "releases_live_as_with_helm").await else {
        return;
    };
    let mut faults = String::new();
    compare(&server, LIFE, &mut faults).await;
    compare(&server, FAULTS, &mut faults).await;
    stranger(&server).await;
    compare(&server, OTHERS, &mut faults).await;
    assert!(faults.is_empty(), "{faults}");
}

/// An object that a chart wants and somebody else has.
async fn stranger(server: &Server) {
    use argosy_object::{Gvk, Object, json};
    use argosy_ports::{Api, Resource, WriteOptions};
    let resource = Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true);
    for namespace in [HELM, ARGOSY] {
        let object = Object::new(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "taken-part", "namespace": namespace},
            "data": {"word": "mine", "more": "mine"},
        }));
        let options = WriteOptions {
            manager: Some("somebody".into()),
            ..WriteOptions::default()
        };
        server
            .client
            .create(&resource, &object.unwrap(), &options)
            .await
            .unwrap();
    }
}

async fn compare(server: &Server, lines: &str, faults: &mut String) {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let helm = Program::Helm.run(server, homes[0].path(), HELM, line);
        let argosy = Program::Argosy.run(server, homes[1].path(), ARGOSY, line);
        note(faults, line, "says", &show(&helm), &show(&argosy));
        if !line.starts_with("list") && !line.starts_with("get") && !line.starts_with("history") {
            let (left, right) = (
                state::records(server, HELM).await,
                state::records(server, ARGOSY).await,
            );
            note(faults, line, "records", &lined(&left), &lined(&right));
            let (left, right) = (
                state::objects(server, HELM).await,
                state::objects(server, ARGOSY).await,
            );
            note(faults, line, "leaves", &lined(&left), &lined(&right));
        }
    }
}

fn show(said: &Said) -> String {
    format!("{:?}\n{}\n2>\n{}", said.code, said.out, said.err)
}

fn lined(values: &[argosy_object::Value]) -> String {
    let texts = values
        .iter()
        .map(|value| serde_json::to_string_pretty(value).unwrap());
    texts.collect::<Vec<_>>().join("\n")
}

/// The lines in which two texts differ.
fn note(faults: &mut String, line: &str, what: &str, helm: &str, argosy: &str) {
    if helm == argosy {
        return;
    }
    writeln!(faults, "\n`{line}` {what}").unwrap();
    let (left, right): (Vec<&str>, Vec<&str>) = (helm.lines().collect(), argosy.lines().collect());
    for (sign, from, other) in [('-', &left, &right), ('+', &right, &left)] {
        let only = from.iter().filter(|text| !other.contains(text));
        for text in only.take(12) {
            writeln!(faults, "  {sign} {text}").unwrap();
        }
    }
    if left.len() == right.len() && left.iter().all(|text| right.contains(text)) {
        writeln!(faults, "  the order differs").unwrap();
    }
}

/// One release, touched by both programs in turn.
const BOTH: &str = "
argosy install web charts/web --create-namespace
helm status web
helm upgrade web charts/web --set text=two
argosy history web
argosy upgrade web charts/web --set text=three --wait
helm history web
helm get all web
helm rollback web 1
argosy rollback web 3
helm test web
argosy test web
argosy upgrade web charts/web --set bad=Sometimes
helm upgrade web charts/web --set text=four
argosy get values web
argosy uninstall web --keep-history
helm install web charts/web --replace
argosy uninstall web
helm install csa charts/web --server-side=false --set hooks=false
argosy upgrade csa charts/web --server-side=true --set text=two --set hooks=false
helm upgrade csa charts/web --set text=three --set hooks=false
argosy upgrade csa charts/web --server-side=false --set text=four --set hooks=false
helm rollback csa
helm uninstall csa
";

pub async fn each_program_goes_on_with_the_others_releases(ground: Ground) {
    let test = "each_program_goes_on_with_the_others_releases";
    let Some(server) = Server::start(ground, test).await else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    for line in BOTH.lines().filter(|line| !line.is_empty()) {
        let (program, rest) = line.split_once(' ').unwrap();
        let program = if program == "helm" {
            Program::Helm
        } else {
            Program::Argosy
        };
        let said = program.run(&server, home.path(), "shared", rest);
        let wanted = if line.contains("bad=") { 1 } else { 0 };
        assert_eq!(said.code, Some(wanted), "{line}\n{}", show(&said));
    }
    assert_eq!(
        state::records(&server, "shared").await,
        Vec::<argosy_object::Value>::new()
    );
    // Hooks belong to no release.
    let left = state::objects(&server, "shared").await;
    let names: Vec<&str> = left
        .iter()
        .filter_map(|found| found["metadata"]["name"].as_str())
        .collect();
    assert_eq!(names, ["web-before", "web-ping"]);
}

/// The commands of the page about releases, in their order.
pub async fn commands_of_the_page_run(ground: Ground) {
    let Some(server) = Server::start(ground, "commands_of_the_page_run").await else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/helm.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut count = 0;
    for line in page
        .lines()
        .filter_map(|line| line.strip_prefix("argosy helm "))
    {
        let line = line
            .replace("./chart", "charts/web")
            .replace(" -n shop", "");
        let said = Program::Argosy.run(&server, home.path(), "shop", &line);
        assert_eq!(said.code, Some(0), "{line}\n{}", show(&said));
        count += 1;
    }
    assert!(count > 10, "only {count} commands ran");
}
