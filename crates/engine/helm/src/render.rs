//! From a loaded chart and a release's options to manifests: the whole of `helm template`.

use std::collections::BTreeMap;
use std::sync::Arc;

use argosy_gotmpl::{GoStr, GoTime, Limits, Value, gofmt};
use argosy_object::{Digest, Value as Json};

use crate::cache::TemplateCache;
use crate::chart::{Chart, is_compatible};
use crate::dependencies;
use crate::engine::{Top, render};
use crate::error::HelmError;
use crate::funcs::{Expired, Lookup, Lookups, RenderEnv};
use crate::hosts::{Capabilities, KubeVersion, VersionSet};
use crate::known::KNOWN_VERSIONS;
use crate::manifest::{Hook, Manifest, sort};
use crate::metadata::fields_map;
use crate::outside::Outside;
use crate::postrender;
use crate::release::name_fault;
use crate::schema;
use crate::values::{Table, coalesce};

/// What a loaded chart is rendered for.
#[derive(Clone)]
pub struct ReleaseRequest {
    /// `.Release.Name`: a DNS name of at most 53 characters.
    pub release_name: String,
    /// `.Release.Namespace`
    pub namespace: String,
    /// `.Release.Revision`
    pub revision: i64,
    /// `.Release.IsUpgrade`; else `IsInstall`
    pub is_upgrade: bool,
    /// What the user gives (see [`crate::merge_layers`]).
    pub values: Table,
    /// `.Capabilities.KubeVersion`
    pub kube_version: KubeVersion,
    /// API versions besides those that Helm always assumes (`monitoring.coreos.com/v1`).
    pub api_versions: Vec<String>,
    /// Whether the API versions are all that a cluster has, so that nothing is assumed.
    pub is_live: bool,
    /// Whether values.schema.json is left alone.
    pub skip_schema_validation: bool,
    /// Whether it is only looked for faults: the release is neither installed nor upgraded, and
    /// `required` and `fail` let pass.
    pub is_lint: bool,
    /// What `lookup` finds.
    pub lookups: Lookups,
    /// What `now` gives.
    pub now: GoTime,
    /// What random functions start from: whoever knows it knows what they give. The chart's and the
    /// release's names and the template are mixed into it, but neither values nor versions: what
    /// was drawn once must not change with something else.
    pub seed: Digest,
    /// How much templates may do.
    pub limits: Limits,
    /// Whether the time for it is used up.
    pub expired: Option<Expired>,
    /// What is there beside the chart.
    pub outside: Outside,
}

impl ReleaseRequest {
    /// A first install with nothing special. The clock stands at the epoch until set.
    pub fn new(release_name: impl Into<String>, namespace: impl Into<String>) -> Self {
        let epoch = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        Self {
            release_name: release_name.into(),
            namespace: namespace.into(),
            revision: 1,
            is_upgrade: false,
            values: Table::new(),
            kube_version: KubeVersion::default(),
            api_versions: Vec::new(),
            is_live: false,
            skip_schema_validation: false,
            is_lint: false,
            lookups: Lookups::Off,
            now: GoTime::new(epoch),
            seed: Digest::of(b""),
            limits: Limits {
                depth: 5_000,
                ..Limits::default()
            },
            expired: None,
            outside: Outside::default(),
        }
    }
}

/// A rendered chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendering {
    /// The chart's name: paths of templates begin with it.
    pub chart: String,
    /// Manifests in install order.
    pub manifests: Vec<Manifest>,
    /// Hooks in install order of their kinds.
    pub hooks: Vec<Hook>,
    /// Files of `crds/`, by the path that Helm shows, subcharts' after their parents'.
    pub crds: Vec<(String, String)>,
    /// The chart with aliases, conditions and imported values applied: what a record keeps.
    pub release_chart: Chart,
    /// The chart's own NOTES.txt.
    pub notes: String,
    /// NOTES.txt of the chart and its subcharts, by path.
    pub all_notes: String,
    /// The values that the templates saw.
    pub values: Table,
    /// What a person should know: a reason in CamelCase and the sentence.
    pub warnings: Vec<(&'static str, String)>,
}

/// How far a rendering came.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// To the end.
    Done(Box<Rendering>),
    /// It asked for these looks into the cluster: answer them and call again.
    Needs(Vec<Lookup>),
}

/// Renders a chart.
///
/// # Errors
/// In the words of `helm template`, without its `Error: ` in front.
pub fn render_release(
    chart: &Chart,
    request: &ReleaseRequest,
    cache: &TemplateCache,
) -> Result<Step, HelmError> {
    check(chart, request)?;
    let mut warnings = Vec::new();
    if chart.metadata.deprecated {
        warnings.push(("DeprecatedChart", "this chart is deprecated".to_owned()));
    }
    let RenderedTexts {
        chart,
        values,
        mut files,
    } = match render_texts(chart, request, cache)? {
        Texts::Done(texts) => *texts,
        Texts::Needs(wanted) => return Ok(Step::Needs(wanted)),
    };
    let notes_path = format!("{}/templates/NOTES.txt", chart.name());
    let notes = files
        .get(&notes_path)
        .map(ToString::to_string)
        .unwrap_or_default();
    let all_notes: Vec<String> = files
        .iter()
        .filter(|(path, _)| path.ends_with("NOTES.txt"))
        .map(|(_, text)| text.to_string())
        .filter(|text| !text.is_empty())
        .collect();
    files.retain(|path, _| !path.ends_with("NOTES.txt"));
    if let Some(renderer) = &request.outside.post_renderer {
        files = postrender::apply(&files, renderer)?;
    }
    let (manifests, hooks) = sort(files)?;
    let crds = chart
        .crds()
        .into_iter()
        .map(|(path, file)| (path, String::from_utf8_lossy(&file.data).into_owned()));
    let crds = crds.collect();
    Ok(Step::Done(Box::new(Rendering {
        chart: chart.name().to_owned(),
        manifests,
        hooks,
        crds,
        release_chart: chart,
        notes,
        all_notes: all_notes.join("\n"),
        values,
        warnings,
    })))
}

/// The files of `crds/` that an installation with these values brings, subcharts' after their
/// parents': the path that Helm shows, and the text.
///
/// # Errors
/// Where the chart's dependencies do not fit the values, in Helm's words.
pub fn crds_of(chart: &Chart, values: &Table) -> Result<Vec<(String, String)>, HelmError> {
    let mut chart = chart.clone();
    dependencies::process(&mut chart, values).map_err(of_dependencies)?;
    let crds = chart.crds().into_iter();
    Ok(crds
        .map(|(path, file)| (path, String::from_utf8_lossy(&file.data).into_owned()))
        .collect())
}

fn of_dependencies(error: HelmError) -> HelmError {
    match error {
        HelmError::Values(text) => {
            HelmError::Values(format!("chart dependencies processing failed: {text}"))
        }
        other => other,
    }
}

/// What templates made, before it is cut into manifests.
pub(crate) enum Texts {
    Done(Box<RenderedTexts>),
    Needs(Vec<Lookup>),
}

/// Rendered files by template, with the chart that its dependencies were sorted out of.
pub(crate) struct RenderedTexts {
    pub chart: Chart,
    pub values: Table,
    pub files: BTreeMap<String, GoStr>,
}

/// Renders the templates of a chart that is known to be installable.
pub(crate) fn render_texts(
    chart: &Chart,
    request: &ReleaseRequest,
    cache: &TemplateCache,
) -> Result<Texts, HelmError> {
    let mut chart = chart.clone();
    dependencies::process(&mut chart, &request.values).map_err(of_dependencies)?;
    let values = coalesce(&chart, &request.values)?;
    if !request.skip_schema_validation {
        schema::check(&chart, &values).map_err(HelmError::Values)?;
    }
    let wanted = &chart.metadata.kube_version;
    let given = &request.kube_version;
    if !request.is_lint && !wanted.is_empty() && !is_compatible(wanted, &given.normalized) {
        let given = &given.version;
        return Err(HelmError::Incompatible(format!(
            "chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {given}"
        )));
    }
    let mut env = environment(&chart, request);
    let files = render(
        &chart,
        &top(request, &values),
        cache,
        &mut env,
        &request.limits,
    )?;
    if !env.wanted.is_empty() {
        return Ok(Texts::Needs(env.wanted.into_iter().collect()));
    }
    Ok(Texts::Done(Box::new(RenderedTexts {
        chart,
        values,
        files,
    })))
}

/// The rendered files one after the other, whether they are manifests or not: what `helm
/// template --debug` shows where they are none.
///
/// # Errors
/// As [`render_release`], but that nothing is wrong with a file that is no manifest.
pub fn render_unsorted(
    chart: &Chart,
    request: &ReleaseRequest,
    cache: &TemplateCache,
) -> Result<String, HelmError> {
    check(chart, request)?;
    let mut out = String::new();
    if let Texts::Done(texts) = render_texts(chart, request, cache)? {
        for (path, text) in &texts.files {
            let text = text.lossy();
            if !path.ends_with("NOTES.txt") && !text.trim().is_empty() {
                out.push_str(&format!("---\n# Source: {path}\n{text}\n"));
            }
        }
    }
    Ok(out)
}

/// What is wrong before anything is rendered.
fn check(chart: &Chart, request: &ReleaseRequest) -> Result<(), HelmError> {
    if chart.is_library() {
        return Err(HelmError::Chart(
            "library charts are not installable".into(),
        ));
    }
    let missing = chart.missing_dependencies();
    if !missing.is_empty() {
        return Err(HelmError::Chart(format!(
            "an error occurred while checking for chart dependencies. You may need to run `helm \
             dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in \
             charts/ directory: {}",
            missing.join(", ")
        )));
    }
    if let Some(fault) = name_fault(&request.release_name) {
        let name = gofmt::sprintf("%q", &[Value::str(request.release_name.as_str())]);
        return Err(HelmError::Values(format!(
            "release name check failed: release name {name}: {fault}"
        )));
    }
    Ok(())
}

fn top(request: &ReleaseRequest, values: &Table) -> Top {
    let known = KNOWN_VERSIONS.iter().filter(|_| !request.is_live);
    let versions = known.map(ToString::to_string);
    let versions = versions
        .chain(request.api_versions.iter().cloned())
        .collect();
    Top {
        values: Value::from_json(&Json::Object(values.clone())),
        release: Value::map(fields_map([
            ("Name", request.release_name.as_str().into()),
            ("Namespace", request.namespace.as_str().into()),
            ("IsUpgrade", request.is_upgrade.into()),
            (
                "IsInstall",
                (!request.is_upgrade && !request.is_lint).into(),
            ),
            ("Revision", request.revision.into()),
            ("Service", "Helm".into()),
        ])),
        capabilities: Value::Host(Arc::new(Capabilities {
            kube_version: request.kube_version.clone(),
            api_versions: VersionSet(Arc::new(versions)),
        })),
    }
}

/// Randomness depends on the seed and on what is named here, and on nothing else.
fn environment(chart: &Chart, request: &ReleaseRequest) -> RenderEnv {
    let parts: [&[u8]; 4] = [
        &request.seed.0,
        chart.name().as_bytes(),
        request.release_name.as_bytes(),
        request.namespace.as_bytes(),
    ];
    let seed = Digest::of_parts(parts);
    let mut env = RenderEnv::new(
        request.now.clone(),
        seed,
        request.lookups.clone(),
        request.expired.clone(),
    );
    env.is_lenient = request.is_lint;
    env.resolve.clone_from(&request.outside.resolve);
    env
}
