//! Which service addresses and node ports are taken, cluster by cluster.

use crate::HookCx;
use crate::hooks::service;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The first and the last node port.
const NODE_PORTS: (u32, u32) = (30_000, 32_767);
/// The lower part of both ranges is left to people who choose by hand.
const RESERVED_ADDRESSES: u32 = 256;
const RESERVED_PORTS: u32 = 86;

/// Taken addresses and ports of all clusters; a cluster's are read from its Services once.
#[derive(Debug, Default)]
pub struct Allocations(Mutex<HashMap<String, HashSet<String>>>);

/// One request's claims: they are given back unless [`Seat::keep`] says otherwise.
pub struct Seat<'a> {
    all: &'a Allocations,
    cluster: String,
    owned: Vec<String>,
    claims: RefCell<Vec<String>>,
}

impl Allocations {
    /// Starts a request that already owns some.
    pub fn of(&self, cx: &HookCx<'_>, owned: Vec<String>) -> Seat<'_> {
        let cluster = cx.facts.instance();
        let mut all = self.lock();
        all.entry(cluster.clone()).or_insert_with(|| {
            cx.reader
                .list("", "services", None)
                .iter()
                .flat_map(service::taken)
                .collect()
        });
        Seat {
            all: self,
            cluster,
            owned,
            claims: RefCell::default(),
        }
    }

    /// Gives back what an object no longer holds.
    pub fn release(&self, cluster: &str, freed: impl Iterator<Item = String>) {
        if let Some(taken) = self.lock().get_mut(cluster) {
            for what in freed {
                taken.remove(&what);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashSet<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat<'_> {
    /// Takes an address or port; `false` where another holds it.
    pub fn claim(&self, what: &str) -> bool {
        if self.owned.iter().any(|o| o == what) {
            return true;
        }
        let new = self
            .all
            .lock()
            .get_mut(&self.cluster)
            .is_some_and(|taken| taken.insert(what.to_owned()));
        if new {
            self.claims.borrow_mut().push(what.to_owned());
        }
        new
    }

    /// Takes a free address of a range such as `10.96.0.0/12`; `seed` spreads the choice.
    pub fn address(&self, cidr: &str, seed: &str) -> Option<String> {
        let (base, bits) = cidr.split_once('/')?;
        let base = u32::from(base.parse::<std::net::Ipv4Addr>().ok()?);
        let bits: u32 = bits.parse().ok().filter(|b| *b <= 30)?;
        let size = 1_u32.checked_shl(32 - bits).unwrap_or(u32::MAX);
        let low = if size > 4 * RESERVED_ADDRESSES {
            RESERVED_ADDRESSES
        } else {
            1
        };
        let span = size - low - 1;
        self.first_free(low, span, seed, |offset| {
            std::net::Ipv4Addr::from(base.wrapping_add(offset)).to_string()
        })
        .map(|offset| std::net::Ipv4Addr::from(base.wrapping_add(offset)).to_string())
    }

    /// Takes a free node port.
    pub fn port(&self, protocol: &str, seed: &str) -> Option<i64> {
        let low = NODE_PORTS.0 + RESERVED_PORTS;
        let span = NODE_PORTS.1 - low + 1;
        self.first_free(low, span, &format!("{seed}{protocol}"), |n| {
            format!("{protocol}/{n}")
        })
        .map(i64::from)
    }

    fn first_free(
        &self,
        low: u32,
        span: u32,
        seed: &str,
        spell: impl Fn(u32) -> String,
    ) -> Option<u32> {
        let start = seed.bytes().fold(2_166_136_261_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(16_777_619)
        }) % span;
        (0..span.min(100_000))
            .map(|step| low + (start + step) % span)
            .find(|candidate| self.claim(&spell(*candidate)))
    }

    /// Ends the request: what was claimed stays claimed, or is given back.
    pub fn keep(&self, keep: bool) {
        let claims = std::mem::take(&mut *self.claims.borrow_mut());
        if !keep {
            self.all.release(&self.cluster, claims.into_iter());
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.keep(false);
    }
}
