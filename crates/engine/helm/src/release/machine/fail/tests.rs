//! Events in, commands out: how each operation runs and how it fails.

use super::super::super::record::{HookRecord, Info, Release, Status};
use super::super::*;
use argosy_object::json;
use jiff::Timestamp;

fn now() -> Stamp {
    Stamp::utc(Timestamp::from_second(1_700_000_000).unwrap())
}

fn hook(name: &str, event: &str, policies: &[&str]) -> HookRecord {
    HookRecord {
        name: name.into(),
        kind: "Job".into(),
        path: format!("web/templates/{name}.yaml"),
        manifest: name.into(),
        events: vec![event.into()],
        delete_policies: policies.iter().map(|text| (*text).to_owned()).collect(),
        ..HookRecord::default()
    }
}

fn release(hooks: Vec<HookRecord>) -> Release {
    Release {
        name: "web".into(),
        namespace: "shop".into(),
        version: 2,
        info: Info {
            status: Status::PendingUpgrade,
            ..Info::default()
        },
        hooks,
        ..Release::default()
    }
}

fn object(name: &str) -> Object {
    Object::from_trusted(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}),
    )
}

/// One word for each command.
fn word(command: &Command) -> String {
    match command {
        Command::Say(text) => format!("say {text}"),
        Command::Warn { message, .. } => format!("warn {message}"),
        Command::Store { release, .. } => format!("store {}", release.info.status.as_str()),
        Command::Update(release) => {
            let phases: String = release
                .hooks
                .iter()
                .map(|hook| hook.phase.as_str())
                .collect();
            format!(
                "update v{} {} {phases}",
                release.version,
                release.info.status.as_str()
            )
        }
        Command::Forget { version, .. } => format!("forget {version}"),
        Command::ReadDeployed(_) => "deployed?".into(),
        Command::Create { target, .. } => format!("create {}", what(target)),
        Command::Converge { .. } => "converge".into(),
        Command::Delete { target, .. } => format!("delete {}", what(target)),
        Command::Wait {
            target, wait_for, ..
        } => format!("wait {wait_for:?} {}", what(target)),
        Command::Logs { hook, .. } => format!("logs {}", hook.name),
        Command::Show(_) => "show".into(),
        Command::Follow(_, followed) => format!("follow {followed:?}"),
        Command::Finish(outcome) => format!(
            "finish {} {:?}",
            outcome.release.info.status.as_str(),
            outcome.error.as_deref().unwrap_or("")
        ),
    }
}

fn what(target: &Target) -> String {
    match target {
        Target::Objects(objects) => objects
            .iter()
            .map(Object::name)
            .collect::<Vec<_>>()
            .join("+"),
        Target::Text { manifest, .. } => manifest.clone(),
    }
}

/// Runs a plan; commands that begin with `fault`'s word fail with its text.
fn run(plan: Plan, fault: Option<(&str, &str)>) -> Vec<String> {
    let (mut machine, mut commands) = Machine::start(plan, now());
    let mut words = Vec::new();
    for _ in 0..100 {
        let Some(last) = commands.last().cloned() else {
            panic!("nothing is commanded after {words:?}");
        };
        words.extend(
            commands
                .iter()
                .map(|command| word(command).trim_end().to_owned()),
        );
        if matches!(last, Command::Finish(_)) {
            return words;
        }
        let said = word(&last);
        let outcome = match fault {
            Some((at, text)) if said.starts_with(at) => Err(text.to_owned()),
            _ => Ok(()),
        };
        let event = match last {
            Command::Create { .. } | Command::Converge { .. } => Event::Applied(Applied {
                created: vec![object("new")],
                fault: outcome.err().map(|text| ApplyFault {
                    is_of_building: false,
                    text,
                }),
            }),
            Command::Delete { .. } => Event::Deleted(outcome),
            Command::Wait { .. } => Event::Waited(outcome),
            Command::Logs { .. } => Event::Logged,
            Command::Show(_) => Event::Shown,
            Command::Follow(..) => Event::Followed(outcome.map_err(FollowFault::Failed)),
            Command::ReadDeployed(_) => Event::Deployed(Ok(vec![release(vec![])])),
            _ => Event::Stored(outcome),
        };
        commands = machine.advance(now(), event);
    }
    panic!("it does not end: {words:?}");
}

fn install(hooks: Vec<HookRecord>) -> Plan {
    Plan {
        targets: vec![object("a")],
        ..Plan::new(Job::Install, release(hooks))
    }
}

fn upgrade(hooks: Vec<HookRecord>) -> Plan {
    let previous = Release {
        version: 1,
        ..release(vec![])
    };
    Plan {
        targets: vec![object("a")],
        previous: Some(previous),
        ..Plan::new(Job::Upgrade, release(hooks))
    }
}

#[test]
fn an_install_records_runs_hooks_applies_waits_and_records() {
    let hooks = vec![
        hook("before", "pre-install", &[]),
        hook("after", "post-install", &["hook-succeeded"]),
    ];
    assert_eq!(
        run(install(hooks), None),
        [
            "store pending-upgrade",
            "delete before",
            "wait Gone before",
            "update v2 pending-upgrade Running",
            "create before",
            "wait Done before",
            "create a",
            "wait Ready a",
            "update v2 pending-upgrade SucceededRunning",
            "create after",
            "wait Done after",
            "delete after",
            "wait Gone after",
            "update v2 deployed SucceededSucceeded",
            "finish deployed \"\"",
        ]
    );
}

#[test]
fn hooks_run_by_weight_and_name_and_are_cleaned_up_in_reverse() {
    let policy = &["hook-succeeded"];
    let mut hooks = vec![
        hook("c", "pre-install", policy),
        hook("b", "pre-install", policy),
        hook("a", "pre-install", policy),
    ];
    hooks[2].weight = 5;
    let words = run(install(hooks), None);
    let of = |start: &str| -> Vec<String> {
        let found = words.iter().filter_map(|word| word.strip_prefix(start));
        found.map(str::to_owned).collect()
    };
    assert_eq!(of("create "), ["b", "c", "a", "a"]); // the last one is the object
    assert_eq!(of("delete "), ["a", "c", "b"]);
}

#[test]
fn a_failed_hook_goes_by_its_policy_with_those_that_succeeded_before() {
    let mut hooks = vec![
        hook("a", "pre-install", &["hook-succeeded"]),
        hook("b", "pre-install", &["hook-failed"]),
        hook("c", "pre-install", &["hook-succeeded"]),
    ];
    hooks[1].output_log_policies = vec!["hook-failed".into()];
    let words = run(install(hooks), Some(("wait Done b", "job failed")));
    assert_eq!(
        words[words.len() - 7..],
        [
            "logs b",
            "delete b",
            "wait Gone b",
            "delete a",
            "wait Gone a",
            "update v2 failed SucceededFailed",
            "finish failed \"failed pre-install: job failed\"",
        ]
    );
}

#[test]
fn a_crd_of_a_hook_is_never_deleted() {
    let mut crd = hook(
        "crd",
        "pre-install",
        &["before-hook-creation", "hook-succeeded"],
    );
    crd.kind = "CustomResourceDefinition".into();
    assert!(
        !run(install(vec![crd]), None)
            .iter()
            .any(|word| word.starts_with("delete"))
    );
}

#[test]
fn a_failed_install_is_recorded_or_undone() {
    let words = run(install(vec![]), Some(("create a", "boom")));
    assert_eq!(words[2..], ["update v2 failed", "finish failed \"boom\""]);
    let plan = || Plan {
        rollback_on_failure: true,
        ..install(vec![])
    };
    let words = run(plan(), Some(("wait Ready", "late")));
    assert_eq!(
        words[3..],
        [
            "follow Uninstall",
            "finish failed \"release web failed, and has been uninstalled due to rollback-on-failure being set: late\"",
        ]
    );
}

#[test]
fn an_upgrade_supersedes_the_revision_before_only_once_it_stands() {
    let words = run(upgrade(vec![]), None);
    assert_eq!(
        words,
        [
            "store pending-upgrade",
            "converge",
            "wait Ready a",
            "update v1 superseded",
            "update v2 deployed",
            "finish deployed \"\""
        ]
    );
    let words = run(upgrade(vec![]), Some(("converge", "boom")));
    assert_eq!(
        words,
        [
            "store pending-upgrade",
            "converge",
            "warn upgrade failed",
            "update v2 failed",
            "finish failed \"boom\""
        ]
    );
}

#[test]
fn a_failed_upgrade_deletes_what_it_made_and_goes_back_where_asked() {
    let plan = Plan {
        cleanup_on_fail: true,
        rollback_on_failure: true,
        ..upgrade(vec![])
    };
    let words = run(plan.clone(), Some(("converge", "boom")));
    assert_eq!(
        words[3..],
        [
            "update v2 failed",
            "delete new",
            "follow Rollback",
            "finish failed \"release web failed, and has been rolled back due to rollback-on-failure being set: boom\"",
        ]
    );
    // A wait that fails made nothing that this upgrade would know of.
    let words = run(plan, Some(("wait Ready", "late")));
    assert!(
        !words.iter().any(|word| word.starts_with("delete")),
        "{words:?}"
    );
}

#[test]
fn nothing_happens_where_the_record_cannot_be_stored() {
    let words = run(
        upgrade(vec![hook("h", "pre-upgrade", &[])]),
        Some(("store", "release: already exists")),
    );
    assert_eq!(
        words[1..],
        ["finish pending-upgrade \"release: already exists\""]
    );
}

#[test]
fn a_rollback_supersedes_all_that_is_deployed() {
    let plan = Plan {
        job: Job::Rollback,
        ..upgrade(vec![])
    };
    let words = run(plan.clone(), None);
    assert_eq!(
        words[2..],
        [
            "wait Ready a",
            "deployed?",
            "update v2 superseded",
            "update v2 deployed",
            "finish deployed \"\""
        ]
    );
    let words = run(plan, Some(("converge", "boom")));
    assert_eq!(
        words[2..],
        [
            "warn Rollback \"web\" failed: boom",
            "update v1 superseded",
            "update v2 failed",
            "finish failed \"boom\""
        ]
    );
}

#[test]
fn an_uninstall_deletes_waits_and_forgets() {
    let plan = Plan {
        targets: vec![object("a")],
        keep_history: false,
        revisions: vec![1, 2],
        ..Plan::new(Job::Uninstall, release(vec![hook("h", "post-delete", &[])]))
    };
    assert_eq!(
        run(plan.clone(), None),
        [
            "update v2 uninstalling",
            "delete a",
            "wait Gone a",
            "delete h",
            "wait Gone h",
            "update v2 uninstalling Running",
            "create h",
            "wait Done h",
            "forget 1",
            "forget 2",
            "finish uninstalled \"\"",
        ]
    );
    let words = run(plan.clone(), Some(("delete a", "forbidden")));
    assert_eq!(
        words[2..],
        ["finish uninstalling \"failed to delete release: web: forbidden\""]
    );
    let words = run(plan.clone(), Some(("wait Done h", "job failed")));
    assert_eq!(
        words.last().unwrap(),
        "finish uninstalled \"uninstallation completed with 1 error(s): job failed\""
    );
    let plan = Plan {
        keep_history: true,
        no_hooks: true,
        ..plan
    };
    assert_eq!(
        run(plan, None)[2..],
        [
            "wait Gone a",
            "update v2 uninstalled",
            "deployed?",
            "update v2 superseded",
            "finish uninstalled \"\""
        ]
    );
}

#[test]
fn tests_are_shown_before_their_objects_go() {
    let hooks = vec![
        hook("skipped", "test", &[]),
        hook("t", "test", &["hook-succeeded"]),
    ];
    let plan = Plan {
        first_hook: 1,
        ..Plan::new(Job::Test, release(hooks))
    };
    assert_eq!(
        run(plan.clone(), None)[2..],
        [
            "wait Done t",
            "update v2 pending-upgrade Succeeded",
            "show",
            "delete t",
            "wait Gone t",
            "finish pending-upgrade \"\"",
        ]
    );
    let words = run(plan, Some(("wait Done t", "pod failed")));
    assert_eq!(
        words[3..],
        [
            "update v2 pending-upgrade Failed",
            "show",
            "finish pending-upgrade \"pod failed\""
        ]
    );
}

#[test]
fn an_interrupt_records_the_failure() {
    let (mut machine, _) =
        Machine::start(upgrade(vec![hook("h", "pre-upgrade", &["none"])]), now());
    assert!(!machine.can_stop(), "the first record is awaited");
    assert!(machine.advance(now(), Event::Interrupted).is_empty());
    machine.advance(now(), Event::Stored(Ok(())));
    machine.advance(now(), Event::Stored(Ok(())));
    assert!(machine.can_stop());
    let commands = machine.advance(now(), Event::Interrupted);
    let words: Vec<String> = commands.iter().map(word).collect();
    assert_eq!(words, ["warn upgrade failed", "update v2 failed Failed"]);
    assert!(
        machine
            .release()
            .info
            .description
            .ends_with("context canceled")
    );
}

#[test]
fn an_event_that_nobody_asked_for_changes_nothing() {
    let (mut machine, _) = Machine::start(install(vec![]), now());
    assert!(machine.advance(now(), Event::Waited(Ok(()))).is_empty());
    assert!(machine.advance(now(), Event::Logged).is_empty());
    let commands = machine.advance(now(), Event::Stored(Ok(())));
    assert_eq!(commands.len(), 1);
}
