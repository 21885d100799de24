//! What a command works with: settings, streams, and the hub once it is needed.

use crate::cli::GlobalFlags;
use crate::sources::FleetSources;
use argosy_cli::hub::Hub;
use argosy_cli::{Failure, FileSettings, Format, Listing, Progress, Settings, Terminal};
use argosy_git::{Credentials, GitSettings, InsteadOf};
use argosy_kube::spec::ClusterSpec;
use argosy_kube::{Client, Kubeconfig, Limits, Transport};
use argosy_ports::{ApiService, SystemTime};
use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

/// One run of the program.
pub struct Session {
    /// Resolved settings.
    pub settings: Settings,
    /// Where output goes.
    pub terminal: Terminal,
    /// The environment, for what is found by it besides.
    pub environment: BTreeMap<String, String>,
    /// Whether `--kubeconfig` was given, and not just found.
    pub is_kubeconfig_given: bool,
}

/// The hub with the way to it.
pub struct Connected {
    /// Argo CD's objects.
    pub hub: Hub,
    /// The hub's API as a service.
    pub service: ApiService,
    /// The transport, for other clusters.
    pub transport: Transport,
    /// The hub's address and credential.
    pub spec: ClusterSpec,
}

impl Session {
    /// Resolves the settings.
    ///
    /// # Errors
    /// [`Failure`] where the settings file is asked for and cannot be read, or is wrong.
    pub fn new(
        flags: &GlobalFlags,
        environment: BTreeMap<String, String>,
        terminal: Terminal,
    ) -> Result<Self, Failure> {
        let flags = flags.flags();
        let file = match Settings::file(&flags, &environment) {
            None => FileSettings::default(),
            Some((path, is_needed)) => match std::fs::read_to_string(&path) {
                Ok(text) => FileSettings::parse(&path.display().to_string(), &text)
                    .map_err(|error| Failure::from_error(&error))?,
                Err(error) if is_needed => {
                    return Err(Failure::from_error(&error)
                        .while_doing(format!("cannot read settings file `{}`", path.display())));
                }
                Err(_) => FileSettings::default(),
            },
        };
        Ok(Self {
            is_kubeconfig_given: flags.kubeconfig.is_some(),
            settings: Settings::resolve(&flags, &file, &environment),
            terminal,
            environment,
        })
    }

    /// Runs asynchronous work to its end.
    ///
    /// # Errors
    /// [`Failure`] of the work, or where no runtime can be made.
    pub fn block_on<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure::from_error(&error).while_doing("cannot start"))?;
        let result = runtime.block_on(work);
        // Watches and polls that are still open are of no interest any more.
        runtime.shutdown_timeout(Duration::from_millis(100));
        result
    }

    /// The kubeconfig.
    ///
    /// # Errors
    /// [`Failure`] where it cannot be read.
    pub fn kubeconfig(&self) -> Result<Kubeconfig, Failure> {
        Kubeconfig::load(&self.settings.kubeconfig).map_err(|error| {
            Failure::of(&error).hint(
                "`argosy up` makes a hub and a kubeconfig; `--kubeconfig FILE` chooses another one",
            )
        })
    }

    /// The hub of the kubeconfig's context. No connection is opened before the first request;
    /// call it inside [`Session::block_on`].
    ///
    /// # Errors
    /// [`Failure`] where the kubeconfig names none.
    pub fn connect(&self) -> Result<Connected, Failure> {
        let (spec, _) = self
            .kubeconfig()?
            .cluster(self.settings.context.as_deref())
            .map_err(|error| {
                Failure::of(&error).hint("`--context NAME` chooses a context of the kubeconfig")
            })?;
        let transport = Transport::new(Limits::default());
        let service = transport
            .service(&spec)
            .map_err(|error| Failure::from_error(&error))?;
        let client = Client::new(&spec.server, service.clone());
        Ok(Connected {
            hub: Hub::new(Arc::new(client), &self.settings.namespace),
            service,
            transport,
            spec,
        })
    }

    /// Sources that read repositories as the caller may: its own folders, the hub's credentials.
    ///
    /// # Errors
    /// [`Failure`] where the hub's Secrets cannot be read, or a rule is none.
    pub async fn sources(&self, hub: &Hub) -> Result<FleetSources, Failure> {
        let sources = self.sources_without_credentials()?;
        let secrets = hub.repository_credentials().await?;
        let (credentials, faults) = Credentials::of(&secrets);
        for fault in faults {
            self.tell(&format!("warning: {fault}"));
        }
        let (known_hosts, authorities) = hub.repository_trust().await?;
        let credentials = credentials.with_known_hosts(&known_hosts);
        sources.set_credentials(credentials.with_authorities(&authorities));
        Ok(sources)
    }

    /// Sources that read repositories which need no credential.
    ///
    /// # Errors
    /// [`Failure`] where a rule of `--git-instead-of` is none.
    pub fn sources_without_credentials(&self) -> Result<FleetSources, Failure> {
        let mut settings = GitSettings::new(&self.settings.cache_dir);
        crate::git::apply(&self.settings.git, &mut settings);
        settings.local_roots.clone_from(&self.settings.local_repos);
        settings.instead_of = self
            .settings
            .git_instead_of
            .iter()
            .map(|rule| InsteadOf::parse(rule).map_err(Failure::new))
            .collect::<Result<_, _>>()?;
        Ok(FleetSources::new(settings, Arc::new(SystemTime)))
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    /// [`Failure`] where it cannot be written; a reader that has gone is no failure.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::from_error(&error).while_doing("cannot write the output"))
            }
            _ => Ok(()),
        }
    }

    /// Writes a list in a format.
    ///
    /// # Errors
    /// As [`Session::print`].
    pub fn print_list(&self, listing: &Listing, format: Format) -> Result<(), Failure> {
        self.print(&listing.render(format, &self.terminal))
    }

    /// Says something beside the data.
    pub fn tell(&self, text: &str) {
        // Where nobody listens, there is nothing to do about it.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Progress on standard error.
    pub fn progress(&self, format: Format) -> Progress {
        let is_for_machines = matches!(format, Format::Json | Format::Yaml | Format::Name);
        Progress::new(self.terminal, is_for_machines && !self.terminal.stderr)
    }

    /// Asks before something cannot be undone.
    ///
    /// # Errors
    /// [`Failure`] where the answer is no, or nobody is there to answer.
    pub fn confirm(&self, question: &str, is_answered: bool) -> Result<(), Failure> {
        if is_answered {
            return Ok(());
        }
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Err(Failure::new("nobody is there to answer")
                .while_doing(question)
                .hint("`--yes` answers in advance"));
        }
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
        let mut answer = String::new();
        let _ = stdin.lock().read_line(&mut answer);
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::new("nothing was done")),
        }
    }
}

/// Reads a duration: seconds, or a number with `ms`, `s`, `m` or `h`.
///
/// # Errors
/// A sentence, for clap.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number
        .parse()
        .map_err(|_| format!("`{text}` is no duration, such as 30, 30s or 5m"))?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => {
            return Err(format!(
                "`{unit}` is no unit of time; there are ms, s, m and h"
            ));
        }
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("`{text}` is out of range"))
}

/// Reads `KEY=VALUE`.
///
/// # Errors
/// A sentence, for clap.
pub fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err(format!("`{text}` is not KEY=VALUE")),
    }
}
