//! The demo's repositories: a registry, five applications, and one for teams.

use anyhow::Context as _;
use argosy_git::author::{Change, RepoBuilder};
use std::path::Path;

/// One Application for each cluster: namespaces, quotas and role bindings of all teams.
pub(super) const TEAMS: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: teams
  namespace: argocd
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators:
  - clusters:
      selector:
        matchExpressions:
        - {key: environment, operator: In, values: [production, staging]}
  template:
    metadata:
      name: 'teams-{{.name}}'
    spec:
      project: default
      source:
        repoURL: https://gitlab.internal/platform/teams
        targetRevision: HEAD
        path: teams
        directory:
          recurse: true
      destination:
        server: '{{.server}}'
        namespace: default
      syncPolicy:
        automated:
          prune: true
          selfHeal: true
";

/// Every app of the registry on every production cluster.
pub(super) const MICROSERVICES: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: microservices
  namespace: argocd
spec:
  goTemplate: true
  generators:
  - matrix:
      generators:
      - git:
          repoURL: https://gitlab.internal/platform/app-registry
          revision: HEAD
          files:
          - path: "apps/*/config.yaml"
      - clusters:
          selector:
            matchLabels:
              environment: production
  template:
    metadata:
      name: '{{.path.basename}}-{{.name}}'
    spec:
      project: default
      source:
        repoURL: https://gitlab.internal/{{.values.repo}}
        targetRevision: '{{.values.branch}}'
        path: deploy/
        helm:
          valueFiles:
          - values-{{.metadata.labels.region}}.yaml
      destination:
        server: '{{.server}}'
        namespace: '{{.values.namespace}}'
      syncPolicy:
        automated:
          prune: true
          selfHeal: true
"#;

/// Name, team, image and port of each application.
const APPS: [(&str, &str, &str, u16); 5] = [
    (
        "checkout",
        "shop",
        "registry.internal/shop/checkout:1.14.2",
        8080,
    ),
    (
        "catalog",
        "shop",
        "registry.internal/shop/catalog:3.2.0",
        8080,
    ),
    (
        "search",
        "discovery",
        "registry.internal/discovery/search:0.9.7",
        9200,
    ),
    (
        "accounts",
        "identity",
        "registry.internal/identity/accounts:2.0.1",
        8443,
    ),
    (
        "mailer",
        "messaging",
        "registry.internal/messaging/mailer:1.1.0",
        2525,
    ),
];

pub(super) const TEAM_NAMES: [&str; 4] = ["discovery", "identity", "messaging", "shop"];

/// Replicas in each region.
const REGIONS: [(&str, u32); 3] = [("eu", 2), ("us", 3), ("ap", 1)];

/// Makes all repositories under `git`.
pub(super) fn make(git: &Path) -> anyhow::Result<()> {
    let registry: Vec<Change> = APPS
        .iter()
        .map(|(app, team, _, _)| {
            let config =
                format!("values:\n  repo: {team}/{app}\n  branch: main\n  namespace: {team}\n");
            Change::text(&format!("apps/{app}/config.yaml"), &config)
        })
        .collect();
    commit(&git.join("platform/app-registry"), &registry)?;
    commit(&git.join("platform/teams"), &teams())?;
    for (app, team, image, port) in APPS {
        commit(&git.join(team).join(app), &chart(app, team, image, port))?;
    }
    Ok(())
}

fn commit(path: &Path, changes: &[Change]) -> anyhow::Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot make `{}`", path.display()))?;
    let repository = RepoBuilder::init(path)?;
    repository.commit("main", "begin", changes)?;
    Ok(())
}

fn teams() -> Vec<Change> {
    TEAM_NAMES
        .iter()
        .map(|team| {
            let text = format!(
                "\
apiVersion: v1
kind: Namespace
metadata:
  name: {team}
  labels:
    team: {team}
---
apiVersion: v1
kind: ResourceQuota
metadata:
  name: team
  namespace: {team}
spec:
  hard:
    pods: \"50\"
    requests.cpu: \"20\"
    requests.memory: 40Gi
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: team
  namespace: {team}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: edit
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: Group
  name: team-{team}
"
            );
            Change::text(&format!("teams/{team}.yaml"), &text)
        })
        .collect()
}

fn chart(app: &str, team: &str, image: &str, port: u16) -> Vec<Change> {
    let (repository, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
    let mut files = vec![
        Change::text(
            "deploy/Chart.yaml",
            &format!(
                "apiVersion: v2\nname: {app}\ndescription: The {app} service.\nversion: 1.0.0\nappVersion: \"{tag}\"\n"
            ),
        ),
        Change::text(
            "deploy/values.yaml",
            &format!(
                "replicas: 1\nimage:\n  repository: {repository}\n  tag: \"\"\nport: {port}\nlogLevel: info\nteam: {team}\nresources:\n  requests:\n    cpu: 50m\n    memory: 64Mi\n"
            ),
        ),
        Change::text("deploy/templates/_helpers.tpl", HELPERS),
        Change::text("deploy/templates/deployment.yaml", DEPLOYMENT),
        Change::text("deploy/templates/service.yaml", SERVICE),
        Change::text("deploy/templates/configmap.yaml", CONFIG_MAP),
    ];
    for (region, replicas) in REGIONS {
        let values = format!("replicas: {replicas}\nregion: {region}\n");
        files.push(Change::text(
            &format!("deploy/values-{region}.yaml"),
            &values,
        ));
    }
    files
}

const HELPERS: &str = r#"{{- define "app.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
team: {{ .Values.team }}
{{- end }}

{{- define "app.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
{{- end }}
"#;

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Chart.Name }}
  labels:
    {{- include "app.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      {{- include "app.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "app.selector" . | nindent 8 }}
      annotations:
        checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
    spec:
      containers:
      - name: {{ .Chart.Name }}
        image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
        ports:
        - name: main
          containerPort: {{ .Values.port }}
        envFrom:
        - configMapRef:
            name: {{ .Chart.Name }}
        resources:
          {{- toYaml .Values.resources | nindent 10 }}
"#;

const SERVICE: &str = r#"apiVersion: v1
kind: Service
metadata:
  name: {{ .Chart.Name }}
  labels:
    {{- include "app.labels" . | nindent 4 }}
spec:
  selector:
    {{- include "app.selector" . | nindent 4 }}
  ports:
  - name: main
    port: 80
    targetPort: main
"#;

const CONFIG_MAP: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Chart.Name }}
  labels:
    {{- include "app.labels" . | nindent 4 }}
data:
  LOG_LEVEL: {{ .Values.logLevel | quote }}
  REGION: {{ .Values.region | quote }}
  PORT: {{ .Values.port | quote }}
"#;
