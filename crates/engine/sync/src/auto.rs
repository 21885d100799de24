//! Whether an automated sync starts now.

use crate::backoff::self_heal_delay;
use argosy_crds::{
    ApplicationSpec, InitiatedBy, Operation, OperationPhase, OperationState, ResourceRef, Retry,
    Source, SyncCode, SyncOperation,
};
use argosy_diff::Comparison;
use jiff::Timestamp;

/// What the decision looks at.
pub struct AutoSyncInput<'a> {
    /// The application's spec.
    pub spec: &'a ApplicationSpec,
    /// The comparison that was just made.
    pub comparison: &'a Comparison,
    /// The resolved revisions, one a source.
    pub revisions: &'a [String],
    /// The last operation, running or over.
    pub last: Option<&'a OperationState>,
    /// The present moment.
    pub now: Timestamp,
}

/// The decision.
#[derive(Clone, Debug, PartialEq)]
pub enum AutoSync {
    /// Nothing to do.
    No,
    /// Start this operation.
    Start(Box<Operation>),
    /// Self-heal waits until then.
    WaitUntil(Timestamp),
    /// Not done, and a `SyncError` condition says why.
    Refused(String),
}

/// Decides whether to sync by itself.
///
/// One attempt for each revision and set of parameters: a failed one is not repeated, a
/// successful one is repeated only by self-heal, with backoff, and only for the objects that
/// drifted. A sync that would delete everything is refused unless `allowEmpty`.
/// Compat: Argo CD `controller/appcontroller.go`, `autoSync`.
pub fn auto_sync(input: &AutoSyncInput<'_>) -> AutoSync {
    let Some(automated) = input.spec.automated() else {
        return AutoSync::No;
    };
    if input.comparison.code() != SyncCode::OutOfSync {
        return AutoSync::No;
    }
    if input.last.is_some_and(|last| !last.phase.is_completed()) {
        return AutoSync::No;
    }
    let out_of_sync = || {
        let rows = input.comparison.rows.iter();
        rows.filter(|row| row.code == Some(SyncCode::OutOfSync) && !row.is_ignored)
    };
    if !automated.prune && out_of_sync().all(|row| row.is_extraneous()) {
        return AutoSync::No;
    }
    let revision = input.revisions.first().cloned().unwrap_or_default();
    let mut sync = SyncOperation {
        prune: automated.prune,
        sync_options: input
            .spec
            .sync_policy
            .as_ref()
            .map(|p| p.sync_options.clone())
            .unwrap_or_default(),
        ..SyncOperation::default()
    };
    if input.spec.has_multiple_sources() {
        sync.revisions = input.revisions.to_vec();
    } else {
        sync.revision.clone_from(&revision);
    }
    if let Some(last) = attempted(input) {
        if last.phase != OperationPhase::Succeeded {
            return AutoSync::Refused(format!(
                "Failed last sync attempt to {revision}: {}",
                last.message
            ));
        }
        if !automated.self_heal {
            return AutoSync::No;
        }
        let attempts = heal_attempts(last, input.now);
        if let Some(until) = not_before(last, attempts, input.now) {
            return AutoSync::WaitUntil(until);
        }
        sync.auto_heal_attempts_count = attempts + 1;
        sync.resources = out_of_sync()
            .map(|row| ResourceRef {
                group: row.key.group.to_string(),
                kind: row.key.kind.to_string(),
                name: row.key.name.to_string(),
                namespace: row.key.namespace_or_empty().into(),
            })
            .collect();
    }
    let would_wipe = input.comparison.rows.iter().all(|row| row.is_extraneous());
    if automated.prune && !automated.allow_empty && would_wipe {
        return AutoSync::Refused(format!(
            "Skipping sync attempt to {revision}: auto-sync will wipe out all resources"
        ));
    }
    let retry = input
        .spec
        .sync_policy
        .as_ref()
        .and_then(|policy| policy.retry.clone());
    AutoSync::Start(Box::new(Operation {
        sync: Some(sync),
        initiated_by: Some(InitiatedBy {
            automated: true,
            username: String::new(),
        }),
        retry: Some(retry.unwrap_or(Retry {
            limit: 5,
            ..Retry::default()
        })),
        info: vec![],
    }))
}

/// The last operation, where it was for the same revisions and sources. How the revision was
/// asked for (`main`, or its SHA) makes no difference.
fn attempted<'a>(input: &AutoSyncInput<'a>) -> Option<&'a OperationState> {
    let last = input.last?;
    let result = last.sync_result.as_ref()?;
    let sources: &[Source] = if result.sources.is_empty() {
        result.source.as_slice()
    } else {
        &result.sources
    };
    let revisions: &[String] = if result.revisions.is_empty() {
        std::slice::from_ref(&result.revision)
    } else {
        &result.revisions
    };
    let unnamed = |sources: &[Source]| -> Vec<Source> {
        let unnamed = sources.iter().map(|source| Source {
            target_revision: String::new(),
            ..source.clone()
        });
        unnamed.collect()
    };
    let is_same =
        revisions == input.revisions && unnamed(sources) == unnamed(input.spec.all_sources());
    is_same.then_some(last)
}

/// How often self-heal has run without a quiet time since.
/// Compat: `controller.self.heal.backoff.cooldown.seconds`, 330.
fn heal_attempts(last: &OperationState, now: Timestamp) -> i64 {
    const COOLDOWN: std::time::Duration = std::time::Duration::from_secs(330);
    let finished: Option<Timestamp> = last.finished_at.as_ref().and_then(|at| at.parse().ok());
    let is_quiet = finished
        .and_then(|at| at.checked_add(COOLDOWN).ok())
        .is_some_and(|end| end <= now);
    if is_quiet {
        0
    } else {
        last.operation
            .sync
            .as_ref()
            .map_or(0, |s| s.auto_heal_attempts_count)
    }
}

/// Until when self-heal waits. An operation that ended in the future says nothing: the clock was
/// set back since, and nobody waits until it has come round again.
fn not_before(last: &OperationState, attempts: i64, now: Timestamp) -> Option<Timestamp> {
    let finished: Timestamp = last.finished_at.as_ref()?.parse().ok()?;
    let until = finished.checked_add(self_heal_delay(attempts)).ok()?;
    (finished <= now && now < until).then_some(until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_crds::{Automated, SyncPolicy, SyncResult};
    use argosy_diff::{Desired, Row};
    use argosy_object::{Key, Object, Origin, json};

    fn spec(automated: Automated) -> ApplicationSpec {
        ApplicationSpec {
            source: Some(Source {
                repo_url: "https://git/a".into(),
                ..Source::default()
            }),
            sync_policy: Some(SyncPolicy {
                automated: Some(automated),
                ..SyncPolicy::default()
            }),
            ..ApplicationSpec::default()
        }
    }

    fn row(name: &str, is_desired: bool, code: SyncCode) -> Row {
        let object = Object::new(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "ns"}}))
        .unwrap();
        Row {
            key: Key::new("", "ConfigMap", Some("ns"), name),
            desired: is_desired.then(|| Desired {
                key: object.key(),
                object: object.clone(),
                origin: Origin::default(),
                denied: None,
                unsupported: None,
            }),
            live: Some(object),
            predicted: None,
            code: Some(code),
            error: None,
            is_ignored: false,
        }
    }

    fn done(phase: OperationPhase, attempts: i64) -> OperationState {
        OperationState {
            phase,
            message: "boom".into(),
            finished_at: Some("2026-01-01T00:00:00Z".into()),
            operation: Operation {
                sync: Some(SyncOperation {
                    auto_heal_attempts_count: attempts,
                    ..SyncOperation::default()
                }),
                ..Operation::default()
            },
            sync_result: Some(SyncResult {
                revision: "abc".into(),
                source: spec(Automated::default()).source,
                ..SyncResult::default()
            }),
            ..OperationState::default()
        }
    }

    fn run(
        automated: Automated,
        rows: Vec<Row>,
        last: Option<&OperationState>,
        now: &str,
    ) -> AutoSync {
        auto_sync(&AutoSyncInput {
            spec: &spec(automated),
            comparison: &Comparison { rows },
            revisions: &["abc".into()],
            last,
            now: now.parse().unwrap(),
        })
    }

    const NOW: &str = "2026-01-01T00:00:01Z";

    #[test]
    fn new_revision_starts_and_a_failed_one_is_not_repeated() {
        let drift = || vec![row("a", true, SyncCode::OutOfSync)];
        assert!(matches!(
            run(Automated::default(), drift(), None, NOW),
            AutoSync::Start(_)
        ));
        let failed = done(OperationPhase::Failed, 0);
        assert_eq!(
            run(Automated::default(), drift(), Some(&failed), NOW),
            AutoSync::Refused("Failed last sync attempt to abc: boom".into())
        );
    }

    #[test]
    fn failed_attempt_by_sha_is_not_repeated_for_the_branch() {
        let mut failed = done(OperationPhase::Failed, 0);
        if let Some(source) = failed.sync_result.as_mut().and_then(|r| r.source.as_mut()) {
            source.target_revision = "abc".into();
        }
        let drift = vec![row("a", true, SyncCode::OutOfSync)];
        assert!(matches!(
            run(Automated::default(), drift, Some(&failed), NOW),
            AutoSync::Refused(_)
        ));
    }

    #[test]
    fn self_heal_is_at_once_first_and_then_backs_off() {
        let heal = Automated {
            self_heal: true,
            ..Automated::default()
        };
        let rows = || {
            vec![
                row("a", true, SyncCode::Synced),
                row("b", true, SyncCode::OutOfSync),
            ]
        };
        let first = done(OperationPhase::Succeeded, 0);
        let AutoSync::Start(operation) = run(heal.clone(), rows(), Some(&first), NOW) else {
            panic!("starts at once")
        };
        let sync = operation.sync.unwrap();
        assert_eq!(
            (sync.auto_heal_attempts_count, sync.resources.len()),
            (1, 1)
        );
        let second = done(OperationPhase::Succeeded, 1);
        assert_eq!(
            run(heal, rows(), Some(&second), NOW),
            AutoSync::WaitUntil("2026-01-01T00:00:02Z".parse().unwrap())
        );
        assert_eq!(
            run(Automated::default(), rows(), Some(&first), NOW),
            AutoSync::No
        );
    }

    #[test]
    fn clock_that_was_set_back_makes_self_heal_wait_for_nothing() {
        let heal = Automated {
            self_heal: true,
            ..Automated::default()
        };
        let rows = vec![row("b", true, SyncCode::OutOfSync)];
        let last = done(OperationPhase::Succeeded, 3);
        let an_hour_before = "2025-12-31T23:00:00Z";
        assert!(matches!(
            run(heal, rows, Some(&last), an_hour_before),
            AutoSync::Start(_)
        ));
    }

    #[test]
    fn sync_that_would_delete_everything_is_refused() {
        let prune = Automated {
            prune: true,
            ..Automated::default()
        };
        let rows = || vec![row("a", false, SyncCode::OutOfSync)];
        assert!(matches!(
            run(prune.clone(), rows(), None, NOW),
            AutoSync::Refused(_)
        ));
        let empty = Automated {
            allow_empty: true,
            ..prune
        };
        assert!(matches!(run(empty, rows(), None, NOW), AutoSync::Start(_)));
    }

    #[test]
    fn prune_alone_without_prune_does_nothing() {
        let rows = vec![
            row("a", true, SyncCode::Synced),
            row("b", false, SyncCode::OutOfSync),
        ];
        assert_eq!(run(Automated::default(), rows, None, NOW), AutoSync::No);
    }
}
