//! Builds many overlays of one base in the process, and says how long it took.
//!
//!     cargo run --release -p argosy-kustomize --example overlays [COUNT]

use argosy_kustomize::{BuildOptions, build, to_yaml};
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};
use std::time::Instant;

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args()
        .nth(1)
        .map_or(Ok(1000), |text| text.parse())?;
    let mut files = vec![
        (
            "base/kustomization.yaml".to_owned(),
            "resources: [all.yaml]\nconfigMapGenerator: [{name: settings, literals: [a=b]}]\n"
                .to_owned(),
        ),
        ("base/all.yaml".to_owned(), BASE.to_owned()),
    ];
    for number in 0..count {
        files.push((
            format!("overlays/o{number}/kustomization.yaml"),
            format!(
                "resources: [../../base]\nnamespace: team-{number}\nnamePrefix: t{number}-\n\
                 labels: [{{pairs: {{team: t{number}}}, includeSelectors: true}}]\n\
                 images: [{{name: nginx, newTag: '{number}'}}]\nreplicas: [{{name: web, count: 3}}]\n\
                 patches: [{{path: patch.yaml}}]\n"
            ),
        ));
        files.push((
            format!("overlays/o{number}/patch.yaml"),
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: \
             {spec: {containers: [{name: web, env: [{name: A, value: b}]}]}}}\n"
                .to_owned(),
        ));
    }
    let tree = MemoryTree::new(files);
    let start = Instant::now();
    let mut bytes = 0;
    for number in 0..count {
        let rooted = Rooted::new(&tree, Limits::default());
        let folder = RelPath::new(&format!("overlays/o{number}"))?;
        let built = build(&rooted, &folder, &BuildOptions::default())?;
        bytes += to_yaml(built.objects.iter().map(|(object, _)| object.value())).len();
    }
    let text = format!(
        "{count} overlays, {bytes} bytes, {:.3} s\n",
        start.elapsed().as_secs_f64()
    );
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}
