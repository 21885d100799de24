//! What the commands print, letter by letter, and the codes that they end with.

use crate::harness::{Fleet, commit, config_map};
use crate::program::{Ended, Program, embedded};
use argosy_object::{Value, json};
use expect_test::{Expect, expect};
use std::path::{Path, PathBuf};

fn check(ended: &Ended, code: i32, wanted: &Expect) {
    assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
    wanted.assert_eq(&format!("{}{}", ended.out, ended.err));
}

/// A Deployment whose pods are never ready.
const NEVER_READY: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: slow
spec:
  replicas: 2
  selector:
    matchLabels: {app: slow}
  template:
    metadata:
      labels: {app: slow}
      annotations:
        simulate.argosy.dev/fail: NotReady
    spec:
      containers:
      - name: slow
        image: registry.example.com/slow:1
";

/// One Application that is well and one that waits.
async fn fleet() -> Fleet {
    let fleet = embedded(&["eu-1", "us-1"]).await;
    fleet.repository(
        "shop",
        &[
            ("good/map.yaml", &config_map("one", "v1")),
            ("slow/deployment.yaml", NEVER_READY),
        ],
    );
    let mut good = fleet.application("good", "shop", "good", "eu-1");
    good["spec"]["syncPolicy"] = Value::Null;
    good["operation"] = json!({"sync": {}, "initiatedBy": {"username": "test"}});
    fleet.create(good).await;
    fleet
        .create(fleet.application("slow", "shop", "slow", "us-1"))
        .await;
    fleet.well("good").await;
    fleet
        .until_status("slow", |status| {
            let message = status["health"]["message"].as_str().unwrap_or_default();
            status["sync"]["status"] == "Synced" && message.contains("0 of 2 updated")
        })
        .await;
    fleet
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_gets_read_as_argocds_and_say_what_is_waited_for() {
    let fleet = fleet().await;
    let program = Program::of(&fleet);
    check(
        &program.line("app list").await,
        0,
        &expect![[r#"
        NAME         CLUSTER  NAMESPACE  PROJECT  STATUS  HEALTH       SYNCPOLICY  CONDITIONS
        argocd/good  eu-1     default    default  Synced  Healthy      Manual      <none>
        argocd/slow  us-1     default    default  Synced  Progressing  Auto-Prune  <none>
    "#]],
    );
    check(
        &program.line("app list -o name").await,
        0,
        &expect![[r#"
        argocd/good
        argocd/slow
    "#]],
    );
    check(
        &program.line("app list --cluster eu-1 -o wide").await,
        0,
        &expect![[r#"
        NAME         CLUSTER  NAMESPACE  PROJECT  STATUS  HEALTH   SYNCPOLICY  CONDITIONS  REPO                          PATH  TARGET
        argocd/good  eu-1     default    default  Synced  Healthy  Manual      <none>      https://gitlab.internal/shop  good  main
    "#]],
    );
    check(
        &program.line("app get good").await,
        0,
        &expect![[r#"
        Name:               argocd/good
        Project:            default
        Server:             eu-1
        Namespace:          default
        Source:
        - Repo:             https://gitlab.internal/shop
          Target:           main
          Path:             good
        Sync Policy:        Manual
        Sync Status:        Synced to main (xxxxxxx)
        Health Status:      Healthy

        GROUP  KIND       NAMESPACE  NAME  STATUS  HEALTH  HOOK  MESSAGE
               ConfigMap  default    one   Synced                configmap/one created
    "#]],
    );
    check(
        &program.line("app get slow").await,
        0,
        &expect![[r#"
        Name:               argocd/slow
        Project:            default
        Server:             us-1
        Namespace:          default
        Source:
        - Repo:             https://gitlab.internal/shop
          Target:           main
          Path:             slow
        Sync Policy:        Automated (Prune)
        Sync Status:        Synced to main (xxxxxxx)
        Health Status:      Progressing (Caused by apps/Deployment:default/slow: Waiting for rollout to finish: 0 of 2 updated replicas are available...)

        GROUP  KIND        NAMESPACE  NAME  STATUS  HEALTH  HOOK  MESSAGE
        apps   Deployment  default    slow  Synced                deployment.apps/slow created
    "#]],
    );
    check(
        &program.line("app history good").await,
        0,
        &expect![[r#"
        SOURCE  https://gitlab.internal/shop
        ID  DATE                           REVISION
        0   0000-00-00 00:00:00 +0000 UTC  main (xxxxxxx)
    "#]],
    );
    check(
        &program.line("app resources good -o name").await,
        0,
        &expect![[r#"
        ConfigMap/one
    "#]],
    );
    check(
        &program.line("app manifests good").await,
        0,
        &expect![[r#"
        ---
        apiVersion: v1
        data:
          k: v1
        kind: ConfigMap
        metadata:
          annotations:
            argocd.argoproj.io/tracking-id: good:/ConfigMap:default/one
          name: one
          namespace: default
    "#]],
    );
    check(
        &program.line("cluster list").await,
        0,
        &expect![[r#"
        SERVER                                 NAME  VERSION  STATUS      MESSAGE  PROJECT
        https://127.0.0.1:00000/clusters/eu-1  eu-1  1.36     Successful           
        https://127.0.0.1:00000/clusters/us-1  us-1  1.36     Successful           
    "#]],
    );
    check(
        &program.line("project list").await,
        0,
        &expect![[r#"
        NAME     DESCRIPTION  DESTINATIONS  SOURCES  CLUSTER-RESOURCE-WHITELIST  NAMESPACE-RESOURCE-BLACKLIST  SIGNATURE-KEYS  ORPHANED-RESOURCES  DESTINATION-SERVICE-ACCOUNTS
        default               *,*           *        */*                         <none>                        <none>          disabled            <none>
    "#]],
    );
    check(
        &program.line("appset list").await,
        0,
        &expect![[r#"
        NAME  PROJECT  SYNCPOLICY  CONDITIONS
    "#]],
    );
    let yaml = program.line("app get good -o yaml").await;
    let parsed = argosy_yaml::from_str(&yaml.out).unwrap();
    assert_eq!(parsed["metadata"]["name"], "good");
    let json = program.line("app list -o json").await;
    let parsed: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(parsed.as_array().unwrap().len(), 2);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn diff_ends_with_one_where_something_differs_and_with_two_on_an_error() {
    let fleet = embedded(&["eu-1"]).await;
    let repository = fleet.repository("shop", &[("good/map.yaml", &config_map("one", "v1"))]);
    let mut good = fleet.application("good", "shop", "good", "eu-1");
    good["spec"]["syncPolicy"] = Value::Null;
    good["operation"] = json!({"sync": {}, "initiatedBy": {"username": "test"}});
    fleet.create(good).await;
    fleet.well("good").await;
    let program = Program::of(&fleet);
    check(&program.line("app diff good").await, 0, &expect![[""]]);
    commit(&repository, &[("good/map.yaml", &config_map("one", "v2"))]);
    check(
        &program.line("app diff good").await,
        1,
        &expect![[r#"

        ===== /ConfigMap default/one ======
        --- live
        +++ target
        @@ -1,6 +1,6 @@
         apiVersion: v1
         data:
        -  k: v1
        +  k: v2
         kind: ConfigMap
         metadata:
           annotations:
    "#]],
    );
    check(
        &program.line("app diff good --exit-code=false").await,
        0,
        &expect![[r#"

        ===== /ConfigMap default/one ======
        --- live
        +++ target
        @@ -1,6 +1,6 @@
         apiVersion: v1
         data:
        -  k: v1
        +  k: v2
         kind: ConfigMap
         metadata:
           annotations:
    "#]],
    );
    program.file("local/map.yaml", &config_map("one", "v3"));
    check(
        &program.line("app diff good --local local").await,
        1,
        &expect![[r#"

        ===== /ConfigMap default/one ======
        --- live
        +++ target
        @@ -1,6 +1,6 @@
         apiVersion: v1
         data:
        -  k: v1
        +  k: v3
         kind: ConfigMap
         metadata:
           annotations:
    "#]],
    );
    program.file("local/map.yaml", "a: [\n");
    check(
        &program.line("app diff good --local local").await,
        2,
        &expect![[r#"
        error: cannot compare application `good`
          because Failed to generate manifest for source 1 of 1: map.yaml:2:1: yaml: line 1: did not find expected node content
    "#]],
    );
    check(
        &program.line("app diff good --revision gone").await,
        2,
        &expect![[r#"
        error: Failed to load target state of `https://gitlab.internal/shop`: unable to resolve 'gone' to a commit SHA in repository `https://gitlab.internal/shop`

        hint: check `targetRevision`: no branch, tag or commit has that name
    "#]],
    );
    check(
        &program.line("app diff nobody").await,
        2,
        &expect![[r#"
        error: application `nobody` is not in namespace `argocd`

        hint: `argosy app list` shows what there is; `-N` chooses another namespace
    "#]],
    );
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_name_the_thing_once_and_end_with_twenty() {
    let fleet = embedded(&["eu-1"]).await;
    let program = Program::of(&fleet);
    check(
        &program.line("app get nobody").await,
        20,
        &expect![[r#"
        error: application `nobody` is not in namespace `argocd`

        hint: `argosy app list` shows what there is; `-N` chooses another namespace
    "#]],
    );
    check(
        &program.line("app sync").await,
        20,
        &expect![[r#"
        error: no application is named

        hint: give names, or select with `-l` or `--project`
    "#]],
    );
    check(
        &program.line("project get nobody").await,
        20,
        &expect![[r#"
        error: project `nobody` is not in namespace `argocd`

        hint: `argosy project list` shows what there is; `-N` chooses another namespace
    "#]],
    );
    check(
        &program.line("cluster get nobody").await,
        20,
        &expect![[r#"
        error: there is no cluster `nobody`

        hint: `argosy cluster list` shows names and servers
    "#]],
    );
    check(
        &program.line("cluster add nobody").await,
        20,
        &expect![[r#"
        error: kubeconfig FLEET/data/kubeconfig: `contexts[nobody]` is missing

        hint: contexts of the kubeconfig: hub, eu-1
    "#]],
    );
    check(
        &program.line("cluster add --simulated Not_A_Name").await,
        20,
        &expect![[r#"
        error: `Not_A_Name` is no name of a simulated cluster

        hint: lower-case letters, digits and `-`, at most 63
    "#]],
    );
    check(
        &program.line("cluster remove eu-1").await,
        20,
        &expect![[r#"
        error: Remove cluster `eu-1`? Its Applications stop working.
          because nobody is there to answer

        hint: `--yes` answers in advance
    "#]],
    );
    check(
        &program
            .line("repo add https://gitlab.internal/nowhere")
            .await,
        20,
        &expect![[r#"
        error: the repository is not added
          because there is no Git repository at `file://FLEET/git/nowhere`: the folder does not exist

        hint: check the URL; a private repository may hide itself until a credential is given
    "#]],
    );
    check(
        &program.line("app list -o xml").await,
        20,
        &expect![[r#"
        error: invalid value 'xml' for '--output <OUTPUT>': `xml` is no output format; there are table, wide, json, yaml and name

        For more information, try '--help'.
    "#]],
    );
    check(
        &program.line("app list --context nobody").await,
        20,
        &expect![[r#"
        error: kubeconfig FLEET/data/kubeconfig: `contexts[nobody]` is missing

        hint: `--context NAME` chooses a context of the kubeconfig
    "#]],
    );
    let alone = Program::alone();
    check(
        &alone.line("app list --kubeconfig gone").await,
        20,
        &expect![[r#"
        error: kubeconfig gone: `file` cannot be read: No such file or directory (os error 2)

        hint: `argosy up` makes a hub and a kubeconfig; `--kubeconfig FILE` chooses another one
    "#]],
    );
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_and_repositories_come_and_go() {
    let fleet = embedded(&["eu-1"]).await;
    fleet.repository("shop", &[("good/map.yaml", &config_map("one", "v1"))]);
    let program = Program::of(&fleet);
    let add = "cluster add --simulated us-1 --labels region=us,environment=staging";
    check(
        &program.line(add).await,
        0,
        &expect![[r#"
        Cluster 'https://127.0.0.1:00000/clusters/us-1' added
    "#]],
    );
    fleet
        .until("the new cluster", || async {
            fleet.running().fleet.cluster("us-1").map(|_| ())
        })
        .await;
    check(
        &program.line("cluster list -o wide").await,
        0,
        &expect![[r#"
        SERVER                                 NAME  VERSION  STATUS      MESSAGE  PROJECT  LABELS
        https://127.0.0.1:00000/clusters/eu-1  eu-1  1.36     Successful                    argocd.argoproj.io/secret-type=cluster,argosy.dev/simulated=true,environment=production
        https://127.0.0.1:00000/clusters/us-1  us-1  1.36     Successful                    argocd.argoproj.io/secret-type=cluster,argosy.dev/simulated=true,environment=staging,region=us
    "#]],
    );
    check(
        &program.line("cluster get us-1").await,
        0,
        &expect![[r#"
        annotations:
          managed-by: argocd.argoproj.io
        connectionState:
          message: ""
          status: Successful
        labels:
          argocd.argoproj.io/secret-type: cluster
          argosy.dev/simulated: "true"
          environment: staging
          region: us
        name: us-1
        server: https://127.0.0.1:00000/clusters/us-1
        serverVersion: "1.36"
    "#]],
    );
    check(
        &program.line("cluster remove us-1 --yes").await,
        0,
        &expect![[r#"
        Cluster 'us-1' removed
    "#]],
    );
    fleet
        .until("the end of the cluster", || async {
            fleet
                .running()
                .fleet
                .cluster("us-1")
                .is_none()
                .then_some(())
        })
        .await;
    check(
        &program.line("repo add https://gitlab.internal/shop").await,
        0,
        &expect![[r#"
        Repository 'https://gitlab.internal/shop' added
    "#]],
    );
    check(
        &program.line("repo list").await,
        0,
        &expect![[r#"
        TYPE  NAME  REPO                          INSECURE  OCI    LFS    CREDS  STATUS      MESSAGE  PROJECT
        git         https://gitlab.internal/shop  false     false  false  false  Successful           
    "#]],
    );
    check(
        &program
            .line("repo remove https://gitlab.internal/shop")
            .await,
        0,
        &expect![[r#"
        Repository 'https://gitlab.internal/shop' removed
    "#]],
    );
    check(
        &program.line("repo list -o json").await,
        0,
        &expect![[r#"
        []
    "#]],
    );
    fleet.stop().await;
}

const SET: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: services
  namespace: argocd
spec:
  goTemplate: true
  generators:
  - GENERATOR
  template:
    metadata:
      name: 'one-{{.name}}'
    spec:
      project: PROJECT
      source:
        repoURL: https://gitlab.internal/shop
        targetRevision: main
        path: good
      destination:
        name: '{{.name}}'
        namespace: default
";

#[tokio::test(flavor = "multi_thread")]
async fn set_of_a_file_is_generated_and_nothing_is_written() {
    let alone = Program::alone();
    let list = SET
        .replace("GENERATOR", "list: {elements: [{name: a}, {name: b}]}")
        .replace("PROJECT", "default");
    alone.file("set.yaml", &list);
    check(
        &alone.line("appset generate set.yaml").await,
        0,
        &expect![[r#"
        NAME          CLUSTER  NAMESPACE  PROJECT  REPO                          PATH  TARGET
        argocd/one-a  a        default    default  https://gitlab.internal/shop  good  main
        argocd/one-b  b        default    default  https://gitlab.internal/shop  good  main
    "#]],
    );
    alone.file(
        "broken.yaml",
        &list.replace("'one-{{.name}}'", "'one-{{.name'"),
    );
    check(
        &alone.line("appset generate broken.yaml").await,
        20,
        &expect![[r#"
        error: cannot generate ApplicationSet `services`
          because failed to parse template one-{{.name: template: base:1: unclosed action
    "#]],
    );
    alone.file("none.yaml", &config_map("one", "v1"));
    check(
        &alone.line("appset generate none.yaml").await,
        20,
        &expect![[r#"
        error: `none.yaml` holds no ApplicationSet
    "#]],
    );

    let fleet = embedded(&["eu-1", "us-1"]).await;
    let program = Program::of(&fleet);
    let clusters = "clusters: {selector: {matchLabels: {environment: production}}}";
    program.file(
        "set.yaml",
        &SET.replace("GENERATOR", clusters)
            .replace("PROJECT", "nobody"),
    );
    check(
        &program.line("appset generate set.yaml -o name").await,
        0,
        &expect![[r#"
        argocd/one-eu-1
        argocd/one-us-1
        warning: application references project nobody which does not exist
        warning: application references project nobody which does not exist
    "#]],
    );
    check(&program.line("app list -o name").await, 0, &expect![[""]]);
    check(
        &program.line("appset generate nobody").await,
        20,
        &expect![[r#"
        error: application set `nobody` is not in namespace `argocd`

        hint: `argosy appset list` shows what there is; `-N` chooses another namespace
    "#]],
    );
    fleet.stop().await;
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_still_has_its_outcome() {
    let alone = Program::alone();
    let is_update = std::env::var_os("UPDATE_EXPECT").is_some();
    for case in cases() {
        let stage = std::fs::read_to_string(case.join("stage")).unwrap();
        let mut arguments = vec!["debug", stage.trim(), "--case", case.to_str().unwrap()];
        if is_update {
            arguments.push("--update");
        }
        let ended = alone.run(&arguments).await;
        let said = format!("{}: as expected\n", stage.trim());
        assert_eq!(
            (ended.code, &*ended.err),
            (0, &*said),
            "{}: {}",
            case.display(),
            ended.out
        );
    }
    assert!(cases().len() > 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_with_another_outcome_ends_with_one_and_without_a_request_with_two() {
    let alone = Program::alone();
    alone.file("case/request.yaml", "application: {apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: a}, spec: {}}\n");
    alone.file("case/live.yaml", &config_map("one", "v1"));
    alone.file(
        "case/expected.yaml",
        "message: \"\"\nobjects: []\nstatus: Degraded\n",
    );
    check(
        &alone.line("debug health --case case").await,
        1,
        &expect![[r#"
        --- expected
        +++ outcome
        @@ -1,3 +1,3 @@
         message: ""
         objects: []
        -status: Degraded
        +status: Healthy
    "#]],
    );
    check(
        &alone.line("debug health --case case --update").await,
        0,
        &expect![[r#"
        health: as expected
    "#]],
    );
    alone.file("case/stage", "plan\n");
    check(
        &alone.line("debug health --case case").await,
        2,
        &expect![[r#"
        error: `case` is a case of stage `plan`, not `health`
    "#]],
    );
    check(
        &alone.line("debug health --case nowhere").await,
        2,
        &expect![[r#"
        error: `nowhere` is no case: it has no `request.yaml`

        hint: `argosy debug --help` says what a case holds
    "#]],
    );
}
