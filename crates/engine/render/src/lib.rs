//! One function from a tree and options to objects, whatever the tool.
//!
//! [`render`] is pure: it reads a local, immutable tree, and what that tree does not hold it
//! asks for as [`Need`]s; the caller answers and calls again. Everything it looked at stands in
//! [`Rendered::reads`], so a caller can tell whether a new revision would render the same.
#![warn(missing_docs)]

mod charts;
mod concatenate;
mod detect;
mod directory;
mod environment;
mod error;
mod flux;
mod helm;
mod jsonnet;
mod kustomize;
mod overrides;
mod request;

pub use argosy_kustomize::{Remote, RemoteChart, RemoteFile, RemoteTree};
pub use concatenate::{Concatenated, concatenate};
pub use detect::Tool;
pub use error::RenderError;
pub use flux::{FluxRequest, render_flux};
pub use request::{
    Answers, Caches, ChartNeed, Facts, Need, Rendered, Request, Seed, Step, ToolSettings,
};

use argosy_tree::{Limits, ReadSet, RelPath, Rooted, Tree, TreeError};
use std::collections::BTreeMap;

/// Renders one source.
///
/// Returns [`Step::Needs`] where something is missing that `answers` does not hold yet; calling
/// again with the answers goes on.
///
/// # Errors
/// [`RenderError`], with the file and, where there is one, the line.
pub fn render(
    request: &Request,
    tree: &dyn Tree,
    answers: &Answers,
    caches: &Caches,
) -> Result<Step, RenderError> {
    let reader = Rooted::new(tree, Limits::default());
    let path = app_path(&reader, &request.source.path)?;
    let source = overrides::apply(&reader, &path, request)?;
    let tool = detect::tool(&reader, &path, &source, &request.tools)?;
    let environment = environment::Environment::of(request, &source);
    let outcome = match tool {
        Tool::Helm => helm::render(
            &reader,
            &path,
            &source,
            request,
            &environment,
            answers,
            caches,
        )?,
        Tool::Kustomize => {
            let about = (request, &environment);
            kustomize::render(&reader, &path, &source, about, answers)?
        }
        Tool::Directory => {
            let skips_jsonnet = request.tools.disabled.contains(&Tool::Directory);
            directory::render(&reader, &path, &source, &environment, skips_jsonnet)?
        }
    };
    Ok(match outcome {
        Outcome::Needs(needs) => Step::Needs(needs),
        Outcome::Objects(objects) => Step::Done(Rendered {
            objects: objects.objects,
            findings: objects.findings,
            reads: reader.reads(),
            reference_reads: objects.reference_reads,
            remote_reads: objects.remote_reads,
            remote_files: objects.remote_files,
            facts: Facts {
                capabilities: tool == Tool::Helm || objects.used_capabilities,
            },
            tool,
        }),
    })
}

/// What a tool made of its files.
pub(crate) enum Outcome {
    Needs(Vec<Need>),
    Objects(Objects),
}

#[derive(Default)]
pub(crate) struct Objects {
    objects: Vec<(argosy_object::Object, argosy_object::Origin)>,
    findings: Vec<argosy_object::Finding>,
    reference_reads: BTreeMap<argosy_object::Str, ReadSet>,
    remote_reads: BTreeMap<RemoteTree, ReadSet>,
    remote_files: BTreeMap<RemoteFile, argosy_object::Digest>,
    used_capabilities: bool,
}

/// The application's folder: it must be there and be a folder.
fn app_path(reader: &Rooted<'_>, text: &str) -> Result<RelPath, RenderError> {
    let path = RelPath::new(text).map_err(|_| RenderError::PathOutside { path: text.into() })?;
    match reader.look(&path) {
        Ok(Some(node)) if node.mode == argosy_tree::Mode::Dir => Ok(path),
        Ok(Some(_)) => Err(RenderError::PathNotDirectory { path: text.into() }),
        Ok(None) => Err(RenderError::PathMissing { path: text.into() }),
        Err(error @ TreeError::Outside { .. }) => Err(RenderError::Tree(error)),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
