//! `argosy helm get`: what is recorded of a release.

use super::flags::Context;
use super::kube::{block_on, connect};
use super::operate::{Format, arguments};
use super::view::{Shown, all_values, given_values, hooks_text, release_text, yaml};
use super::{HelmFailure, Outcome};
use argosy_helm::release::{Release, show_by_template};
use argosy_object::Value as Json;
use clap::{Args, Subcommand};
use std::fmt::Write as _;

/// Shows what is recorded of a release, as `helm get` does.
#[derive(Subcommand)]
pub enum GetCommand {
    /// Everything
    All(AllArgs),
    /// The hooks
    Hooks(GetArgs),
    /// The objects
    Manifest(GetArgs),
    /// Chart, labels and state
    Metadata(FormattedArgs),
    /// The notes
    Notes(GetArgs),
    /// The values
    Values(ValuesArgs),
}

/// Which revision.
#[derive(Args)]
pub struct GetArgs {
    /// Release
    #[arg(value_name = "RELEASE", num_args = 0..)]
    args: Vec<String>,
    /// Revision; 0 is the last
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    revision: i64,
}

/// Which revision, and how it is shown.
#[derive(Args)]
pub struct AllArgs {
    #[command(flatten)]
    get: GetArgs,
    /// Go template over `.Release`
    #[arg(
        long,
        value_name = "TEMPLATE",
        default_value = "",
        hide_default_value = true
    )]
    template: String,
}

/// Which revision, and in which format.
#[derive(Args)]
pub struct FormattedArgs {
    #[command(flatten)]
    get: GetArgs,
    /// Format of the answer: table, json or yaml
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: String,
}

/// Which values.
#[derive(Args)]
pub struct ValuesArgs {
    #[command(flatten)]
    formatted: FormattedArgs,
    /// The chart's values, too
    #[arg(short, long)]
    all: bool,
}

impl GetCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        match self {
            Self::All(args) => {
                let release = args.get.read("all", context)?;
                if !args.template.is_empty() {
                    return context.print(&show_by_template(&release, &args.template)?);
                }
                let shown = Shown {
                    metadata: true,
                    values: true,
                    hides_notes: false,
                };
                context.print(&release_text(&release, None, shown)?)
            }
            Self::Hooks(args) => context.print(&hooks_text(&args.read("hooks", context)?)),
            Self::Manifest(args) => {
                let release = args.read("manifest", context)?;
                context.print(&format!("{}\n", release.manifest))
            }
            Self::Notes(args) => match args.read("notes", context)?.info.notes {
                notes if notes.is_empty() => Ok(()),
                notes => context.print(&format!("NOTES:\n{notes}\n")),
            },
            Self::Metadata(args) => {
                let format = Format::parse(&args.output)?;
                let release = args.get.read("metadata", context)?;
                context.print(&metadata(&release, format)?)
            }
            Self::Values(args) => args.run(context),
        }
    }
}

impl GetArgs {
    fn read(&self, verb: &str, context: &Context<'_>) -> Result<Release, HelmFailure> {
        let [name] = self.args.as_slice() else {
            let usage = "RELEASE_NAME [flags]";
            arguments(&format!("get {verb}"), "1 argument", usage)?;
            return Err("no release is named".into());
        };
        block_on(context, async {
            let connected = connect(context)?;
            Ok(connected.releases.get(name, self.revision).await?)
        })
    }
}

impl ValuesArgs {
    fn run(&self, context: &Context<'_>) -> Outcome {
        let format = Format::parse(&self.formatted.output)?;
        let release = self.formatted.get.read("values", context)?;
        let values = if self.all {
            all_values(&release)?
        } else {
            given_values(&release)
        };
        context.print(&match format {
            Format::Table if self.all => format!("COMPUTED VALUES:\n{}", yaml(&values)),
            Format::Table => format!("USER-SUPPLIED VALUES:\n{}", yaml(&values)),
            Format::Json => argosy_yaml::write_json_go(&values) + "\n",
            Format::Yaml => yaml(&values),
        })
    }
}

fn metadata(release: &Release, format: Format) -> Result<String, String> {
    if !release.chart["metadata"].is_object() {
        return Err("invalid chart apiVersion".to_owned());
    }
    if format == Format::Table {
        return Ok(metadata_text(release));
    }
    let json = metadata_json(release);
    match format {
        Format::Yaml => {
            let value: Json = json.parse().map_err(|error| format!("{error}"))?;
            Ok(yaml(&value))
        }
        _ => Ok(json + "\n"),
    }
}

fn deployed_at(release: &Release) -> String {
    let never = "0001-01-01T00:00:00Z".to_owned();
    release.info.last_deployed.map_or(never, |at| at.seconds())
}

fn metadata_text(release: &Release) -> String {
    let pairs = |pairs: Vec<(String, String)>| {
        let pairs: Vec<String> = pairs
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        pairs.join(",")
    };
    let annotations = release.chart["metadata"]["annotations"].as_object();
    let annotations = annotations.into_iter().flatten().map(|(key, value)| {
        let value = value.as_str().unwrap_or_default();
        (key.clone(), value.to_owned())
    });
    let dependencies = release.chart["metadata"]["dependencies"].as_array();
    let dependencies = dependencies.into_iter().flatten();
    let mut dependencies: Vec<&str> = dependencies
        .filter_map(|found| found["name"].as_str())
        .collect();
    dependencies.sort_unstable();
    let method = match release.apply_method.as_str() {
        "" => "client-side apply (defaulted)".to_owned(),
        "csa" => "client-side apply".to_owned(),
        "ssa" => "server-side apply".to_owned(),
        other => format!("unknown ({})", super::log::quoted(other)),
    };
    let mut out = String::new();
    for (field, value) in [
        ("NAME", release.name.clone()),
        ("CHART", release.chart_text("name").to_owned()),
        ("VERSION", release.chart_text("version").to_owned()),
        ("APP_VERSION", release.chart_text("appVersion").to_owned()),
        ("ANNOTATIONS", pairs(annotations.collect())),
        (
            "LABELS",
            pairs(release.labels.clone().into_iter().collect()),
        ),
        ("DEPENDENCIES", dependencies.join(",")),
        ("NAMESPACE", release.namespace.clone()),
        ("REVISION", release.version.to_string()),
        ("STATUS", release.info.status.as_str().to_owned()),
        ("DEPLOYED_AT", deployed_at(release)),
        ("APPLY_METHOD", method),
    ] {
        writeln!(out, "{field}: {value}").expect("writing to a text does not fail");
    }
    out
}

/// The fields in the order of helm's struct.
fn metadata_json(release: &Release) -> String {
    let metadata = &release.chart["metadata"];
    let labels: Json = release
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), Json::from(value.as_str())))
        .collect();
    let status = release.info.status.as_str();
    let at = deployed_at(release);
    let is_empty = |value: &Json| match value {
        Json::Object(map) => map.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::String(text) => text.is_empty(),
        value => value.is_null(),
    };
    let dependencies = release.go_dependencies();
    let fields: [(&str, String, bool); 12] = [
        ("name", text(&release.name), false),
        ("chart", text(release.chart_text("name")), false),
        ("version", text(release.chart_text("version")), false),
        ("appVersion", text(release.chart_text("appVersion")), false),
        (
            "annotations",
            argosy_yaml::write_json_go(&metadata["annotations"]),
            is_empty(&metadata["annotations"]),
        ),
        (
            "labels",
            argosy_yaml::write_json_go(&labels),
            is_empty(&labels),
        ),
        (
            "dependencies",
            dependencies,
            is_empty(&metadata["dependencies"]),
        ),
        ("namespace", text(&release.namespace), false),
        ("revision", release.version.to_string(), false),
        ("status", text(status), false),
        ("deployedAt", text(&at), false),
        (
            "applyMethod",
            text(&release.apply_method),
            release.apply_method.is_empty(),
        ),
    ];
    let fields = fields
        .into_iter()
        .filter(|(_, _, is_left_out)| !is_left_out);
    let fields: Vec<String> = fields
        .map(|(name, json, _)| format!("\"{name}\":{json}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn text(text: &str) -> String {
    argosy_yaml::write_json_go(&text.into())
}
