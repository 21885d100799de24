//! What changed since when, in bounded memory.
//!
//! A machine: each subject stands in the journal once, at the number of its last change, so that
//! a reader who was away for long gets every subject once, and none grows with the time away.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// The number of a change; 0 is before all of them.
pub type Seq = u64;

/// The last change of each subject, in order.
#[derive(Debug)]
pub struct Journal<T> {
    last: HashMap<T, Seq>,
    order: BTreeMap<Seq, T>,
    next: Seq,
    /// Nothing is known of changes up to here.
    floor: Seq,
    keeps: usize,
}

impl<T: Clone + Eq + Hash> Journal<T> {
    /// A journal of at most `keeps` subjects.
    pub fn new(keeps: usize) -> Self {
        Self {
            last: HashMap::new(),
            order: BTreeMap::new(),
            next: 1,
            floor: 0,
            keeps,
        }
    }

    /// The number of the last change.
    pub fn seq(&self) -> Seq {
        self.next - 1
    }

    /// Notes that `subject` changed, and gives the change's number.
    pub fn note(&mut self, subject: T) -> Seq {
        let seq = self.next;
        self.next += 1;
        if let Some(before) = self.last.insert(subject.clone(), seq) {
            self.order.remove(&before);
        }
        self.order.insert(seq, subject);
        if self.order.len() > self.keeps
            && let Some((seq, subject)) = self.order.pop_first()
        {
            self.last.remove(&subject);
            self.floor = seq;
        }
        seq
    }

    /// Subjects that changed after `since`, oldest first and at most `max`, with the number to go
    /// on from; `None` where that is not known any more, or was never given out.
    pub fn since(&self, since: Seq, max: usize) -> Option<(Vec<T>, Seq)> {
        if since < self.floor || since > self.seq() {
            return None;
        }
        let mut to = since;
        let mut subjects = Vec::new();
        for (seq, subject) in self.order.range(since + 1..).take(max) {
            subjects.push(subject.clone());
            to = *seq;
        }
        if subjects.len() < max {
            to = self.seq();
        }
        Some((subjects, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subject_is_told_once_at_its_last_change() {
        let mut journal = Journal::new(10);
        for subject in ["a", "b", "a"] {
            journal.note(subject);
        }
        assert_eq!(journal.since(0, 9), Some((vec!["b", "a"], 3)));
        assert_eq!(journal.since(2, 9), Some((vec!["a"], 3)));
        assert_eq!(journal.since(3, 9), Some((vec![], 3)));
    }

    #[test]
    fn batches_go_on_where_the_last_ended() {
        let mut journal = Journal::new(10);
        for subject in ["a", "b", "c"] {
            journal.note(subject);
        }
        let (first, on) = journal.since(0, 2).unwrap();
        assert_eq!((first, on), (vec!["a", "b"], 2));
        assert_eq!(journal.since(on, 2), Some((vec!["c"], 3)));
    }

    #[test]
    fn reader_from_before_the_floor_or_from_the_future_is_told() {
        let mut journal = Journal::new(2);
        for subject in ["a", "b", "c"] {
            journal.note(subject);
        }
        assert_eq!(journal.since(0, 9), None);
        assert_eq!(journal.since(1, 9), Some((vec!["b", "c"], 3)));
        assert_eq!(journal.since(4, 9), None);
    }
}
