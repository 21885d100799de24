//! A dead cluster slows no other, in simulated time: the network's and the queue's, not the
//! processor's.

use crate::link::{Way, Weather};
use crate::model::APPS;
use crate::people;
use crate::script::Script;
use std::time::Duration;

/// More Applications than there are workers.
const ON_THE_DEAD: usize = 140;
/// The Application of the other cluster.
const OTHER: usize = 1;

/// Milliseconds from a commit that concerns everybody until the other cluster has it, where the
/// first one dies, or does not.
fn reaction(dies: bool) -> u64 {
    let runtime = crate::runtime();
    runtime.block_on(async {
        let mut script = Script::new(1).await;
        for at in 0..ON_THE_DEAD {
            people::look_on(&script.world.hub, at).await;
        }
        script.world.start();
        tokio::time::sleep(Duration::from_secs(50)).await;
        script.commit_to_all();
        if dies {
            script.world.links["c0"].set(Weather {
                way: Way::BlackHole,
                ..Weather::fair()
            });
        }
        let head = script.world.repository.head();
        let declared = head.apps[OTHER % APPS].clone().unwrap();
        let begun = script.world.clock.passed_ms();
        while script.world.differs(OTHER, &declared).is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(script.world.clock.passed_ms() < begun + 600_000);
        }
        script.world.clock.passed_ms() - begun
    })
}

#[test]
fn dead_cluster_with_many_applications_slows_no_other() {
    let (alone, beside_a_dead_one) = (reaction(false), reaction(true));
    assert!(
        beside_a_dead_one as f64 <= alone as f64 * 1.05,
        "{beside_a_dead_one} ms beside a dead cluster, {alone} ms without"
    );
}
