//! Renders charts of our own and compares them with what helm 4.1.4 printed, output or error.
//!
//! A case is `cases/NAME.txt`: files cut by `--- path` lines, flags under `--- args`. What helm
//! said stands in `cases/NAME.out`. Where the test tools have a helm 4.1.4 (or PATH has one), it
//! is asked again; with `ARGOSY_UPDATE=1` its answers are written down.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use argosy_helm::{ChartRequest, SetKind, SetValue, TemplateCache, template_chart};
use argosy_tree::{Limits, MemoryTree, Rooted};

struct Case {
    name: String,
    files: Vec<(String, String)>,
    args: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn cases() -> Vec<Case> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .expect("the cases are in the repository")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
        .collect();
    names.sort();
    names.into_iter().map(Case::parse).collect()
}

impl Case {
    fn parse(name: String) -> Self {
        let text = read(&folder().join(format!("{name}.txt")));
        let (mut files, mut args): (Vec<(String, String)>, _) = (Vec::new(), Vec::new());
        for line in text.split_inclusive('\n') {
            // A bare `---` separates YAML documents; a path follows in our own cuts.
            match line
                .strip_prefix("--- ")
                .filter(|path| !path.trim().is_empty())
            {
                Some(path) => files.push((path.trim().to_owned(), String::new())),
                None => files
                    .last_mut()
                    .expect("a path comes first")
                    .1
                    .push_str(line),
            }
        }
        files.retain(|(path, text)| {
            if path == "args" {
                args.extend(text.lines().map(str::to_owned));
            }
            path != "args"
        });
        Self { name, files, args }
    }

    fn request(&self) -> ChartRequest {
        let mut request = ChartRequest {
            release_name: "rel".into(),
            namespace: "ns1".into(),
            ..ChartRequest::default()
        };
        let mut args = self.args.iter();
        while let Some(flag) = args.next() {
            if flag == "--include-crds" {
                request.include_crds = true;
                continue;
            }
            let value = args.next().expect("the flag has a value").clone();
            let kind = match flag.as_str() {
                "-f" => {
                    let file = self.files.iter().find(|(path, _)| *path == value);
                    let (_, data) = file.expect("the values file is in the case");
                    request.values_files.push((value, data.clone().into()));
                    continue;
                }
                "--kube-version" => {
                    request.kube_version = value;
                    continue;
                }
                "--api-versions" => {
                    request.api_versions = vec![value].into();
                    continue;
                }
                "--set" => SetKind::Set,
                "--set-string" => SetKind::SetString,
                "--set-json" => SetKind::SetJson,
                "--set-literal" => SetKind::SetLiteral,
                other => panic!("unknown flag {other}"),
            };
            request.set.push(SetValue { kind, text: value });
        }
        // Helm takes JSON before the others, whatever their order.
        request.set.sort_by_key(|line| match line.kind {
            SetKind::SetJson => 0,
            SetKind::Set => 1,
            SetKind::SetString => 2,
            SetKind::SetLiteral => 3,
        });
        request
    }

    fn ours(&self) -> String {
        let files = self
            .files
            .iter()
            .map(|(path, text)| (path.as_str(), text.clone()));
        let tree = MemoryTree::new(files);
        let reader = Rooted::new(&tree, Limits::default());
        let request = self.request();
        match template_chart(&reader, &request, &TemplateCache::new()) {
            Ok(rendering) => rendering.output(request.output_options()),
            Err(error) => format!("Error: {}\n", error.to_string().trim_end()),
        }
    }

    /// What real helm prints; its log lines and its hint for rendering errors are left out.
    fn theirs(&self, helm: &Path) -> String {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("charts")
            .join(&self.name);
        let _ = std::fs::remove_dir_all(&folder);
        for (path, text) in &self.files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().expect("files lie in folders")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let output = Command::new(helm)
            .args(["template", "rel", ".", "-n", "ns1"])
            .args(&self.args)
            .current_dir(&folder)
            .output()
            .expect("helm runs");
        if output.status.success() {
            return String::from_utf8_lossy(&output.stdout).into_owned();
        }
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let error = text.find("Error: ").map_or(text.as_str(), |at| &text[at..]);
        let hint = "\n\nUse --debug flag to render out invalid YAML";
        error.replace(hint, "").trim_end().to_owned() + "\n"
    }
}

/// A helm of the version that the recorded answers are from.
fn helm() -> Option<PathBuf> {
    let helm = argosy_testkit::realapi::tool("helm").unwrap_or_else(|| "helm".into());
    let output = Command::new(&helm).arg("version").output().ok()?;
    String::from_utf8_lossy(&output.stdout)
        .contains("v4.1.4")
        .then_some(helm)
}

/// The faults of a schema come in the order of a Go map: another one each time.
fn ordered(said: &str) -> String {
    if !said.starts_with("Error: values don't meet the specifications") {
        return said.to_owned();
    }
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn charts_render_as_helm_renders_them() {
    let helm = helm();
    if helm.is_none() {
        argosy_testkit::realapi::skipped("comparison with helm", "no helm 4.1.4");
    }
    let (mut report, mut count) = (String::new(), 0);
    for case in cases() {
        count += 1;
        let path = folder().join(format!("{}.out", case.name));
        if let Some(helm) = &helm {
            let theirs = case.theirs(helm);
            if std::env::var_os("ARGOSY_UPDATE").is_some() {
                std::fs::write(&path, &theirs).expect("written");
            }
            assert_eq!(
                ordered(&read(&path)),
                ordered(&theirs),
                "helm no longer says so of {}",
                case.name
            );
        }
        let (ours, recorded) = (case.ours(), read(&path));
        if ours != recorded {
            let name = &case.name;
            let _ = writeln!(report, "=== {name}\n--- helm\n{recorded}\n--- ours\n{ours}");
        }
    }
    assert!(report.is_empty(), "{report}");
    assert!(count > 40, "only {count} cases");
}
