//! The health of a whole application from that of its objects.

use crate::Health;
use argosy_crds::HealthCode;
use argosy_object::Key;

/// One managed object's part in the health of its application.
#[derive(Clone, Debug)]
pub struct Contribution<'a> {
    /// The object.
    pub key: &'a Key,
    /// Its health; `None` where its kind has no rule.
    pub health: Option<&'a Health>,
    /// Whether it is live.
    pub is_live: bool,
    /// Hooks, ignored objects and those that are to be pruned do not count.
    pub counts: bool,
}

/// The worst health of all that count, and a message that says which objects cause it.
///
/// A missing object does not lower the health of the others; an application none of whose
/// objects is live is `Missing`. An Application among the objects counts only while it is
/// neither `Missing` nor `Unknown`.
/// Compat: Argo CD 3.4 and later; the message is `Caused by` with keys, as 3.6 has it, and the
/// first cause's own message.
pub fn overall<'a>(objects: impl IntoIterator<Item = Contribution<'a>>) -> Health {
    let mut worst = HealthCode::Healthy;
    let mut causes: Vec<(&Key, &Health)> = Vec::new();
    let (mut any, mut any_live) = (false, false);
    for object in objects.into_iter().filter(|o| o.counts) {
        any = true;
        any_live |= object.is_live;
        let Some(health) = object.health else {
            continue;
        };
        let is_application =
            &*object.key.kind == "Application" && &*object.key.group == "argoproj.io";
        if is_application && matches!(health.code, HealthCode::Missing | HealthCode::Unknown) {
            continue;
        }
        if health.code > worst {
            worst = health.code;
            causes.clear();
        }
        if health.code == worst && worst != HealthCode::Healthy {
            causes.push((object.key, health));
        }
    }
    if any && !any_live {
        return Health::new(HealthCode::Missing, "");
    }
    Health::new(worst, message(&causes))
}

/// `Caused by A, B and 3 more: <message of A>`.
fn message(causes: &[(&Key, &Health)]) -> String {
    const NAMED: usize = 3;
    let Some((_, first)) = causes.first() else {
        return String::new();
    };
    let named: Vec<String> = causes
        .iter()
        .take(NAMED)
        .map(|(key, _)| key.to_string())
        .collect();
    let mut text = format!("Caused by {}", named.join(", "));
    if causes.len() > NAMED {
        text.push_str(&format!(" and {} more", causes.len() - NAMED));
    }
    if !first.message.is_empty() {
        text.push_str(&format!(": {}", first.message));
    }
    text
}
