//! `argosy helm test`: runs the tests of a release.

use super::flags::Context;
use super::kube::{block_on, connect, interruptible};
use super::operate::{arguments, duration};
use super::view::{Shown, release_text};
use super::{HelmFailure, Outcome, printable};
use argosy_helm::release::Release;
use argosy_release::{Releases, TestRequest};
use clap::Args;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Runs the tests of a release, as `helm test` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm test web -n shop --logs")]
pub struct TestCommand {
    /// Release
    #[arg(value_name = "RELEASE", num_args = 0..)]
    args: Vec<String>,
    /// Longest wait for a test
    #[arg(long, value_name = "DURATION", default_value = "5m0s")]
    timeout: String,
    /// Show the logs of the tests' pods
    #[arg(long)]
    logs: bool,
    /// Only tests of a name (name=NAME), or all but those (!name=NAME) (repeatable)
    #[arg(long, value_name = "FILTER", value_delimiter = ',')]
    filter: Vec<String>,
}

impl TestCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        let [name] = self.args.as_slice() else {
            return arguments("test", "1 argument", "[RELEASE] [flags]");
        };
        let (mut only, mut without) = (Vec::new(), Vec::new());
        for filter in &self.filter {
            let negated = filter.strip_prefix('!').map(str::trim_start);
            if let Some(name) = filter.strip_prefix("name=") {
                only.push(name.to_owned());
            } else if let Some(name) = negated.and_then(|rest| rest.strip_prefix("name=")) {
                without.push(name.to_owned());
            }
        }
        let request = TestRequest {
            name: name.clone(),
            only,
            without,
            timeout: duration(&self.timeout, "--timeout")?,
        };
        // What fails while the tests' outcome is shown.
        let fault = Mutex::new(None);
        let outcome = block_on(context, async {
            let connected = connect(context)?;
            let releases = &connected.releases;
            let shown = &request;
            let show =
                |release: Release| -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
                    Box::pin(async {
                        if let Err(text) = self.show(context, releases, shown, release).await {
                            *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
                        }
                    })
                };
            let work = releases.test(request.clone(), &show);
            let done = interruptible(&connected.stop, name, work).await;
            Ok(done.map_err(|failed| failed.error.to_string()))
        })?;
        let fault = fault.into_inner().unwrap_or_else(PoisonError::into_inner);
        let fault: Option<String> = fault;
        match (outcome, fault) {
            (Err(error), Some(fault)) => Err(format!("{error}\n{fault}").into()),
            (Err(text), None) | (Ok(_), Some(text)) => Err(HelmFailure::from(text)),
            (Ok(_), None) => Ok(()),
        }
    }

    async fn show(
        &self,
        context: &Context<'_>,
        releases: &Releases,
        request: &TestRequest,
        release: Release,
    ) -> Result<(), String> {
        let shown = Shown {
            values: context.is_debug,
            hides_notes: true,
            ..Shown::default()
        };
        let text = release_text(&release, None, shown).map_err(|error| error.to_string())?;
        let print = |text: &str| {
            let printed = context.print(text);
            printed.map_err(|HelmFailure(text)| text)
        };
        print(&text)?;
        if !self.logs {
            return Ok(());
        }
        print("\n")?;
        let mut hooks: Vec<_> = release
            .hooks
            .iter()
            .filter(|hook| hook.runs_at("test"))
            .collect();
        hooks.sort_by(|left, right| (left.weight, &left.name).cmp(&(right.weight, &right.name)));
        for hook in hooks {
            let name = &hook.name;
            let is_left_out = request.without.contains(name)
                || (!request.only.is_empty() && !request.only.contains(name));
            if is_left_out {
                continue;
            }
            let log = releases
                .cluster
                .logs(releases.namespace(), name, None)
                .await;
            let log = log.map_err(|error| format!("unable to get pod logs for {name}: {error}"))?;
            let log = printable(&String::from_utf8_lossy(&log));
            print(&format!("POD LOGS: {name}\n{log}\n"))?;
        }
        Ok(())
    }
}
