//! Whether everything is as it must be in the end.

use crate::model::{APPS, app_name};
use crate::script::Script;
use argosy_object::Value;

/// What may still be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A failed sync may stand, with the condition that says so.
    Explained,
    /// Everything is as declared.
    Whole,
}

impl Script {
    /// What is not yet as it must be.
    pub fn unsettled(&self, measure: Measure) -> Option<String> {
        (0..APPS).find_map(|app| {
            let why = self.unsettled_app(app, measure)?;
            Some(format!("{}: {why}", app_name(app)))
        })
    }

    fn unsettled_app(&self, app: usize, measure: Measure) -> Option<String> {
        let application = self.world.watchman.application(&app_name(app));
        if self.deleted.contains(&app) {
            if application.is_some() {
                return Some("was deleted and is still there".into());
            }
            let live = self.world.live(app);
            return (!live.is_empty()).then(|| format!("left {:?}", live.keys()));
        }
        let application = application?;
        let text = |pointer: &str| application.pointer(pointer).and_then(Value::as_str);
        let phase = text("/status/operationState/phase").unwrap_or("none");
        if phase == "Running" || phase == "Terminating" || application.get("operation").is_some() {
            return Some(format!("an operation is {phase}"));
        }
        for (asked, author) in &self.asked {
            let times = self.world.watchman.completions(&app_name(app), author);
            if *asked == app && times != 1 {
                return Some(format!("the operation of {author} ended {times} times"));
            }
        }
        let head = self.world.repository.head();
        let Some(declared) = &head.apps[app] else {
            return (!has_condition(&application, "ComparisonError"))
                .then(|| "no condition tells that it does not render".into());
        };
        let sync = text("/status/sync/status").unwrap_or("none");
        let differs = self.world.differs(app, declared);
        if measure == Measure::Explained {
            let is_left = self.is_manual(app) || has_condition(&application, "SyncError");
            if is_left && sync == "OutOfSync" && differs.is_some() {
                return None;
            }
        }
        if let Some(differs) = differs {
            return Some(format!("is {sync}: {differs}"));
        }
        let health = text("/status/health/status").unwrap_or("none");
        if sync != "Synced" || health != "Healthy" {
            return Some(format!("is {sync} and {health}"));
        }
        let conditions = application.pointer("/status/conditions");
        match conditions.and_then(Value::as_array).map(Vec::as_slice) {
            None | Some([]) => {}
            Some(some) => return Some(format!("has conditions {some:?}")),
        }
        let revision = text("/status/sync/revision").unwrap_or_default();
        let compared = self.world.repository.commit_of(revision);
        let is_head = compared.is_some_and(|commit| commit.apps[app] == head.apps[app]);
        (!is_head).then(|| format!("was compared with {revision}"))
    }
}

fn has_condition(application: &Value, kind: &str) -> bool {
    let conditions = application.pointer("/status/conditions");
    let mut all = conditions.and_then(Value::as_array).into_iter().flatten();
    all.any(|condition| condition["type"] == kind)
}
