//! What the documentation says is so: its commands run, its files exist, its reasons are there.

use crate::harness::{Fleet, argo, config_map};
use crate::program::{Program, embedded};
use argosy::cli::Cli;
use argosy_object::json;
use argosy_ports::{Api, ListOptions};
use clap::{CommandFactory as _, Parser as _};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// README and all of `docs/`.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    let mut docs: Vec<String> = std::fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().to_string_lossy()))
        .filter(|path| path.ends_with(".md"))
        .collect();
    docs.sort();
    pages.extend(docs);
    pages
}

/// The lines of a page's `sh` and `console` blocks that begin with a word.
fn lines(page: &str, word: &str) -> Vec<String> {
    let text = read(page);
    let mut found = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            is_inside = !is_inside && (language == "sh" || language == "console");
        } else if is_inside {
            let line = line.trim_start_matches("$ ");
            if line == word || line.starts_with(&format!("{word} ")) {
                found.push(line.to_owned());
            }
        }
    }
    found
}

/// The words of a command, as a shell splits plain ones; redirections are the shell's.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut parts = line.split_whitespace();
    while let Some(part) = parts.next() {
        match part {
            ">" | "<" => {
                parts.next();
            }
            "#" => break,
            _ => words.push(part.trim_matches('\'').to_owned()),
        }
    }
    words
}

/// Commands that run until they are stopped, or need a real cluster: these are parsed only.
fn is_only_parsed(line: &str) -> bool {
    let parsed_only = [
        "argosy up",
        "argosy run",
        "argosy demo",
        "argosy cluster add production",
        // Their servers are examples.
        "argosy repo add https://charts.example.com",
        "argosy repo add registry.example.com",
        "argosy helm repo",
        "argosy helm search",
        "argosy helm pull",
        "argosy helm push",
        "argosy helm registry",
        "argosy helm dependency",
        "argosy helm verify",
    ];
    parsed_only.iter().any(|start| line.starts_with(start))
}

#[test]
fn every_command_in_the_docs_is_one_of_the_program() {
    let mut count = 0;
    for page in pages() {
        for line in lines(&page, "argosy") {
            if let Err(error) = Cli::try_parse_from(words(&line)) {
                panic!("{page}: `{line}`: {error}");
            }
            count += 1;
        }
    }
    assert!(count > 30, "only {count} commands were found");
}

#[test]
fn every_make_target_in_the_docs_is_there() {
    let makefile = read("Makefile");
    for page in pages()
        .iter()
        .map(String::as_str)
        .chain(["CONTRIBUTING.md"])
    {
        for line in lines(page, "make") {
            let target = line.split(' ').nth(1).unwrap_or("help");
            assert!(
                makefile.contains(&format!("\n{target}: ")),
                "{page}: no target in `{line}`"
            );
        }
    }
}

#[test]
fn every_command_has_help_with_examples_that_parse() {
    let mut seen = 0;
    let mut program = Cli::command();
    program.build();
    visit(&program, "argosy", false, &mut seen);
    assert!(seen > 40, "only {seen} examples were found");
}

/// A command has examples of its own, or those of the command above it count for it too, as with
/// the many verbs of `kustomize edit`.
fn visit(command: &clap::Command, name: &str, is_shown_above: bool, seen: &mut usize) {
    if command.is_hide_set() {
        return;
    }
    assert!(
        command.get_about().is_some() || name == "argosy",
        "`{name}` does not say what it does"
    );
    let help = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let examples: Vec<&str> = help
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("argosy "))
        .collect();
    for example in &examples {
        if let Err(error) = Cli::try_parse_from(words(example)) {
            panic!("`{name}`: `{example}`: {error}");
        }
        assert!(
            example.starts_with(name),
            "`{example}` is no example of `{name}`"
        );
        *seen += 1;
    }
    let is_shown = is_shown_above || help.contains("Examples:\n") && !examples.is_empty();
    let mut is_leaf = true;
    for subcommand in command.get_subcommands() {
        is_leaf = false;
        visit(
            subcommand,
            &format!("{name} {}", subcommand.get_name()),
            is_shown,
            seen,
        );
    }
    assert!(!is_leaf || is_shown, "`{name}` has no examples");
}

const SERVICES: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: services
  namespace: argocd
spec:
  goTemplate: true
  generators:
  - list:
      elements:
      - name: one
      - name: two
  template:
    metadata:
      name: 'service-{{.name}}'
    spec:
      project: default
      source:
        repoURL: https://gitlab.internal/guestbook
        targetRevision: main
        path: deploy
      destination:
        name: sim-2
        namespace: default
";

/// An Application in a file of the repository that it is of.
const WEB: &str = "
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web}
spec:
  source: {repoURL: 'https://gitlab.internal/web', path: overlay}
";

/// A Kustomization of Flux.
const APPS: &str = "
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  path: ./overlay
  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}
";

/// Everything that the guide's commands look at.
async fn world() -> (Fleet, Program) {
    let fleet = embedded(&["sim-1", "sim-2"]).await;
    fleet.repository(
        "guestbook",
        &[("deploy/map.yaml", &config_map("guestbook", "v1"))],
    );
    fleet.create(argosy_yaml::from_str(SERVICES).unwrap()).await;
    let program = Program::of(&fleet);
    program.file("services.yaml", SERVICES);
    program.file("guestbook/deploy/map.yaml", &config_map("guestbook", "v1"));
    program.file(
        "chart/Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    );
    program.file("kustomization.yaml", "resources:\n- overlay\n");
    program.file(
        "chart/templates/map.yaml",
        &config_map("web", "{{ .Values.replicas }}"),
    );
    program.file(
        "overlay/kustomization.yaml",
        "namePrefix: a-\nresources:\n- map.yaml\n",
    );
    program.file("overlay/map.yaml", &config_map("map", "v1"));
    program.file(".git/HEAD", "ref: refs/heads/main\n");
    program.file("chart/prod.yaml", "replicas: 2\n");
    program.file("apps/web.yaml", WEB);
    program.file("clusters/prod/apps.yaml", APPS);
    program.file(
        "vars.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars}\ndata: {region: east}\n",
    );
    let request =
        json!({"application": fleet.application("guestbook", "guestbook", "deploy", "sim-1")});
    program.file("case/request.yaml", &argosy_yaml::to_string(&request));
    program.file("case/tree/deploy/map.yaml", &config_map("guestbook", "v1"));
    (fleet, program)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_the_guide_run_in_their_order() {
    let (fleet, program) = world().await;
    let mut count = 0;
    for line in lines("docs/guide.md", "argosy") {
        if is_only_parsed(&line) {
            continue;
        }
        let words = words(&line);
        let arguments: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let ended = program.run(&arguments).await;
        // Nothing is under way by then, and the command says so.
        let wanted = if line.contains("terminate-op") { 20 } else { 0 };
        assert_eq!(ended.code, wanted, "`{line}`: {}{}", ended.out, ended.err);
        count += 1;
    }
    assert!(count > 25, "only {count} commands ran");
    let list = fleet
        .hub
        .list(
            &argo("Application", "applications"),
            &ListOptions::default(),
        )
        .await;
    let names: Vec<String> = list
        .unwrap()
        .items
        .iter()
        .map(|a| a.name().to_owned())
        .collect();
    assert!(
        !names.contains(&"guestbook".to_owned()),
        "the guide deletes what it made: {names:?}"
    );
    fleet.stop().await;
}

#[test]
fn every_path_in_the_docs_exists() {
    let mut count = 0;
    let pages = pages();
    let others = ["ARCHITECTURE.md", "CONTRIBUTING.md"];
    for page in pages.iter().map(String::as_str).chain(others) {
        let text = read(page);
        let folder = root().join(page).parent().unwrap().to_owned();
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http")) {
            assert!(
                folder.join(link).exists(),
                "{page}: `{link}` does not exist"
            );
        }
        for code in text.split('`').skip(1).step_by(2) {
            let is_path = ["crates/", "docs/", "xtask/", "conformance/"]
                .iter()
                .any(|start| code.starts_with(start) && code.len() > start.len());
            if is_path {
                assert!(
                    root().join(code).exists(),
                    "{page}: `{code}` does not exist"
                );
                count += 1;
            }
        }
    }
    assert!(count > 50, "only {count} paths were found");
}

#[test]
fn every_crate_is_on_the_map() {
    let map = read("ARCHITECTURE.md");
    for floor in [
        "base",
        "languages",
        "engine",
        "adapters",
        "controllers",
        "surfaces",
    ] {
        for entry in std::fs::read_dir(root().join("crates").join(floor)).unwrap() {
            let path = format!(
                "crates/{floor}/{}",
                entry.unwrap().file_name().to_string_lossy()
            );
            assert!(
                map.contains(&format!("\n| `{path}` | ")),
                "`{path}` is not on the map"
            );
        }
    }
}

#[test]
fn every_step_of_an_application_is_where_the_map_says() {
    let map = read("ARCHITECTURE.md");
    let steps: Vec<Vec<&str>> = map
        .lines()
        .skip_while(|line| *line != "## Follow one Application")
        .take_while(|line| !line.starts_with("## Invariants"))
        .filter(|line| line.contains(".rs` | `"))
        .map(|line| line.split('`').collect())
        .collect();
    assert!(steps.len() > 20, "only {} steps were found", steps.len());
    for step in steps {
        let (path, name) = (step[step.len() - 4], step[step.len() - 2]);
        let source = read(path);
        let is_there = ["fn ", "struct ", "trait "].iter().any(|keyword| {
            source
                .split(&format!("{keyword}{name}"))
                .skip(1)
                .any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        });
        assert!(is_there, "`{path}` has no `{name}`");
    }
}

#[test]
fn every_dependency_has_its_reason_and_a_user() {
    let (manifest, map) = (read("Cargo.toml"), read("ARCHITECTURE.md"));
    let table = manifest.split("[workspace.dependencies]").nth(1).unwrap();
    let named: Vec<&str> = table
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with("argosy-"))
        .collect();
    assert!(
        named.len() > 30,
        "only {} dependencies were found",
        named.len()
    );
    for name in &named {
        assert!(
            map.contains(&format!("\n| `{name}` | ")),
            "`{name}` has no reason in ARCHITECTURE.md"
        );
    }
    let reasons = map.split("## Dependencies").nth(1).unwrap();
    for name in reasons.lines().filter_map(|line| line.strip_prefix("| `")) {
        let name = name.split('`').next().unwrap();
        assert!(
            named.contains(&name),
            "ARCHITECTURE.md gives a reason for `{name}`, which is gone"
        );
    }
}
