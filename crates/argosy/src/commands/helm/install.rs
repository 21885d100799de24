//! `argosy helm install`: the first revision of a release.

use super::charts::ChartFlags;
use super::flags::{Context, ValueFlags};
use super::kube::{block_on, connect, interruptible};
use super::operate::{Format, RevisionFlags, arguments, chart, random_seed};
use super::view::{Shown, release_json, release_text, release_yaml};
use super::{HelmFailure, Outcome};
use argosy_helm::release::{Release, generated_name};
use argosy_helm::{Chart, GoTime, Table, name_of_template};
use argosy_release::{InstallRequest, Options, ServerSide};
use clap::Args;

/// Installs a chart, as `helm install` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm install web ./chart -n shop --create-namespace
  argosy helm install web ./chart --set replicas=3 --wait
  argosy helm install web ./chart --dry-run=server")]
pub struct InstallCommand {
    /// [NAME] CHART: a folder, an archive, a URL or REPOSITORY/CHART
    #[arg(value_names = ["NAME", "CHART"], num_args = 0..)]
    args: Vec<String>,
    #[command(flatten)]
    values: ValueFlags,
    #[command(flatten)]
    source: ChartFlags,
    #[command(flatten)]
    revision: RevisionFlags,
    /// Apply on the server
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", action = clap::ArgAction::Set)]
    server_side: bool,
    /// Take a name again that was uninstalled or that failed
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    replace: bool,
    /// No NAME is given
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    generate_name: bool,
    /// Template of the release's name
    #[arg(long, value_name = "TEMPLATE")]
    name_template: Option<String>,
}

impl InstallCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        if self.args.is_empty() {
            return arguments("install", "at least 1 argument", "[NAME] [CHART] [flags]");
        }
        let format = self.revision.format()?;
        let options = self.revision.resolve(context)?;
        let options = Options {
            server_side: if self.server_side {
                ServerSide::Yes
            } else {
                ServerSide::No
            },
            ..options
        };
        let installed = self
            .install(context, options)
            .map_err(|HelmFailure(text)| format!("INSTALLATION FAILED: {text}"))?;
        show(context, &installed, format, self.revision.hide_notes)
    }

    fn install(&self, context: &Context<'_>, options: Options) -> Result<Release, HelmFailure> {
        let (name, place) = self.name_and_chart()?;
        let located = chart(
            &self.source,
            &place,
            self.revision.dependency_update,
            context,
        )?;
        let values = self.values.merge()?;
        check_installable(&located.chart)?;
        let request = request(
            name,
            located.chart,
            values,
            (&self.revision, context),
            options,
        )?;
        let request = InstallRequest {
            replace: self.replace,
            ..request
        };
        run(context, request)
    }

    /// Compat: `Install.NameAndChart`.
    fn name_and_chart(&self) -> Result<(String, String), HelmFailure> {
        let template = self
            .name_template
            .as_deref()
            .filter(|text| !text.is_empty());
        match self.args.as_slice() {
            [_, _, rest @ ..] if !rest.is_empty() => Err(format!(
                "expected at most two arguments, unexpected arguments: {}",
                rest.join(", ")
            )
            .into()),
            [_, _] if self.generate_name => {
                Err("cannot set --generate-name and also specify a name".into())
            }
            [_, _] if template.is_some() => {
                Err("cannot set --name-template and also specify a name".into())
            }
            [name, chart] => Ok((name.clone(), chart.clone())),
            [chart, ..] => {
                let name = match template {
                    Some(template) => {
                        let now = GoTime::new(jiff::Zoned::now());
                        name_of_template(template, &now, random_seed()?)?
                    }
                    None if self.generate_name => {
                        generated_name(chart, jiff::Timestamp::now().as_second())
                    }
                    None => {
                        return Err("must either provide a name or specify --generate-name".into());
                    }
                };
                Ok((name, chart.clone()))
            }
            [] => Err("no chart is given".into()),
        }
    }
}

/// Compat: `checkIfInstallable`.
fn check_installable(chart: &Chart) -> Outcome {
    match chart.metadata.kind.as_str() {
        "" | "application" => Ok(()),
        kind => Err(format!("{kind} charts are not installable").into()),
    }
}

/// An installation as install's and upgrade's flags ask for it.
pub(super) fn request(
    name: String,
    chart: Chart,
    values: Table,
    (flags, context): (&RevisionFlags, &Context<'_>),
    options: Options,
) -> Result<InstallRequest, HelmFailure> {
    Ok(InstallRequest {
        name,
        chart,
        values,
        labels: flags.labels()?,
        replace: false,
        create_namespace: flags.create_namespace,
        skip_crds: flags.skip_crds,
        hide_secret: flags.hide_secret,
        subchart_notes: flags.render_subchart_notes,
        skip_schema_validation: flags.skip_schema_validation,
        seed: random_seed()?,
        outside: flags.outside.resolve(context)?,
        options,
    })
}

/// Installs.
pub(super) fn run(context: &Context<'_>, request: InstallRequest) -> Result<Release, HelmFailure> {
    block_on(context, async {
        let connected = connect(context)?;
        let name = request.name.clone();
        let work = connected.releases.install(request);
        let done = interruptible(&connected.stop, &name, work).await;
        done.map_err(|failed| HelmFailure::from(failed.error))
    })
}

/// Shows a revision that was made.
pub(super) fn show(
    context: &Context<'_>,
    release: &Release,
    format: Format,
    hides_notes: bool,
) -> Outcome {
    let shown = Shown {
        values: context.is_debug,
        hides_notes,
        ..Shown::default()
    };
    context.print(&match format {
        Format::Table => release_text(release, None, shown)?,
        Format::Json => release_json(release, None),
        Format::Yaml => release_yaml(release, None)?,
    })
}
