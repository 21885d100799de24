//! What of a rendering is shown, and as which text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::error::HelmError;
use crate::glob::path_match;
use crate::manifest::{Hook, Manifest, split};
use crate::render::Rendering;

/// What `helm template` leaves out or puts in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputOptions {
    /// `--include-crds`
    pub include_crds: bool,
    /// `--skip-tests`
    pub skip_tests: bool,
    /// `--no-hooks`
    pub no_hooks: bool,
}

impl Rendering {
    /// The stream that `helm template` prints, byte for byte.
    pub fn output(&self, options: OutputOptions) -> String {
        let mut out = String::with_capacity(self.output_size(options));
        let mut crds = self.crds.iter().filter(|_| options.include_crds);
        crds.try_for_each(|(path, text)| document(&mut out, path, text))
            .and_then(|()| {
                let mut manifests = self.manifests.iter();
                manifests.try_for_each(|found| document(&mut out, &found.source, &found.text))
            })
            .expect("writing to a text does not fail");
        let start = out.len() - out.trim_start().len();
        out.drain(..start);
        out.truncate(out.trim_end().len());
        out.push('\n');
        for hook in self.hooks(options) {
            document(&mut out, &hook.manifest.source, &hook.manifest.text)
                .expect("writing to a text does not fail");
        }
        out
    }

    /// About as many bytes as the stream has, and no fewer.
    fn output_size(&self, options: OutputOptions) -> usize {
        const HEAD: usize = "---\n# Source: \n\n".len();
        let crds = self.crds.iter().filter(|_| options.include_crds);
        let crds = crds.map(|(path, text)| path.len() + text.len() + HEAD);
        let hooks = self.hooks(options).map(|hook| &hook.manifest);
        let manifests = self.manifests.iter().chain(hooks);
        let manifests = manifests.map(|found| found.source.len() + found.text.len() + HEAD);
        crds.chain(manifests).sum()
    }

    /// The hooks that the stream has.
    pub fn hooks(&self, options: OutputOptions) -> impl Iterator<Item = &Hook> {
        let hooks = self.hooks.iter().filter(move |_| !options.no_hooks);
        hooks.filter(move |hook| !(options.skip_tests && hook.is_test()))
    }

    /// What `helm template --show-only` prints: the documents of the stream whose templates
    /// match one of the patterns, pattern by pattern. The first part of a template's path, the
    /// chart's name, is not in the pattern.
    ///
    /// # Errors
    /// In Helm's words, where a pattern matches nothing.
    pub fn show_only(
        &self,
        options: OutputOptions,
        patterns: &[String],
    ) -> Result<String, HelmError> {
        let stream = self.output(options);
        let documents = split(&stream);
        let mut out = String::new();
        for pattern in patterns {
            let before = out.len();
            for text in &documents {
                let source = source_of(text);
                if source.is_some_and(|path| path_match(pattern, path) == Some(true)) {
                    out.push_str(&format!("---\n{text}\n"));
                }
            }
            if out.len() == before {
                let text = format!("could not find template {pattern} in chart");
                return Err(HelmError::Values(text));
            }
        }
        Ok(out)
    }

    /// Manifests and hooks by template, for tests and tools.
    pub fn by_source(&self) -> BTreeMap<&str, Vec<&Manifest>> {
        let mut map: BTreeMap<&str, Vec<&Manifest>> = BTreeMap::new();
        let hooks = self.hooks.iter().map(|hook| &hook.manifest);
        for manifest in self.manifests.iter().chain(hooks) {
            map.entry(&manifest.source).or_default().push(manifest);
        }
        map
    }
}

/// Writes a document of the stream.
fn document(out: &mut String, source: &str, text: &str) -> std::fmt::Result {
    write!(out, "---\n# Source: {source}\n{text}\n")
}

/// The template's path in the first comment that tells it, without the chart's name.
fn source_of(text: &str) -> Option<&str> {
    text.match_indices("# Source: ").find_map(|(at, mark)| {
        let (chart, path) = text[at + mark.len()..].split_once('/')?;
        let path = path.split('\n').next().unwrap_or_default();
        (!chart.is_empty() && !path.is_empty()).then_some(path)
    })
}
