//! The main job, end to end, on the embedded API and on a real kube-apiserver: repositories in,
//! clusters that follow; and the program and its documentation beside them.

mod bad_input;
mod charts;
mod commands;
mod demo;
mod docs;
mod faults;
mod harness;
mod helms;
mod life;
mod metrics;
mod program;
mod real;
mod renders;
mod sets;
mod webhook;

mod on_the_embedded_api {
    use crate::harness::Ground;
    use crate::{bad_input, life, sets};

    const GROUND: Ground = Ground::Embedded;

    #[tokio::test(flavor = "multi_thread")]
    async fn commit_drift_prune_and_deletion_are_followed() {
        life::commit_drift_prune_and_deletion_are_followed(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn operation_written_by_hand_starts_a_sync() {
        life::operation_written_by_hand_starts_a_sync(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn chart_becomes_healthy_when_its_pods_are_ready() {
        life::chart_becomes_healthy_when_its_pods_are_ready(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn waves_run_one_after_another() {
        life::waves_run_one_after_another(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn registry_and_clusters_make_applications_and_a_failure_deletes_none() {
        sets::registry_and_clusters_make_applications_and_a_failure_deletes_none(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn bad_names_are_told_and_good_ones_made() {
        sets::bad_names_are_told_and_good_ones_made(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_fault_is_told_and_a_good_neighbour_goes_on() {
        bad_input::every_fault_is_told_and_a_good_neighbour_goes_on(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_fixed_fault_heals_by_itself_and_nothing_was_deleted_meanwhile() {
        bad_input::a_fixed_fault_heals_by_itself_and_nothing_was_deleted_meanwhile(GROUND).await;
    }
}

mod on_a_real_api {
    use crate::harness::Ground;
    use crate::{bad_input, life, sets};

    const GROUND: Ground = Ground::Real;

    #[tokio::test(flavor = "multi_thread")]
    async fn commit_drift_prune_and_deletion_are_followed() {
        life::commit_drift_prune_and_deletion_are_followed(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn operation_written_by_hand_starts_a_sync() {
        life::operation_written_by_hand_starts_a_sync(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn chart_becomes_healthy_when_its_pods_are_ready() {
        life::chart_becomes_healthy_when_its_pods_are_ready(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn waves_run_one_after_another() {
        life::waves_run_one_after_another(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn registry_and_clusters_make_applications_and_a_failure_deletes_none() {
        sets::registry_and_clusters_make_applications_and_a_failure_deletes_none(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn bad_names_are_told_and_good_ones_made() {
        sets::bad_names_are_told_and_good_ones_made(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_fault_is_told_and_a_good_neighbour_goes_on() {
        bad_input::every_fault_is_told_and_a_good_neighbour_goes_on(GROUND).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_fixed_fault_heals_by_itself_and_nothing_was_deleted_meanwhile() {
        bad_input::a_fixed_fault_heals_by_itself_and_nothing_was_deleted_meanwhile(GROUND).await;
    }
}
