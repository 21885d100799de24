//! Plain manifests in a folder.

use crate::environment::Environment;
use crate::error::RenderError;
use crate::{Objects, Outcome, jsonnet};
use argosy_crds::Source;
use argosy_glob::Glob;
use argosy_tree::{Mode, RelPath, Rooted};
use argosy_yaml::Limits;

/// A file with this text anywhere in it is left out.
const SKIP_MARKER: &str = "+argocd:skip-file-rendering";

/// Reads every manifest of a folder.
///
/// Compat: Argo CD ignores a file that is no manifest and does not look like one. Here it is an
/// error that says how to leave the file out: the objects of a manifest that was broken would
/// otherwise be pruned.
pub(crate) fn render(
    reader: &Rooted<'_>,
    path: &RelPath,
    source: &Source,
    environment: &Environment,
    skips_jsonnet: bool,
) -> Result<Outcome, RenderError> {
    let options = source.directory.clone().unwrap_or_default();
    let filter = Filter {
        include: (!options.include.is_empty()).then(|| Glob::new(&options.include, None)),
        exclude: (!options.exclude.is_empty()).then(|| Glob::new(&options.exclude, None)),
    };
    let evaluator = jsonnet::Evaluator::new(
        reader,
        path,
        &options.jsonnet.clone().unwrap_or_default(),
        environment,
    )?;
    let limits = Limits::default();
    let mut all = Objects::default();
    for file in files(reader, path, options.recurse)? {
        let below = file.strip(path).unwrap_or(file.as_str());
        let extension = extension(file.name());
        let is_manifest = matches!(extension, "yaml" | "yml" | "json" | "jsonnet");
        if !is_manifest && !options.disable_extension_filter
            || extension == "jsonnet" && skips_jsonnet
            || !filter.takes(below)
            || file.name().starts_with(".argocd-source")
        {
            continue;
        }
        let bytes = reader.read(&file)?;
        let text = argosy_yaml::text_of(file.as_str(), &bytes, &limits)?;
        if text.contains(SKIP_MARKER) {
            continue;
        }
        let objects = if extension == "jsonnet" {
            evaluator.objects(&file, &text)?
        } else {
            argosy_yaml::parse_stream(file.as_str(), text.as_bytes(), &limits)
                .map_err(RenderError::Manifest)?
        };
        all.objects.extend(objects);
    }
    Ok(Outcome::Objects(all))
}

/// The files of a folder, in the order of a walk: folder by folder, each sorted by name; with
/// `recurse` those below it too.
fn files(reader: &Rooted<'_>, path: &RelPath, recurse: bool) -> Result<Vec<RelPath>, RenderError> {
    if recurse {
        let mut files = reader.walk(path)?;
        files.sort_by(|a, b| a.parts().cmp(b.parts()));
        return Ok(files);
    }
    let mut files = Vec::new();
    for (name, mode) in reader.names(path)? {
        let child = path.child(&name);
        let is_file = match mode {
            Mode::File | Mode::Executable => true,
            Mode::Link => reader.is_file(&child)?,
            Mode::Dir | Mode::Submodule => false,
        };
        if is_file {
            files.push(child);
        }
    }
    Ok(files)
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// `include` and `exclude`, matched against the path below the application's folder, in which
/// `*` crosses slashes.
struct Filter {
    include: Option<Glob>,
    exclude: Option<Glob>,
}

impl Filter {
    fn takes(&self, below: &str) -> bool {
        self.exclude
            .as_ref()
            .is_none_or(|glob| !glob.matches(below))
            && self.include.as_ref().is_none_or(|glob| glob.matches(below))
    }
}
