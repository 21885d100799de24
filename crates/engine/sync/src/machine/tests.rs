//! Events in, commands out.

use super::*;
use crate::options::ObjectOptions;
use argosy_object::{Key, Object, json};

const NOW: &str = "2026-01-01T00:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn step(name: &str, wave: i64, rank: usize) -> PlanStep {
    let object = Object::new(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "ns"}}))
    .unwrap();
    PlanStep {
        wave,
        rank,
        key: Key::new("", "ConfigMap", Some("ns"), name),
        gvk: object.gvk(),
        options: ObjectOptions::default(),
        action: Action::Apply {
            desired: object,
            live: None,
        },
    }
}

fn machine(steps: Vec<PlanStep>) -> SyncMachine {
    let plan = Plan {
        steps,
        blocked: vec![],
    };
    let (machine, first) =
        SyncMachine::start(plan, SyncOptions::default(), OperationState::default());
    assert!(matches!(first.as_slice(), [SyncCommand::Record(state)]
        if state.phase == OperationPhase::Running));
    machine
}

fn applied(step: usize) -> SyncEvent {
    SyncEvent::Applied {
        step,
        outcome: Ok("configmap/x created".into()),
    }
}

fn health(step: usize, code: HealthCode) -> SyncEvent {
    SyncEvent::Health {
        step,
        health: Some(Health {
            code,
            message: "why".into(),
        }),
    }
}

fn finished(commands: &[SyncCommand]) -> &OperationState {
    match commands {
        [SyncCommand::Finish(state)] => state,
        other => panic!("not finished: {other:?}"),
    }
}

#[test]
fn nothing_runs_before_the_record_is_stored() {
    let mut machine = machine(vec![step("a", 0, 0)]);
    assert!(machine.advance(now(), SyncEvent::Tick).is_empty());
    assert_eq!(
        machine.advance(now(), SyncEvent::Recorded),
        [SyncCommand::Apply(0)]
    );
    assert!(machine.advance(now(), SyncEvent::Recorded).is_empty());
}

#[test]
fn kinds_of_one_rank_run_together_and_ranks_one_after_another() {
    let mut machine = machine(vec![step("a", 0, 0), step("b", 0, 0), step("c", 0, 5)]);
    assert_eq!(machine.advance(now(), SyncEvent::Recorded).len(), 2);
    assert!(machine.advance(now(), applied(1)).is_empty());
    assert_eq!(machine.advance(now(), applied(0)), [SyncCommand::Apply(2)]);
    let commands = machine.advance(now(), applied(2));
    let state = finished(&commands);
    assert_eq!(state.phase, OperationPhase::Succeeded);
    assert_eq!(state.message, "successfully synced (all tasks run)");
    assert_eq!(state.finished_at.as_deref(), Some(NOW));
    let results = &state.sync_result.as_ref().unwrap().resources;
    assert_eq!(results.len(), 3);
    assert_eq!(results[0].hook_phase, Some(OperationPhase::Running));
}

#[test]
fn next_wave_waits_for_health_and_the_pause() {
    let mut machine = machine(vec![step("a", 0, 0), step("b", 1, 0)]);
    machine.advance(now(), SyncEvent::Recorded);
    assert_eq!(
        machine.advance(now(), applied(0)),
        [SyncCommand::Observe(vec![0])]
    );
    assert!(
        machine
            .advance(now(), health(0, HealthCode::Progressing))
            .is_empty()
    );
    let wake = machine.advance(now(), health(0, HealthCode::Healthy));
    assert_eq!(
        wake,
        [SyncCommand::Wake("2026-01-01T00:00:02Z".parse().unwrap())]
    );
    assert_eq!(
        machine.advance(now(), SyncEvent::Tick),
        [SyncCommand::Apply(1)]
    );
}

#[test]
fn degraded_wave_fails_the_sync_and_later_waves_are_not_applied() {
    let mut machine = machine(vec![step("a", 0, 0), step("b", 1, 0)]);
    machine.advance(now(), SyncEvent::Recorded);
    machine.advance(now(), applied(0));
    let commands = machine.advance(now(), health(0, HealthCode::Degraded));
    let state = finished(&commands);
    assert_eq!(
        state.message,
        "one or more synchronization tasks completed unsuccessfully"
    );
    assert_eq!(state.sync_result.as_ref().unwrap().resources.len(), 1);
}

#[test]
fn object_that_is_deleted_while_its_wave_settles_fails_the_sync() {
    let mut machine = machine(vec![step("a", 0, 0), step("b", 1, 0)]);
    machine.advance(now(), SyncEvent::Recorded);
    assert!(
        machine
            .advance(now(), SyncEvent::Missing { step: 0 })
            .is_empty()
    );
    machine.advance(now(), applied(0));
    let commands = machine.advance(now(), SyncEvent::Missing { step: 0 });
    let state = finished(&commands);
    assert_eq!(state.phase, OperationPhase::Failed);
    let result = &state.sync_result.as_ref().unwrap().resources[0];
    assert!(
        result
            .message
            .ends_with("/a is missing, it might have been deleted"),
        "{}",
        result.message
    );
    assert_eq!(result.hook_phase, Some(OperationPhase::Error));
}

#[test]
fn refused_step_fails_before_anything_is_applied() {
    let mut refused = step("a", 0, 0);
    refused.action = Action::Refuse("not permitted".into());
    let mut machine = machine(vec![step("b", 0, 0), refused]);
    let commands = machine.advance(now(), SyncEvent::Recorded);
    let state = finished(&commands);
    assert_eq!(state.phase, OperationPhase::Failed);
    assert_eq!(
        state.message,
        "one or more synchronization tasks are not valid"
    );
    assert_eq!(
        state.sync_result.as_ref().unwrap().resources[0].message,
        "not permitted"
    );
}

#[test]
fn failed_step_lets_its_group_end_and_stops_the_rest() {
    let mut machine = machine(vec![step("a", 0, 0), step("b", 0, 0), step("c", 0, 1)]);
    machine.advance(now(), SyncEvent::Recorded);
    let failed = SyncEvent::Applied {
        step: 0,
        outcome: Err("forbidden".into()),
    };
    assert!(machine.advance(now(), failed).is_empty());
    let commands = machine.advance(now(), applied(1));
    let state = finished(&commands);
    assert_eq!(
        state.message,
        "one or more objects failed to apply, reason: forbidden"
    );
    assert_eq!(state.sync_result.as_ref().unwrap().resources.len(), 2);
}

#[test]
fn termination_waits_for_what_is_under_way() {
    let mut machine = machine(vec![step("a", 0, 0), step("b", 0, 1)]);
    machine.advance(now(), SyncEvent::Recorded);
    assert!(machine.advance(now(), SyncEvent::Terminate).is_empty());
    let commands = machine.advance(now(), applied(0));
    assert_eq!(finished(&commands).message, "Operation terminated");
}

#[test]
fn empty_plan_succeeds() {
    let mut machine = machine(vec![]);
    let commands = machine.advance(now(), SyncEvent::Recorded);
    assert_eq!(finished(&commands).phase, OperationPhase::Succeeded);
}
