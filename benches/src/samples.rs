//! Charts and trees of our own, for whoever brings none.

use std::path::Path;

/// Writes a chart of ten templates (three workloads with a Service and a ConfigMap each, and an
/// Ingress), in the way that most charts are written: helpers, labels, conditions, loops over maps.
pub fn chart(folder: &Path) -> anyhow::Result<()> {
    let write = |name: &str, text: &str| -> anyhow::Result<()> {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        Ok(std::fs::write(path, text)?)
    };
    write(
        "Chart.yaml",
        "apiVersion: v2\nname: sample\nversion: 1.2.3\nappVersion: 4.5.6\n",
    )?;
    write("values.yaml", VALUES)?;
    write("templates/_helpers.tpl", HELPERS)?;
    for number in 0..3 {
        for (kind, template) in [
            ("deployment", DEPLOYMENT),
            ("service", SERVICE),
            ("configmap", CONFIG),
        ] {
            let template = template.replace("NUMBER", &number.to_string());
            write(&format!("templates/{kind}-{number}.yaml"), &template)?;
        }
    }
    write("templates/ingress.yaml", INGRESS)
}

/// The values of one of many releases of the sample chart.
pub fn values(number: usize) -> String {
    format!(
        "replicas: {}\nimage: {{repository: registry.example.com/app, tag: \"1.{number}\"}}\n\
         env: {{RELEASE: r{number}, LEVEL: info}}\n",
        number % 5 + 1
    )
}

const VALUES: &str = "replicas: 2
image: {repository: registry.example.com/app, tag: \"\", pullPolicy: IfNotPresent}
env: {LEVEL: debug, REGION: north}
ports: [{name: http, port: 80, target: 8080}, {name: metrics, port: 9090, target: 9090}]
ingress: {enabled: true, hosts: [a.example.com, b.example.com]}
resources: {limits: {cpu: 200m, memory: 256Mi}, requests: {cpu: 50m, memory: 64Mi}}
nodeSelector: {}
tolerations: [{key: dedicated, operator: Exists}]
";

const HELPERS: &str = r#"{{- define "sample.name" -}}
{{- .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- define "sample.fullname" -}}
{{- printf "%s-%s" .Release.Name (include "sample.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- define "sample.labels" -}}
app.kubernetes.io/name: {{ include "sample.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}
"#;

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "sample.fullname" . }}-NUMBER
  labels:
    {{- include "sample.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      part: "NUMBER"
  template:
    metadata:
      labels:
        part: "NUMBER"
        {{- include "sample.labels" . | nindent 8 }}
      annotations:
        checksum/env: {{ toYaml .Values.env | sha256sum }}
    spec:
      containers:
        - name: app
          image: "{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}"
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          env:
            {{- range $name, $value := .Values.env }}
            - name: {{ $name }}
              value: {{ $value | quote }}
            {{- end }}
          ports:
            {{- range .Values.ports }}
            - name: {{ .name }}
              containerPort: {{ .target }}
            {{- end }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
      {{- with .Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
"#;

const SERVICE: &str = r#"apiVersion: v1
kind: Service
metadata:
  name: {{ include "sample.fullname" . }}-NUMBER
  labels:
    {{- include "sample.labels" . | nindent 4 }}
spec:
  selector:
    part: "NUMBER"
  ports:
    {{- range .Values.ports }}
    - name: {{ .name }}
      port: {{ .port }}
      targetPort: {{ .target }}
    {{- end }}
"#;

const CONFIG: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "sample.fullname" . }}-NUMBER
  labels:
    {{- include "sample.labels" . | nindent 4 }}
data:
  settings.json: |
    {{- dict "release" .Release.Name "env" .Values.env | toPrettyJson | nindent 4 }}
"#;

const INGRESS: &str = r#"{{- if .Values.ingress.enabled }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "sample.fullname" . }}
spec:
  rules:
    {{- range .Values.ingress.hosts }}
    - host: {{ . | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ include "sample.fullname" $ }}-0
                port:
                  number: {{ (index $.Values.ports 0).port }}
    {{- end }}
{{- end }}
"#;

/// The files of a base and `count` overlays of it, by path.
pub fn overlays(count: usize) -> Vec<(String, String)> {
    let base = "resources: [all.yaml]\nconfigMapGenerator: [{name: settings, literals: [a=b]}]\n";
    let mut files = vec![
        ("base/kustomization.yaml".to_owned(), base.to_owned()),
        ("base/all.yaml".to_owned(), BASE.to_owned()),
    ];
    for number in 0..count {
        let kustomization = format!(
            "resources: [../../base]\nnamespace: team-{number}\nnamePrefix: t{number}-\n\
             labels: [{{pairs: {{team: t{number}}}, includeSelectors: true}}]\n\
             images: [{{name: nginx, newTag: '{number}'}}]\n\
             replicas: [{{name: web, count: 3}}]\npatches: [{{path: patch.yaml}}]\n"
        );
        files.push((
            format!("overlays/o{number}/kustomization.yaml"),
            kustomization,
        ));
        files.push((format!("overlays/o{number}/patch.yaml"), PATCH.to_owned()));
    }
    files
}

const PATCH: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, env: [{name: A, value: b}]}]}}}
";

const BASE: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx
        ports: [{containerPort: 80}]
        envFrom: [{configMapRef: {name: settings}}]
        resources: {limits: {cpu: 100m, memory: 128Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{host: web.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
";
