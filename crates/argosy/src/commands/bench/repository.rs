//! The bench's one repository with its one chart.

use anyhow::Context as _;
use argosy_git::author::{Change, RepoBuilder};
use std::fmt::Write as _;
use std::path::Path;

/// The repository as the benches' Applications name it.
pub(super) const URL: &str = "https://bench.internal/fleet";

/// The chart's objects that every fleet has; more are ConfigMaps.
const OBJECTS: usize = 6;

/// Makes the repository: a chart of `objects` objects, and a value file for each application.
pub(super) fn make(
    path: &Path,
    applications: usize,
    objects: usize,
) -> anyhow::Result<RepoBuilder> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot make `{}`", path.display()))?;
    let repository = RepoBuilder::init(path)?;
    let mut files = vec![
        Change::text(
            "chart/Chart.yaml",
            "apiVersion: v2\nname: bench\nversion: 1.0.0\n",
        ),
        Change::text(
            "chart/values.yaml",
            "replicas: 2\nimage: registry.internal/bench:1.0.0\nsetting: begin\n",
        ),
        Change::text("chart/templates/_names.tpl", NAMES),
        every_application("begin"),
    ];
    let templates = [
        ("deployment", DEPLOYMENT),
        ("service", SERVICE),
        ("serviceaccount", SERVICE_ACCOUNT),
        ("secret", SECRET),
        ("hpa", HPA),
    ];
    // The ConfigMap is always among them: the changes are seen there.
    for (name, text) in templates.iter().take(objects.saturating_sub(1)) {
        files.push(Change::text(&format!("chart/templates/{name}.yaml"), text));
    }
    if objects > OBJECTS {
        files.push(Change::text(
            "chart/templates/more.yaml",
            &more(objects - OBJECTS),
        ));
    }
    for number in 0..applications {
        files.push(one_application(number, "begin"));
    }
    repository.commit("main", "begin", &files)?;
    Ok(repository)
}

/// A change that concerns every application: the ConfigMap's template.
pub(super) fn every_application(text: &str) -> Change {
    let template = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ .Release.Name }}}}\n  labels:\n    \
         {{{{- include \"bench.labels\" . | nindent 4 }}}}\ndata:\n  all: {text}\n  one: \
         {{{{ .Values.setting | quote }}}}\n"
    );
    Change::text("chart/templates/configmap.yaml", &template)
}

/// A change that concerns one application: its value file.
pub(super) fn one_application(number: usize, text: &str) -> Change {
    Change::text(
        &format!("values/{number}.yaml"),
        &format!("setting: {text}\n"),
    )
}

fn more(count: usize) -> String {
    let mut text = String::new();
    for number in 1..=count {
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ .Release.Name \
             }}}}-{number}\ndata:\n  number: \"{number}\"\n"
        );
    }
    text
}

const NAMES: &str = r#"{{- define "bench.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.Version | quote }}
{{- end }}
{{- define "bench.selector" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
"#;

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels:
    {{- include "bench.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      {{- include "bench.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "bench.selector" . | nindent 8 }}
    spec:
      serviceAccountName: {{ .Release.Name }}
      containers:
      - name: main
        image: {{ .Values.image | quote }}
        ports:
        - name: http
          containerPort: 8080
        resources:
          requests:
            cpu: 10m
            memory: 16Mi
"#;

const SERVICE: &str = r#"apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
  labels:
    {{- include "bench.labels" . | nindent 4 }}
spec:
  selector:
    {{- include "bench.selector" . | nindent 4 }}
  ports:
  - name: http
    port: 80
    targetPort: http
"#;

const SERVICE_ACCOUNT: &str = r#"apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .Release.Name }}
  labels:
    {{- include "bench.labels" . | nindent 4 }}
"#;

const SECRET: &str = r#"apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}
  labels:
    {{- include "bench.labels" . | nindent 4 }}
stringData:
  token: {{ .Release.Name | sha256sum }}
"#;

const HPA: &str = r#"apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .Release.Name }}
  labels:
    {{- include "bench.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .Release.Name }}
  minReplicas: 2
  maxReplicas: 4
  metrics:
  - type: Resource
    resource:
      name: cpu
      target:
        type: Utilization
        averageUtilization: 80
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chart_has_as_many_objects_as_asked_for() {
        assert_eq!(more(2).matches("kind: ConfigMap").count(), 2);
        let Change::Write(path, text) = one_application(7, "x") else {
            panic!("a file")
        };
        assert_eq!(
            (path.as_str(), text.as_slice()),
            ("values/7.yaml", &b"setting: x\n"[..])
        );
    }
}
