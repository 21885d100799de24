//! Inputs made from good ones by changing, cutting, doubling and moving parts, for readers that
//! take bytes from anywhere: an outcome or an error, never a panic, and never for long. Tests
//! include it by its path.
//!
//! A short run is a test. `ARGOSY_FUZZ_MINUTES` goes on for as long for each target, from the seed
//! `ARGOSY_FUZZ_SEED`; a failure prints its input.

use std::panic::{RefUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What no single input may take.
const SLOWEST: Duration = Duration::from_secs(20);

/// Numbers that are the same for the same seed.
pub struct Numbers(u64);

impl Numbers {
    /// A number below another.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }
}

/// What inputs are made of.
pub struct Grammar<'g> {
    /// Good inputs.
    pub seeds: &'g [&'g [u8]],
    /// Words that mean something.
    pub words: &'g [&'g str],
}

impl Grammar<'_> {
    /// A seed with up to seven changes.
    pub fn mutated(&self, numbers: &mut Numbers) -> Vec<u8> {
        let mut bytes = self.seeds[numbers.below(self.seeds.len())].to_vec();
        for _ in 0..=numbers.below(6) {
            let at = numbers.below(bytes.len() + 1);
            let end = at + numbers.below((bytes.len() - at).min(40) + 1);
            let word = self.words[numbers.below(self.words.len())].as_bytes();
            match numbers.below(8) {
                0 => {
                    bytes.drain(at..end);
                }
                1 => {
                    let part = bytes[at..end].to_vec();
                    let to = numbers.below(bytes.len() + 1);
                    bytes.splice(to..to, part);
                }
                2 | 3 => {
                    bytes.splice(at..at, word.iter().copied());
                }
                4 => {
                    bytes.splice(at..end, word.iter().copied());
                }
                5 if at < bytes.len() => bytes[at] = numbers.below(256) as u8,
                6 => {
                    let other = self.seeds[numbers.below(self.seeds.len())];
                    let from = numbers.below(other.len());
                    let part = &other[from..(from + 60).min(other.len())];
                    bytes.splice(at..end, part.iter().copied());
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    }

    /// Gives a target one input after the other: `count` of them, or for the minutes asked for.
    pub fn run(&self, count: u64, target: impl Fn(&[u8]) + RefUnwindSafe) {
        let setting = |name: &str| {
            let value = std::env::var(name).ok();
            value.and_then(|text| text.parse::<u64>().ok())
        };
        let minutes = setting("ARGOSY_FUZZ_MINUTES");
        let seed = setting("ARGOSY_FUZZ_SEED").unwrap_or(1);
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let (begin, mut done) = (Instant::now(), 0_u64);
        let goes_on = |done: u64| match minutes {
            Some(minutes) => begin.elapsed() < Duration::from_secs(minutes * 60),
            None => done < count,
        };
        while goes_on(done) {
            let input = self.mutated(&mut numbers);
            let at = Instant::now();
            let outcome = catch_unwind(|| target(&input));
            let shown = String::from_utf8_lossy(&input);
            assert!(outcome.is_ok(), "it panics at:\n{shown}\n{input:?}");
            let took = at.elapsed();
            assert!(took < SLOWEST, "it takes {took:?}:\n{shown}\n{input:?}");
            done += 1;
        }
        println!("{done} inputs in {:?}", begin.elapsed());
    }
}
