//! Carries out the commands of a release's machine.

use crate::Releases;
use crate::error::{Failed, ReleaseError};
use crate::notice::Level;
use crate::request::{Options, RollbackRequest, UninstallRequest};
use argosy_helm::release::{
    Applied, ApplyFault, Cascade, Command, Event, FollowFault, Followed, HookRecord, Outcome, Plan,
    Release, ReleaseMachine, Target,
};
use argosy_object::Gvk;
use argosy_ports::{ListOptions, Resource};
use std::collections::VecDeque;
use std::pin::Pin;
use tokio::sync::watch;

/// Shows how tests went before their objects go.
pub type Show<'a> =
    dyn Fn(Release) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> + Send + Sync + 'a;

impl Releases {
    /// Runs a plan to its end.
    pub(crate) async fn drive(&self, plan: Plan, options: &Options, show: &Show<'_>) -> Outcome {
        let mut interrupt = self.interrupt.clone();
        let mut is_interrupted = false;
        let (mut machine, commands) = ReleaseMachine::start(plan, self.now());
        let mut commands = VecDeque::from(commands);
        loop {
            let command = commands
                .pop_front()
                .expect("the machine commands something until it is finished");
            if let Command::Finish(outcome) = command {
                return *outcome;
            }
            let work = self.perform(command, options, show);
            let event = if machine.can_stop() && !is_interrupted {
                tokio::select! {
                    event = work => event,
                    // A sender that is gone interrupts nobody.
                    Ok(_) = interrupt.wait_for(|wants| *wants) => {
                        is_interrupted = true;
                        commands.clear();
                        Some(Event::Interrupted)
                    }
                }
            } else {
                work.await
            };
            if let Some(event) = event {
                commands.extend(machine.advance(self.now(), event));
            }
        }
    }

    /// Carries out one command; `None` where it has no answer.
    async fn perform(&self, command: Command, options: &Options, show: &Show<'_>) -> Option<Event> {
        Some(match command {
            Command::Say(text) => {
                self.notices.say(&text);
                return None;
            }
            Command::Warn {
                message,
                name,
                error,
            } => {
                let fields = [("name", &*name), ("error", &*error)];
                let fields: Vec<_> = fields
                    .into_iter()
                    .filter(|(_, text)| !text.is_empty())
                    .collect();
                let level = if message.starts_with("failed to record") {
                    Level::Error
                } else {
                    Level::Warn
                };
                self.notices.log(level, &message, &fields);
                return None;
            }
            Command::Store { release, max } => {
                Event::Stored(self.store.create(&release, max).await)
            }
            Command::Update(release) => Event::Stored(self.record(&release).await),
            Command::Forget { name, version } => {
                Event::Stored(self.store.forget(&name, version).await)
            }
            Command::ReadDeployed(name) => {
                let history = self.store.history(&name).await;
                Event::Deployed(
                    history
                        .map(|history| history.all_deployed().collect())
                        .map_err(|error| error.to_string()),
                )
            }
            Command::Create {
                target,
                server_side,
                force_conflicts,
            } => Event::Applied(self.create(target, server_side, force_conflicts).await),
            Command::Converge {
                originals,
                targets,
                choice,
            } => Event::Applied(self.converge(&originals, &targets, choice).await),
            Command::Delete { target, cascade } => {
                let separator = if matches!(target, Target::Text { .. }) {
                    "; "
                } else {
                    ", "
                };
                Event::Deleted(match self.objects_to_delete(target).await {
                    Err(error) => Err(error),
                    Ok(objects) => match self.delete_all(&objects, cascade).await {
                        faults if faults.is_empty() => Ok(()),
                        faults => Err(faults.join(separator)),
                    },
                })
            }
            Command::Wait {
                target,
                wait_for,
                strategy,
                timeout,
            } => Event::Waited(match self.objects_of(target).await {
                Ok(objects) => self.wait(&objects, wait_for, strategy, timeout).await,
                Err(error) => Err(error),
            }),
            Command::Logs { hook, namespace } => {
                self.show_logs(&hook, &namespace).await;
                Event::Logged
            }
            Command::Show(release) => {
                show(*release).await;
                Event::Shown
            }
            Command::Follow(name, followed) => {
                Event::Followed(self.follow(&name, followed, options).await)
            }
            Command::Finish(_) => return None,
        })
    }

    /// Stores a revision again; a fault is told, whatever comes of it.
    async fn record(&self, release: &Release) -> Result<(), String> {
        let written = self.store.update(release).await;
        if let Err(error) = &written {
            let version = release.version.to_string();
            let fields = [
                ("name", &*release.name),
                ("revision", &*version),
                ("error", &**error),
            ];
            self.notices
                .log(Level::Warn, "failed to update release", &fields);
        }
        written
    }

    async fn create(&self, target: Target, server_side: bool, force: bool) -> Applied {
        let fault = |is_of_building: bool, text: String| Applied {
            created: Vec::new(),
            fault: Some(ApplyFault {
                is_of_building,
                text,
            }),
        };
        let objects = match self.objects_of(target).await {
            Ok(objects) => objects,
            Err(text) => return fault(true, text),
        };
        match self.create_all(&objects, server_side, force).await {
            Ok(()) => Applied {
                created: objects,
                fault: None,
            },
            Err(text) => fault(false, text),
        }
    }

    async fn objects_to_delete(
        &self,
        target: Target,
    ) -> Result<Vec<argosy_object::Object>, String> {
        let path = match &target {
            Target::Text { path, .. } => path.clone(),
            Target::Objects(_) => String::new(),
        };
        self.objects_of(target).await.map_err(|error| {
            format!("unable to build kubernetes object for deleting hook {path}: {error}")
        })
    }

    /// Logs of a hook's pods; what cannot be read is told and changes nothing.
    async fn show_logs(&self, hook: &HookRecord, namespace: &str) {
        let objects = self.objects_of(Target::Text {
            manifest: hook.manifest.clone(),
            path: hook.path.clone(),
        });
        let objects = objects.await.unwrap_or_default();
        let namespace = objects
            .first()
            .and_then(|object| object.namespace())
            .unwrap_or(namespace);
        let (labels, fields) = match hook.kind.as_str() {
            "Job" => (Some(format!("job-name={}", hook.name)), None),
            "Pod" => (None, Some(format!("metadata.name={}", hook.name))),
            _ => return,
        };
        let options = ListOptions {
            namespace: Some(namespace.to_owned()),
            labels,
            fields,
        };
        if let Err(error) = self.pod_logs(namespace, &options).await {
            let text = format!("error outputting logs for hook failure: {error}");
            self.notices.say(&text);
        }
    }

    async fn pod_logs(&self, namespace: &str, options: &ListOptions) -> Result<(), String> {
        let pods = Resource::new(Gvk::new("", "v1", "Pod"), "pods", true);
        let found = self.cluster.list(&pods, options).await;
        for pod in found.map_err(|error| error.to_string())?.items {
            let containers = pod.pointer("/spec/containers").and_then(|v| v.as_array());
            for container in containers.into_iter().flatten() {
                let (name, container) = (pod.name(), container["name"].as_str());
                let log = self.cluster.logs(namespace, name, container).await;
                let log = log.map_err(|_| {
                    let container = container.unwrap_or_default();
                    format!("failed to stream pod logs for pod: {name}, container: {container}")
                })?;
                self.notices.hook_output(&log);
            }
        }
        Ok(())
    }

    /// Runs the operation that makes good for a failed one.
    async fn follow(
        &self,
        name: &str,
        followed: Followed,
        options: &Options,
    ) -> Result<(), FollowFault> {
        let name = name.to_owned();
        let options = Options {
            description: String::new(),
            rollback_on_failure: false,
            cleanup_on_fail: false,
            wait: options.strategy(),
            history_max: 0,
            ..options.clone()
        };
        let failed = |error: String| FollowFault::Failed(error);
        // What makes good for an interrupted operation is not interrupted itself.
        let (_kept, uninterrupted) = watch::channel(false);
        let calm = Self {
            interrupt: uninterrupted,
            ..self.clone()
        };
        match followed {
            Followed::Uninstall => {
                let request = UninstallRequest {
                    name,
                    dry_run: false,
                    ignore_not_found: false,
                    keep_history: false,
                    cascade: Cascade::Background,
                    options,
                };
                let gone = Box::pin(calm.uninstall(request)).await;
                gone.map(|_| ())
                    .map_err(|fault| failed(fault.error.to_string()))
            }
            Followed::Rollback => {
                let history = calm.store.history(&name).await;
                let history = history.map_err(|error| FollowFault::History(error.to_string()))?;
                let version = history.last_good().ok_or(FollowFault::NoneGood)?;
                let request = RollbackRequest {
                    name,
                    version,
                    options,
                };
                let back = Box::pin(calm.rollback(request)).await;
                back.map(|_| ())
                    .map_err(|fault| failed(fault.error.to_string()))
            }
        }
    }
}

/// Nobody looks.
pub(crate) fn unshown(_: Release) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(std::future::ready(()))
}

/// The revision of a success, or what failed.
pub(crate) fn result(outcome: Outcome) -> Result<Release, Failed> {
    match outcome.error {
        None => Ok(outcome.release),
        Some(text) => Err(Failed {
            error: ReleaseError::Failed(text),
            release: Some(Box::new(outcome.release)),
        }),
    }
}
