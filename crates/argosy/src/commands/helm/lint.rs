//! `argosy helm lint`: what is wrong with charts.

use super::flags::{Context, ValueFlags, read_file};
use super::{HelmFailure, Outcome, io_text};
use argosy_git::DiskTree;
use argosy_helm::{KubeVersion, LintMessage, LintRequest, Severity, Table, lint, unpack_archive};
use argosy_oci::MAX_ARCHIVE_BYTES;
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted, Tree};
use clap::Args;
use std::path::{Path, PathBuf};

/// Looks for faults in charts, as `helm lint` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm lint ./chart
  argosy helm lint ./chart -f values-eu.yaml --strict")]
pub struct LintCommand {
    /// Folders or archives of charts
    #[arg(value_name = "PATH", num_args = 0..)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    values: ValueFlags,
    /// Warnings are faults, too
    #[arg(long)]
    strict: bool,
    /// Charts in charts/, too
    #[arg(long)]
    with_subcharts: bool,
    /// Only warnings and errors
    #[arg(long)]
    quiet: bool,
    /// Leave values.schema.json alone
    #[arg(long)]
    skip_schema_validation: bool,
    /// Version of Kubernetes for the templates and for what is deprecated
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
}

impl LintCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        if self.paths.is_empty() {
            let text =
                "\"helm lint\" requires at least 1 argument\n\nUsage:  helm lint PATH [flags]";
            return Err(text.into());
        }
        let kube_version = match self.kube_version.as_deref() {
            None | Some("") => KubeVersion::default(),
            Some(version) => KubeVersion::parse(version)
                .map_err(|text| format!("invalid kube version '{version}': {text}"))?,
        };
        let mut paths = self.paths.clone();
        if self.with_subcharts {
            for path in &self.paths {
                subcharts(&path.join("charts"), 0, &mut paths);
            }
        }
        let values = self.values.merge()?;
        let lowest = if self.strict {
            Severity::Warning
        } else {
            Severity::Error
        };
        let (mut out, mut failed, mut noticed) = (String::new(), 0, 0);
        for path in &paths {
            let result = self.one(path, &values, &kube_version, context);
            let (messages, error) = match result {
                Ok(messages) => (messages, None),
                Err(HelmFailure(text)) => (Vec::new(), Some(text)),
            };
            let is_noticed =
                error.is_some() || messages.iter().any(|m| m.severity > Severity::Info);
            noticed += usize::from(is_noticed);
            if self.quiet && !is_noticed {
                continue;
            }
            out.push_str(&format!("==> Linting {}\n", path.display()));
            if let Some(text) = &error {
                out.push_str(&format!("Error {text}\n"));
            }
            for message in &messages {
                if !self.quiet || message.severity > Severity::Info {
                    out.push_str(&format!("{message}\n"));
                }
            }
            let is_failed = error.is_some() || messages.iter().any(|m| m.severity >= lowest);
            failed += usize::from(is_failed);
            out.push('\n');
        }
        let count = paths.len();
        let summary = format!("{count} chart(s) linted, {failed} chart(s) failed");
        if failed > 0 {
            context.print(&out)?;
            return Err(summary.into());
        }
        if !self.quiet || noticed > 0 {
            out.push_str(&format!("{summary}\n"));
        }
        context.print(&out)
    }

    fn one(
        &self,
        path: &Path,
        values: &Table,
        kube_version: &KubeVersion,
        context: &Context<'_>,
    ) -> Result<Vec<LintMessage>, HelmFailure> {
        let shown = path.to_string_lossy().into_owned();
        let is_packed = shown.ends_with(".tgz") || shown.ends_with(".tar.gz");
        let tree: Box<dyn Tree> = if is_packed {
            let data = read_file(path, MAX_ARCHIVE_BYTES)
                .map_err(|text| format!("unable to open tarball: {text}"))?;
            let files = unpack_archive(&data)
                .map_err(|error| format!("unable to extract tarball: {error}"))?;
            let files = files.into_iter().map(|file| (file.name, file.data));
            Box::new(MemoryTree::new(files))
        } else {
            let file = path.join("Chart.yaml");
            if let Err(error) = std::fs::metadata(&file) {
                let text = io_text("stat", &file.to_string_lossy(), &error);
                return Err(format!("unable to check Chart.yaml file in chart: {text}").into());
            }
            let tree = DiskTree::open(path).map_err(|error| io_text("open", &shown, &error))?;
            Box::new(tree)
        };
        let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let request = LintRequest {
            chart_dir: absolute.to_string_lossy().into_owned(),
            namespace: context.namespace(),
            values: values.clone(),
            kube_version: kube_version.clone(),
            skip_schema_validation: self.skip_schema_validation,
        };
        let reader = Rooted::new(&*tree, Limits::default());
        Ok(lint(&reader, &RelPath::root(), &request)?)
    }
}

/// Collects charts below a folder, packed or not.
fn subcharts(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    const MAX_DEPTH: usize = 32;
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    names.sort();
    for path in names {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Links are not followed: `symlink_metadata` tells of the link itself.
        let is_dir = std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
        if name == "Chart.yaml" {
            found.push(dir.to_owned());
        } else if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
            found.push(path);
        } else if is_dir && depth < MAX_DEPTH {
            subcharts(&path, depth + 1, found);
        }
    }
}
