//! The index's tables: objects by key, by uid, by owner and by application.

use super::entry::Packed;
use super::extract::Extracted;
use super::{Header, Live, NewsFrom, Scope, Uid};
use argosy_object::{GroupKind, Key, Str};
use argosy_ports::LiveNode;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Tree walks stop here: owner references may be made to loop.
const DESCENDANTS_MAX: usize = 20_000;

#[derive(Default)]
pub struct Tables {
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    by_key: HashMap<Key, u32>,
    by_uid: HashMap<Uid, u32>,
    by_owner: HashMap<Uid, Vec<u32>>,
    by_instance: HashMap<Str, BTreeSet<Key>>,
    by_kind: HashMap<GroupKind, HashSet<u32>>,
    /// How far a watch has told everything.
    seen: HashMap<Scope, u64>,
    strings: Strings,
    no_uids: Option<Arc<[Uid]>>,
    no_images: Option<Arc<[Str]>>,
    epoch: u32,
    body_bytes: usize,
}

struct Entry {
    header: Header,
    body: Option<Packed>,
    revision: u64,
    digest: u64,
    epoch: u32,
}

/// A change that somebody may want to hear of.
pub struct Change {
    pub key: Key,
    pub instances: Vec<Str>,
    pub owners: Arc<[Uid]>,
    /// Whether an object that nobody tracks stays what it is to its owners: itself, and its
    /// images.
    pub is_detail: bool,
}

/// Shared strings: kinds, namespaces and applications repeat in every object.
#[derive(Default)]
struct Strings {
    known: HashSet<Str>,
    purge_at: usize,
}

impl Strings {
    fn share(&mut self, text: &str) -> Str {
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        if self.known.len() >= self.purge_at.max(1024) {
            self.known.retain(|text| Arc::strong_count(text) > 1);
            self.purge_at = self.known.len() * 2;
        }
        let shared: Str = text.into();
        self.known.insert(shared.clone());
        shared
    }
}

/// The revision as a number, to compare; 0 where it is none.
fn revision(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

impl Tables {
    pub fn begin(&mut self, scope: &Scope) -> u32 {
        self.seen.remove(scope);
        self.epoch += 1;
        self.epoch
    }

    pub fn seen(&mut self, scope: &Scope, resource_version: &str) {
        let revision = revision(resource_version);
        let seen = self.seen.entry(scope.clone()).or_default();
        *seen = (*seen).max(revision);
    }

    fn seen_of(&self, key: &Key) -> u64 {
        let scope = |namespace| Scope {
            kind: key.group_kind(),
            namespace,
        };
        let everywhere = self.seen.get(&scope(None)).copied().unwrap_or(0);
        let here = key
            .namespace
            .clone()
            .and_then(|n| self.seen.get(&scope(Some(n))).copied());
        everywhere.max(here.unwrap_or(0))
    }

    fn key(&mut self, extracted: &Extracted) -> Key {
        Key {
            group: self.strings.share(&extracted.gvk.group),
            kind: self.strings.share(&extracted.gvk.kind),
            namespace: extracted
                .namespace
                .as_deref()
                .map(|text| self.strings.share(text)),
            name: extracted.name.as_str().into(),
        }
    }

    fn entry(&self, slot: u32) -> Option<&Entry> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// Takes news of an object; `None` where it is old or changes nothing that matters.
    pub fn apply(
        &mut self,
        extracted: Extracted,
        body: Option<Packed>,
        from: NewsFrom,
    ) -> Option<Change> {
        let key = self.key(&extracted);
        let news = revision(&extracted.resource_version);
        let known = self.by_key.get(&key).copied();
        let overruled =
            |entry: &&Entry| matches!(from, NewsFrom::Reset(epoch) if entry.epoch < epoch);
        let known_revision = known
            .and_then(|slot| self.entry(slot))
            .filter(|entry| !overruled(entry))
            .map_or(0, |entry| entry.revision);
        if from == NewsFrom::Write && news != 0 && news <= self.seen_of(&key) {
            return None; // the watch is past it already: the object may be gone since
        }
        if news != 0 && news < known_revision {
            self.touch(known);
            return None;
        }
        let digest = extracted.digest;
        let entry = self.make(key.clone(), extracted, body, news);
        let owners = entry.header.owners.clone();
        let instance = entry.header.instance.clone();
        let before = known.and_then(|slot| self.take(slot));
        let is_detail = before
            .as_ref()
            .is_some_and(|before| before.header.is_same_to_owners(&entry.header));
        self.put(entry);
        let before_instance = before
            .as_ref()
            .and_then(|entry| entry.header.instance.clone());
        if before.is_some_and(|entry| entry.digest == digest) {
            return None;
        }
        let mut instances: Vec<Str> = instance.into_iter().collect();
        instances.extend(before_instance.filter(|before| !instances.contains(before)));
        Some(Change {
            key,
            instances,
            owners,
            is_detail,
        })
    }

    fn touch(&mut self, slot: Option<u32>) {
        let epoch = self.epoch;
        let entry = slot.and_then(|slot| self.slots.get_mut(slot as usize)?.as_mut());
        if let Some(entry) = entry {
            entry.epoch = epoch;
        }
    }

    fn make(
        &mut self,
        key: Key,
        extracted: Extracted,
        body: Option<Packed>,
        revision: u64,
    ) -> Entry {
        let owners = if extracted.owners.is_empty() {
            self.no_uids.get_or_insert_with(|| Arc::new([])).clone()
        } else {
            extracted.owners.into()
        };
        let images = if extracted.images.is_empty() {
            self.no_images.get_or_insert_with(|| Arc::new([])).clone()
        } else {
            extracted
                .images
                .iter()
                .map(|image| self.strings.share(image))
                .collect()
        };
        let header = Header {
            key,
            version: self.strings.share(&extracted.gvk.version),
            uid: extracted.uid,
            resource_version: extracted.resource_version.into(),
            owners,
            instance: extracted
                .instance
                .as_deref()
                .map(|text| self.strings.share(text)),
            images,
            deleting: extracted.deleting,
        };
        Entry {
            header,
            body,
            revision,
            digest: extracted.digest,
            epoch: self.epoch,
        }
    }

    fn put(&mut self, entry: Entry) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        let header = &entry.header;
        self.by_key.insert(header.key.clone(), slot);
        self.by_kind
            .entry(header.key.group_kind())
            .or_default()
            .insert(slot);
        if !header.uid.is_empty() {
            self.by_uid.insert(header.uid.clone(), slot);
        }
        for owner in header.owners.iter() {
            self.by_owner.entry(owner.clone()).or_default().push(slot);
        }
        if let Some(instance) = &header.instance {
            self.by_instance
                .entry(instance.clone())
                .or_default()
                .insert(header.key.clone());
        }
        self.body_bytes += entry.body.as_ref().map_or(0, Packed::len);
        self.slots[slot as usize] = Some(entry);
    }

    fn take(&mut self, slot: u32) -> Option<Entry> {
        let entry = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        let header = &entry.header;
        self.by_key.remove(&header.key);
        if let Some(slots) = self.by_kind.get_mut(&header.key.group_kind()) {
            slots.remove(&slot);
        }
        if self.by_uid.get(&header.uid) == Some(&slot) {
            self.by_uid.remove(&header.uid);
        }
        for owner in header.owners.iter() {
            if let Some(slots) = self.by_owner.get_mut(owner) {
                slots.retain(|&known| known != slot);
                if slots.is_empty() {
                    self.by_owner.remove(owner);
                }
            }
        }
        if let Some(instance) = &header.instance
            && let Some(keys) = self.by_instance.get_mut(instance)
        {
            keys.remove(&header.key);
            if keys.is_empty() {
                self.by_instance.remove(instance);
            }
        }
        self.body_bytes -= entry.body.as_ref().map_or(0, Packed::len);
        Some(entry)
    }

    /// Forgets an object, unless what is known is newer than the news of its end.
    pub fn delete(&mut self, extracted: &Extracted) -> Option<Change> {
        let key = self.key(extracted);
        let slot = *self.by_key.get(&key)?;
        let known = self.entry(slot)?;
        let news = revision(&extracted.resource_version);
        if known.header.uid != extracted.uid && known.revision > news {
            return None; // made again by us, which the watch has not told yet
        }
        self.take(slot).map(gone)
    }

    pub fn sweep(&mut self, scope: &Scope, epoch: u32) -> Vec<Change> {
        let Some(slots) = self.by_kind.get(&scope.kind) else {
            return Vec::new();
        };
        let unseen = |entry: &Entry| {
            entry.epoch < epoch
                && (scope.namespace.is_none() || entry.header.key.namespace == scope.namespace)
        };
        let slots: Vec<u32> = slots
            .iter()
            .copied()
            .filter(|&slot| self.entry(slot).is_some_and(unseen))
            .collect();
        slots
            .into_iter()
            .filter_map(|slot| self.take(slot))
            .map(gone)
            .collect()
    }

    pub fn tracked(&self, instance: &str) -> Vec<Key> {
        self.by_instance
            .get(instance)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    pub fn get(&self, key: &Key) -> Option<Live> {
        let entry = self.entry(*self.by_key.get(key)?)?;
        Some(Live {
            header: entry.header.clone(),
            body: entry.body.clone(),
        })
    }

    fn children_of(&self, uid: &Uid) -> impl Iterator<Item = &Entry> {
        let slots = self.by_owner.get(uid).into_iter().flatten();
        slots.filter_map(|&slot| self.entry(slot))
    }

    pub fn children(&self, uid: &Uid) -> Vec<Header> {
        self.children_of(uid)
            .map(|entry| entry.header.clone())
            .collect()
    }

    pub fn descendants(&self, uid: &Uid) -> Vec<LiveNode> {
        let mut found: Vec<LiveNode> = Vec::new();
        let mut seen: HashSet<&Uid> = HashSet::new();
        let mut waiting: Vec<&Uid> = vec![uid];
        while let Some(uid) = waiting.pop() {
            for Entry { header, .. } in self.children_of(uid) {
                if found.len() >= DESCENDANTS_MAX || !seen.insert(&header.uid) {
                    continue;
                }
                waiting.push(&header.uid);
                found.push(LiveNode {
                    key: header.key.clone(),
                    version: header.version.clone(),
                    uid: header.uid.to_string().into(),
                    images: header.images.to_vec(),
                });
            }
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        found
    }

    /// The application that the nearest tracked owner belongs to.
    pub fn instance_above(&self, owners: &[Uid], deep: usize) -> Option<Str> {
        let owner = owners
            .iter()
            .find_map(|uid| self.entry(*self.by_uid.get(uid)?))?;
        match &owner.header.instance {
            Some(instance) => Some(instance.clone()),
            None if deep == 0 => None,
            None => self.instance_above(&owner.header.owners, deep - 1),
        }
    }

    pub fn size(&self) -> (usize, usize) {
        (self.by_key.len(), self.body_bytes)
    }
}

fn gone(entry: Entry) -> Change {
    Change {
        key: entry.header.key,
        instances: entry.header.instance.into_iter().collect(),
        owners: entry.header.owners,
        is_detail: false,
    }
}
