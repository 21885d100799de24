//! `render` and `kustomize`, as the real program does them.

use crate::charts::packed;
use crate::program::{Ended, Program};
use argosy_git::author::{Change, RepoBuilder};
use argosy_object::Digest;
use argosy_testkit::web::{Reply, WebServer};

const MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: 'x${region:=none}'}\n";

/// A repository with a chart, a kustomization, plain manifests and what they need.
fn repository() -> Program {
    let program = Program::alone();
    for (path, text) in [
        (".git/HEAD", "ref: refs/heads/main\n"),
        (
            "over/kustomization.yaml",
            "resources: [../base]\nnamePrefix: x-\n",
        ),
        ("base/kustomization.yaml", "resources: [m.yaml]\n"),
        ("base/m.yaml", MAP),
        (
            "part/kustomization.yaml",
            "kind: Component\nnameSuffix: -part\n",
        ),
        (
            "chart/Chart.yaml",
            "apiVersion: v2\nname: toy\nversion: 1.0.0\n",
        ),
        (
            "chart/templates/m.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}', namespace: '{{ \
             .Release.Namespace }}'}\ndata: {a: '{{ .Values.a }}', b: '{{ .Values.b }}', k: '{{ \
             .Capabilities.KubeVersion.Version }}'}\n",
        ),
        ("values/prod.yaml", "a: of prod\n"),
        ("plain/m.yaml", MAP),
        (
            "plain/sub/j.jsonnet",
            "function(n) {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: n + std.extVar('e')}}",
        ),
    ] {
        program.file(path, text);
    }
    program
}

#[track_caller]
fn shows(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, 0, "{}", ended.err);
    for word in words {
        assert!(ended.out.contains(word), "{}\n  lacks {word}", ended.out);
    }
}

#[track_caller]
fn refuses(ended: &Ended, words: &[&str]) {
    assert_ne!(ended.code, 0, "{}", ended.out);
    for word in words {
        assert!(ended.err.contains(word), "{}\n  lacks {word}", ended.err);
    }
}

#[tokio::test]
async fn render_finds_the_tool_and_takes_its_options_as_flags() {
    let program = repository();
    let ended = program.line("render over --kustomize-component ../part --kustomize-namespace prod --kustomize-common-annotation who=me").await;
    shows(
        &ended,
        &["name: x-m-part\n", "namespace: prod\n", "who: me\n"],
    );
    assert!(ended.err.contains("rendered as Kustomize"), "{}", ended.err);
    let ended = program.line("render chart --name web -n prod --values ../values/prod.yaml -p b=2 --kube-version 1.30.0").await;
    shows(
        &ended,
        &[
            "name: web\n",
            "namespace: prod\n",
            "a: of prod\n",
            "b: \"2\"\n",
            "k: v1.30.0\n",
        ],
    );
    let ended = program
        .line("render plain --directory-recurse --jsonnet-tla-str n=made- --jsonnet-ext-var-code e=1+1")
        .await;
    shows(&ended, &["name: m\n", "name: made-2\n"]);
    let ended = program
        .line("render plain --directory-exclude m.yaml")
        .await;
    assert_eq!((ended.code, ended.out.as_str()), (0, ""));
    let ended = program
        .line("render over --kustomize-build-options --enable-helmet")
        .await;
    refuses(&ended, &["cannot render `over`", "--enable-helmet"]);
}

const APPLICATIONS: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: overlay}
spec:
  source: {repoURL: 'https://git.internal/a', path: over, kustomize: {nameSuffix: -z}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: both}
spec:
  destination: {namespace: there}
  sources:
  - {repoURL: 'https://git.internal/a', ref: values}
  - {repoURL: 'https://git.internal/a', path: chart, helm: {valueFiles: [$values/values/prod.yaml]}}
  - {repoURL: 'https://git.internal/a', path: plain}
";

#[tokio::test]
async fn render_takes_an_application_of_a_file() {
    let program = repository();
    program.file("apps/apps.yaml", APPLICATIONS);
    let ended = program.line("render apps/apps.yaml").await;
    refuses(&ended, &["holds several: overlay, both", "--name NAME"]);
    let ended = program.line("render apps/apps.yaml --name overlay").await;
    shows(&ended, &["name: x-m-z\n"]);
    let ended = program
        .line("render --app apps/apps.yaml --name both")
        .await;
    shows(
        &ended,
        &["name: both\n", "namespace: there\n", "a: of prod\n"],
    );
    assert!(ended.err.contains("source 2 of 3"), "{}", ended.err);
    let ended = program
        .line("render plain --app apps/apps.yaml --name both")
        .await;
    shows(&ended, &["name: m\n"]);
    assert!(ended.err.contains("source 3 of 3"), "{}", ended.err);
    program.file("elsewhere/values/prod.yaml", "a: from elsewhere\n");
    let ended = program
        .line("render chart --app apps/apps.yaml --name both --ref values=elsewhere")
        .await;
    shows(&ended, &["a: from elsewhere\n"]);
    let ended = program.line("render base/m.yaml").await;
    refuses(&ended, &["holds no Application or Kustomization of Flux"]);
}

const FLUX: &str = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  path: ./plain
  targetNamespace: prod
  commonMetadata: {labels: {team: core}}
  postBuild: {substituteFrom: [{kind: Secret, name: vars}]}
";

#[tokio::test]
async fn render_takes_a_kustomization_of_flux() {
    let program = repository();
    program.file("clusters/apps.yaml", FLUX);
    let ended = program.line("render clusters/apps.yaml").await;
    refuses(&ended, &["Secret `vars`", "--substitute-from FILE"]);
    program.file(
        "vars.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: vars}\ndata: {region: ZWFzdAo=}\n",
    );
    let ended = program
        .line("render clusters/apps.yaml --substitute-from vars.yaml")
        .await;
    shows(
        &ended,
        &[
            "namespace: prod\n",
            "team: core\n",
            "kustomize.toolkit.fluxcd.io/name: apps\n",
            "a: xeast\n",
        ],
    );
    let flags = "--substitute-from vars.yaml --substitute region=west";
    let ended = program
        .line(&format!("render --flux clusters/apps.yaml {flags}"))
        .await;
    shows(&ended, &["a: xwest\n"]);
    program.file(
        "plain/strict.yaml",
        &MAP.replace("region:=none", "nope")
            .replace("name: m", "name: s"),
    );
    let ended = program
        .line(&format!(
            "render --flux clusters/apps.yaml {flags} --strict-substitute"
        ))
        .await;
    refuses(&ended, &["variable not set (strict mode): \"nope\""]);
}

#[tokio::test]
async fn charts_of_a_kustomization_are_pulled_from_their_repository() {
    let server = WebServer::start(|asked| match asked.target.as_str() {
        "/index.yaml" => {
            let digest = Digest::of(&packed("web", "1.2.0")).hex();
            Reply::ok(format!(
                "apiVersion: v1\nentries:\n  web:\n  - {{name: web, version: 1.2.0, urls: \
                 [web-1.2.0.tgz], digest: {digest}}}\n"
            ))
        }
        "/web-1.2.0.tgz" => Reply::ok(packed("web", "1.2.0")),
        _ => Reply::status(404, ""),
    });
    let program = Program::alone();
    program.file(
        "kustomization.yaml",
        &format!(
            "namePrefix: x-\nhelmCharts: [{{name: web, repo: 'http://{}', version: 1.x, releaseName: r, \
             valuesInline: {{k: inline}}, valuesMerge: replace}}]\n",
            server.host()
        ),
    );
    let ended = program.line("kustomize build").await;
    refuses(&ended, &["helmCharts[0]", "--enable-helm"]);
    for line in [
        "kustomize build --enable-helm",
        "render --kustomize-build-options --enable-helm",
    ] {
        let ended = program.line(line).await;
        shows(&ended, &["name: x-r-web\n", "k: inline\n"]);
    }
}

#[tokio::test]
async fn kustomize_builds_a_repository_by_its_url_with_all_queries() {
    let folder = tempfile::tempdir().unwrap();
    let repo = RepoBuilder::init(&folder.path().join("r.git")).unwrap();
    let base = |name: &str| {
        vec![
            Change::text(
                "over/kustomization.yaml",
                "resources: [../base]\nnameSuffix: -o\n",
            ),
            Change::text("base/kustomization.yaml", "resources: [m.yaml]\n"),
            Change::text(
                "base/m.yaml",
                &MAP.replace("name: m", &format!("name: {name}")),
            ),
        ]
    };
    repo.commit("main", "one", &base("first")).unwrap();
    repo.tag("v1", "main", None).unwrap();
    let commit = repo.head_of("main").unwrap().unwrap();
    repo.commit("main", "two", &base("second")).unwrap();
    let url = format!("file://{}", folder.path().join("r.git").display());
    let program = Program::alone();
    program.file(
        "settings.yaml",
        &format!("localRepos:\n- {}\n", folder.path().display()),
    );
    let by_commit = format!("?ref={commit}");
    for (query, wanted) in [
        ("", "name: second-o\n"),
        ("?ref=v1", "name: first-o\n"),
        ("?version=v1", "name: first-o\n"),
        ("?ref=main&timeout=90s&submodules=false", "name: second-o\n"),
        (&by_commit, "name: first-o\n"),
    ] {
        let ended = program
            .run(&["kustomize", "build", &format!("{url}//over{query}")])
            .await;
        shows(&ended, &[wanted]);
    }
    program.file(
        "app/kustomization.yaml",
        &format!("resources: ['{url}//base?ref=v1']\n"),
    );
    shows(
        &program.line("kustomize build app").await,
        &["name: first\n"],
    );
    let ended = program
        .run(&["kustomize", "build", &format!("{url}//none")])
        .await;
    refuses(&ended, &["none"]);
    let ended = program
        .run(&["kustomize", "build", &format!("{url}//over?ref=nope")])
        .await;
    refuses(&ended, &["nope"]);
}

#[tokio::test]
async fn a_base_that_hangs_ends_in_the_time_its_url_gives_it() {
    // Connections are taken by the system, and nobody answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let program = Program::alone();
    let url = format!("http://127.0.0.1:{port}/org/repo?timeout=1s");
    program.file("kustomization.yaml", &format!("resources: ['{url}']\n"));
    let ended = program.line("kustomize build").await;
    refuses(&ended, &["cannot read", "/org/repo"]);
    assert_eq!(ended.code, 1);
}

#[tokio::test]
async fn a_file_of_a_gigabyte_is_refused_by_its_size() {
    let program = Program::alone();
    for line in ["files: [big]", "envs: [big]", "files: [k=big]"] {
        program.file(
            "kustomization.yaml",
            &format!("configMapGenerator: [{{name: c, {line}}}]\n"),
        );
        let big = std::fs::File::create(program.folder.path().join("big")).unwrap();
        big.set_len(1 << 30).unwrap();
        let ended = program.line("kustomize build").await;
        refuses(&ended, &["configMapGenerator[0]", "big", "33554432"]);
    }
}

#[tokio::test]
async fn edit_fix_turns_vars_into_replacements_and_holds_their_places() {
    let program = Program::alone();
    program.file(
        "kustomization.yaml",
        "resources: [m.yaml]\nvars: [{name: NAME, objref: {apiVersion: v1, kind: ConfigMap, name: m}}]\n",
    );
    program.file(
        "m.yaml",
        "# kept\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, annotations: {at: 'x/$(NAME)/y'}}\n",
    );
    let before = program.line("kustomize build").await;
    shows(&before, &["at: x/m/y\n"]);
    let ended = program.line("kustomize edit fix --vars").await;
    shows(&ended, &["vars -> replacements\n"]);
    let read = |name: &str| std::fs::read_to_string(program.folder.path().join(name)).unwrap();
    assert!(read("m.yaml").contains("# kept") && read("m.yaml").contains("x/NAME_PLACEHOLDER/y"));
    let text = read("kustomization.yaml");
    assert!(
        text.contains("replacements:") && !text.contains("vars:"),
        "{text}"
    );
    assert_eq!(program.line("kustomize build").await.out, before.out);
}
