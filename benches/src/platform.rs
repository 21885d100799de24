//! A chart of the size that large public ones have: five components with five templates each, and
//! a library of 30 files of helpers that all of them call.

use std::path::Path;

/// Components, each with the templates of [`TEMPLATES`].
const COMPONENTS: [&str; 5] = ["web", "api", "worker", "cache", "store"];

/// Subjects of the library's further files: each gives defaults that components may override.
const SUBJECTS: [&str; 22] = [
    "probes",
    "resources",
    "security",
    "podsecurity",
    "affinity",
    "topology",
    "tolerations",
    "lifecycle",
    "volumes",
    "mounts",
    "claims",
    "secrets",
    "accounts",
    "roles",
    "network",
    "ingress",
    "gateway",
    "monitors",
    "alerts",
    "budgets",
    "autoscaling",
    "upgrades",
];

/// Writes the chart.
pub fn chart(folder: &Path) -> anyhow::Result<()> {
    let write = |name: &str, text: &str| -> anyhow::Result<()> {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        Ok(std::fs::write(path, text)?)
    };
    write("Chart.yaml", CHART)?;
    write("values.yaml", &values())?;
    write("charts/common/Chart.yaml", LIBRARY)?;
    write("charts/common/values.yaml", "exampleValue: common\n")?;
    for (name, text) in HELPERS {
        write(&format!("charts/common/templates/_{name}.tpl"), text)?;
    }
    for subject in SUBJECTS {
        let text = SUBJECT.replace("SUBJECT", subject);
        write(&format!("charts/common/templates/_{subject}.tpl"), &text)?;
    }
    for component in COMPONENTS {
        for (kind, template) in TEMPLATES {
            let template = template.replace("PART", component);
            write(&format!("templates/{component}/{kind}.yaml"), &template)?;
        }
    }
    Ok(())
}

/// The values of one of many releases of the chart.
pub fn release_values(number: usize) -> String {
    format!(
        "web: {{replicaCount: {}, image: {{tag: \"1.{number}\"}}}}\n\
         api: {{env: {{RELEASE: r{number}, LEVEL: info}}}}\ncommonLabels: {{team: t{}}}\n",
        number % 5 + 1,
        number % 40
    )
}

/// Values with as many comments as they have in public charts.
fn values() -> String {
    let mut text = GLOBAL.to_owned();
    for component in COMPONENTS {
        text.push_str(&format!(
            "\n## @section Parameters of {component}\n{component}:\n"
        ));
        text.push_str(COMPONENT);
        for subject in SUBJECTS {
            text.push_str(&format!(
                "  ## @param {component}.{subject} What {component} has of its own for {subject}\n\
                 \x20 ## Nothing here takes what the library's `common.{subject}.defaults` says\n\
                 \x20 {subject}:\n    enabled: true\n    annotations: {{}}\n    extra:\n\
                 \x20     level: \"{{{{ .Release.Name }}}}-{subject}\"\n      weight: 10\n"
            ));
        }
    }
    text
}

const CHART: &str = "apiVersion: v2
name: platform
version: 3.1.4
appVersion: 2.7.1
dependencies: [{name: common, version: 2.x.x, repository: 'file://charts/common'}]
";

const LIBRARY: &str = "apiVersion: v2\nname: common\nversion: 2.0.0\ntype: library\n";

const GLOBAL: &str = r#"## @section Parameters of all components
## @param global.imageRegistry Registry of all images
## @param global.imagePullSecrets Secrets that images are pulled with
## @param global.storageClass Class of all volumes
global:
  imageRegistry: ""
  imagePullSecrets: [pull]
  storageClass: ""
nameOverride: ""
fullnameOverride: ""
commonLabels: {team: platform}
commonAnnotations: {owner: "{{ .Release.Namespace }}"}
clusterDomain: cluster.local
"#;

const COMPONENT: &str = r#"  enabled: true
  ## @param image Image of the component
  ## ref: https://kubernetes.io/docs/concepts/containers/images/
  ##
  image:
    registry: registry.example.com
    repository: platform/part
    tag: 2.7.1-r3
    digest: ""
    pullPolicy: IfNotPresent
  replicaCount: 2
  ## @param ports Ports of container and service
  ports:
    http: 8080
    metrics: 9102
  ## @param env Environment, whose values may be templates
  env:
    LOG_LEVEL: info
    RELEASE: "{{ .Release.Name }}"
    DOMAIN: "{{ .Values.clusterDomain }}"
  ## @param configuration File that the component reads
  configuration: |
    server:
      name: {{ include "common.names.fullname" . }}
      listen: 0.0.0.0
    log:
      format: json
"#;

const HELPERS: [(&str, &str); 8] = [
    (
        "names",
        r#"{{/* Names of charts and releases. */}}
{{- define "common.names.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- define "common.names.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- define "common.names.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- define "common.names.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- define "common.names.part" -}}
{{- printf "%s-%s" (include "common.names.fullname" .context) .part | trunc 63 | trimSuffix "-" -}}
{{- end -}}
"#,
    ),
    (
        "labels",
        r#"{{/* Labels of objects, and those that select them. */}}
{{- define "common.labels.standard" -}}
{{- $default := dict "app.kubernetes.io/name" (include "common.names.name" .context) "helm.sh/chart" (include "common.names.chart" .context) "app.kubernetes.io/instance" .context.Release.Name "app.kubernetes.io/managed-by" .context.Release.Service -}}
{{- with .context.Chart.AppVersion -}}
{{- $_ := set $default "app.kubernetes.io/version" . -}}
{{- end -}}
{{ template "common.values.merge" (dict "values" (list .custom $default) "context" .context) }}
{{- end -}}
{{- define "common.labels.match" -}}
{{ merge (pick (include "common.values.render" (dict "value" .custom "context" .context) | fromYaml) "app.kubernetes.io/name" "app.kubernetes.io/instance") (dict "app.kubernetes.io/name" (include "common.names.name" .context) "app.kubernetes.io/instance" .context.Release.Name) | toYaml }}
{{- end -}}
"#,
    ),
    (
        "values",
        r#"{{/* Values that may be templates. */}}
{{- define "common.values.render" -}}
{{- $value := typeIs "string" .value | ternary .value (.value | toYaml) -}}
{{- if contains "{{" (toJson .value) -}}
{{- tpl $value .context -}}
{{- else -}}
{{- $value -}}
{{- end -}}
{{- end -}}
{{- define "common.values.merge" -}}
{{- $merged := dict -}}
{{- range .values -}}
{{- $merged = include "common.values.render" (dict "value" . "context" $.context) | fromYaml | merge $merged -}}
{{- end -}}
{{ $merged | toYaml }}
{{- end -}}
"#,
    ),
    (
        "images",
        r#"{{/* References of images. */}}
{{- define "common.images.image" -}}
{{- $registry := .image.registry -}}
{{- with .context.Values.global -}}
{{- with .imageRegistry -}}
{{- $registry = . -}}
{{- end -}}
{{- end -}}
{{- $separator := ":" -}}
{{- $end := default .context.Chart.AppVersion .image.tag | toString -}}
{{- if .image.digest -}}
{{- $separator = "@" -}}
{{- $end = .image.digest | toString -}}
{{- end -}}
{{- if $registry -}}
{{- printf "%s/%s%s%s" $registry .image.repository $separator $end -}}
{{- else -}}
{{- printf "%s%s%s" .image.repository $separator $end -}}
{{- end -}}
{{- end -}}
{{- define "common.images.pullSecrets" -}}
{{- $names := list -}}
{{- range (.context.Values.global).imagePullSecrets -}}
{{- if kindIs "map" . -}}
{{- $names = append $names .name -}}
{{- else -}}
{{- $names = append $names . -}}
{{- end -}}
{{- end -}}
{{- if $names }}
imagePullSecrets:
{{- range $names | uniq }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}
"#,
    ),
    (
        "capabilities",
        r#"{{/* Versions of APIs. */}}
{{- define "common.capabilities.version" -}}
{{- default .Capabilities.KubeVersion.Version .Values.kubeVersion -}}
{{- end -}}
{{- define "common.capabilities.autoscaling" -}}
{{- if semverCompare "<1.23-0" (include "common.capabilities.version" .) -}}
autoscaling/v2beta2
{{- else -}}
autoscaling/v2
{{- end -}}
{{- end -}}
{{- define "common.capabilities.deployment" -}}
{{- print "apps/v1" -}}
{{- end -}}
"#,
    ),
    (
        "env",
        r#"{{/* Environment of containers. */}}
{{- define "common.env.list" -}}
{{- range $name, $value := .env }}
- name: {{ regexReplaceAll "[^A-Z0-9_]" (upper $name) "_" }}
  value: {{ include "common.values.render" (dict "value" $value "context" $.context) | quote }}
{{- end }}
{{- end -}}
"#,
    ),
    (
        "metadata",
        r#"{{/* Metadata of a component's objects. */}}
{{- define "common.metadata.of" -}}
name: {{ include "common.names.part" . }}
namespace: {{ include "common.names.namespace" .context | quote }}
labels: {{- include "common.labels.standard" (dict "custom" .context.Values.commonLabels "context" .context) | nindent 2 }}
  app.kubernetes.io/component: {{ .part }}
{{- if .context.Values.commonAnnotations }}
annotations: {{- include "common.values.render" (dict "value" .context.Values.commonAnnotations "context" .context) | nindent 2 }}
{{- end }}
{{- end -}}
"#,
    ),
    (
        "validations",
        r#"{{/* What must not be. */}}
{{- define "common.validations.replicas" -}}
{{- if lt (int .replicas) 0 -}}
{{- fail "there are fewer than no replicas" -}}
{{- end -}}
{{- end -}}
"#,
    ),
];

const SUBJECT: &str = r#"{{/*
What components have in common of SUBJECT.
Usage: {{ include "common.SUBJECT.annotations" (dict "part" "web" "values" .Values.web "context" $) }}
*/}}
{{- define "common.SUBJECT.defaults" -}}
{{- if eq .level "small" -}}
{{ dict "level" "small" "weight" 1 "limits" (dict "cpu" "100m" "memory" "128Mi") | toYaml }}
{{- else if eq .level "large" -}}
{{ dict "level" "large" "weight" 9 "limits" (dict "cpu" "2" "memory" "4Gi") | toYaml }}
{{- else -}}
{{ dict "level" "medium" "weight" 5 | toYaml }}
{{- end -}}
{{- end -}}
{{- define "common.SUBJECT.name" -}}
{{- printf "%s-SUBJECT" (include "common.names.part" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- define "common.SUBJECT.enabled" -}}
{{- $own := index .values "SUBJECT" -}}
{{- if and (kindIs "map" $own) $own.enabled -}}
true
{{- end -}}
{{- end -}}
{{- define "common.SUBJECT.annotations" -}}
{{- if include "common.SUBJECT.enabled" . -}}
{{- with (index .values "SUBJECT").extra }}
SUBJECT.example.com/level: {{ include "common.values.render" (dict "value" .level "context" $.context) | quote }}
SUBJECT.example.com/weight: {{ .weight | toString | quote }}
{{- end }}
{{- end -}}
{{- end -}}
"#;

const TEMPLATES: [(&str, &str); 5] = [
    (
        "deployment",
        r#"{{- if .Values.PART.enabled }}
{{- $part := dict "part" "PART" "values" .Values.PART "context" $ }}
{{- include "common.validations.replicas" (dict "replicas" .Values.PART.replicaCount) }}
apiVersion: {{ include "common.capabilities.deployment" . }}
kind: Deployment
metadata: {{- include "common.metadata.of" $part | nindent 2 }}
spec:
  {{- if not (include "common.autoscaling.enabled" $part) }}
  replicas: {{ .Values.PART.replicaCount }}
  {{- end }}
  selector:
    matchLabels: {{- include "common.labels.match" (dict "custom" .Values.commonLabels "context" $) | nindent 6 }}
      app.kubernetes.io/component: PART
  template:
    metadata:
      annotations:
        checksum/config: {{ include (print $.Template.BasePath "/PART/configmap.yaml") . | sha256sum }}
        {{- include "common.probes.annotations" $part | nindent 8 }}
        {{- include "common.security.annotations" $part | nindent 8 }}
        {{- include "common.topology.annotations" $part | nindent 8 }}
      labels: {{- include "common.labels.standard" (dict "custom" .Values.commonLabels "context" $) | nindent 8 }}
        app.kubernetes.io/component: PART
    spec:
      {{- include "common.images.pullSecrets" $part | nindent 6 }}
      serviceAccountName: {{ include "common.accounts.name" $part }}
      containers:
        - name: PART
          image: {{ include "common.images.image" (dict "image" .Values.PART.image "context" $) }}
          imagePullPolicy: {{ .Values.PART.image.pullPolicy }}
          env: {{- include "common.env.list" (dict "env" .Values.PART.env "context" $) | nindent 12 }}
          ports:
            {{- range $name, $port := .Values.PART.ports }}
            - name: {{ $name }}
              containerPort: {{ $port }}
            {{- end }}
          volumeMounts:
            - name: configuration
              mountPath: /etc/PART
      volumes:
        - name: configuration
          configMap:
            name: {{ include "common.names.part" $part }}
{{- end }}
"#,
    ),
    (
        "service",
        r#"{{- if .Values.PART.enabled }}
{{- $part := dict "part" "PART" "values" .Values.PART "context" $ }}
apiVersion: v1
kind: Service
metadata: {{- include "common.metadata.of" $part | nindent 2 }}
spec:
  type: ClusterIP
  ports:
    {{- range $name, $port := .Values.PART.ports }}
    - name: {{ $name }}
      port: {{ $port }}
      targetPort: {{ $name }}
    {{- end }}
  selector: {{- include "common.labels.match" (dict "custom" .Values.commonLabels "context" $) | nindent 4 }}
    app.kubernetes.io/component: PART
{{- end }}
"#,
    ),
    (
        "configmap",
        r#"{{- if .Values.PART.enabled }}
{{- $part := dict "part" "PART" "values" .Values.PART "context" $ }}
apiVersion: v1
kind: ConfigMap
metadata: {{- include "common.metadata.of" $part | nindent 2 }}
data:
  PART.yaml: |
    {{- include "common.values.render" (dict "value" .Values.PART.configuration "context" $) | nindent 4 }}
  limits.json: |
    {{- include "common.resources.defaults" (dict "level" "large") | fromYaml | toPrettyJson | nindent 4 }}
{{- end }}
"#,
    ),
    (
        "serviceaccount",
        r#"{{- if .Values.PART.enabled }}
{{- $part := dict "part" "PART" "values" .Values.PART "context" $ }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "common.accounts.name" $part }}
  namespace: {{ include "common.names.namespace" . | quote }}
  labels: {{- include "common.labels.standard" (dict "custom" .Values.commonLabels "context" $) | nindent 4 }}
  annotations:
    {{- include "common.accounts.annotations" $part | nindent 4 }}
automountServiceAccountToken: false
{{- end }}
"#,
    ),
    (
        "autoscaler",
        r#"{{- $part := dict "part" "PART" "values" .Values.PART "context" $ }}
{{- if and .Values.PART.enabled (include "common.autoscaling.enabled" $part) }}
apiVersion: {{ include "common.capabilities.autoscaling" . }}
kind: HorizontalPodAutoscaler
metadata: {{- include "common.metadata.of" $part | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: {{ include "common.capabilities.deployment" . }}
    kind: Deployment
    name: {{ include "common.names.part" $part }}
  minReplicas: {{ .Values.PART.replicaCount }}
  maxReplicas: {{ mul .Values.PART.replicaCount 3 }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: 70}
{{- end }}
"#,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_helm::{ChartRequest, TemplateCache, template_chart};
    use argosy_tree::{Limits, Rooted};

    #[test]
    fn all_templates_give_an_object() {
        let folder = tempfile::tempdir().unwrap();
        chart(folder.path()).unwrap();
        let tree = crate::disk::read(folder.path()).unwrap();
        let rooted = Rooted::new(&tree, Limits::default());
        let request = ChartRequest::default();
        let rendered = template_chart(&rooted, &request, &TemplateCache::new()).unwrap();
        let text = rendered.output(request.output_options());
        assert_eq!(
            text.matches("\nkind: ").count(),
            COMPONENTS.len() * TEMPLATES.len()
        );
        assert_eq!(HELPERS.len() + SUBJECTS.len(), 30);
    }
}
