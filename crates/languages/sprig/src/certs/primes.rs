//! Prime numbers from given randomness.

use super::montgomery::{power, power_of_two};
use argosy_gotmpl::Env;
use num_bigint::BigUint;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Odd primes below this are divided by first: trying more of them costs more than it spares.
const SMALL_END: usize = 1 << 16;

static SMALL: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut composite = vec![false; SMALL_END];
    let mut primes = Vec::new();
    for number in 2..SMALL_END {
        if !composite[number] {
            (number * number..SMALL_END)
                .step_by(number)
                .for_each(|multiple| composite[multiple] = true);
            primes.push(number as u32);
        }
    }
    primes.split_off(1)
});

/// A random number of at most this many bits.
pub(super) fn random(env: &mut dyn Env, bits: u64) -> BigUint {
    let mut bytes = vec![0; bits.div_ceil(8) as usize];
    env.random(&mut bytes);
    BigUint::from_bytes_be(&bytes) >> (bits.div_ceil(8) * 8 - bits)
}

/// A random number from 1 to below `end`.
pub(super) fn below(env: &mut dyn Env, end: &BigUint) -> BigUint {
    loop {
        let number = random(env, end.bits());
        if number != BigUint::ZERO && number < *end {
            return number;
        }
    }
}

/// A random prime of exactly this many bits, more than 32, whose two highest bits are set.
pub(super) fn prime(env: &mut dyn Env, bits: u64) -> BigUint {
    loop {
        let mut start = random(env, bits);
        start.set_bit(bits - 1, true);
        start.set_bit(bits - 2, true);
        start.set_bit(0, true);
        // A short walk from a random start, so that little randomness is used up.
        let composite = sieve(&start, bits as usize);
        let left = composite.iter().enumerate().filter(|(_, known)| !**known);
        let candidates: Vec<Candidate> = left
            .map(|(step, _)| &start + 2 * step)
            .take_while(|number| number.bits() == bits)
            .map(Candidate::new)
            .collect();
        let mut from = 0;
        while let Some(found) = first_to_base_2(&candidates[from..]) {
            let candidate = &candidates[from + found];
            if candidate.passes_random(env) {
                return candidate.number.clone();
            }
            from += found + 1;
        }
    }
}

/// Which candidate is the first to pass to base 2, which throws out nearly all that are no primes.
/// This is where the time goes that a key takes, so two look at once.
fn first_to_base_2(candidates: &[Candidate]) -> Option<usize> {
    let (next, found) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let look = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(candidate) = candidates.get(at) else {
                return;
            };
            if at > found.load(Ordering::Relaxed) {
                return;
            }
            if candidate.passes_base_2() {
                found.fetch_min(at, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        // Where the system gives no thread, one does it alone.
        let _ = std::thread::Builder::new().spawn_scoped(scope, look);
        look();
    });
    Some(found.into_inner()).filter(|at| *at != usize::MAX)
}

/// Which of the first odd numbers from `start` on have a small divisor.
fn sieve(start: &BigUint, count: usize) -> Vec<bool> {
    let digits = start.to_u32_digits();
    let mut composite = vec![false; count];
    // Two primes are divided by at once; their product fits the digits.
    for pair in SMALL.chunks(2) {
        let product: u64 = pair.iter().map(|prime| u64::from(*prime)).product();
        let rest = digits
            .iter()
            .rev()
            .fold(0, |rest, digit| (rest << 32 | u64::from(*digit)) % product);
        for prime in pair {
            let prime = *prime as usize;
            let lacks = (prime - rest as usize % prime) % prime;
            let first = if lacks.is_multiple_of(2) {
                lacks
            } else {
                lacks + prime
            } / 2;
            composite
                .iter_mut()
                .skip(first)
                .step_by(prime)
                .for_each(|known| *known = true);
        }
    }
    composite
}

/// Whether an odd number is a prime, with an error of less than 2^-100 for random ones.
pub(super) fn is_prime(env: &mut dyn Env, candidate: &BigUint) -> bool {
    for small in SMALL.iter() {
        if candidate % small == BigUint::ZERO {
            return *candidate == BigUint::from(*small);
        }
    }
    let candidate = Candidate::new(candidate.clone());
    candidate.passes_base_2() && candidate.passes_random(env)
}

/// An odd number without small divisors, for the test of Miller and Rabin.
struct Candidate {
    number: BigUint,
    /// One less, as an odd number times a power of two.
    last: BigUint,
    odd: BigUint,
    twos: u64,
}

impl Candidate {
    fn new(number: BigUint) -> Self {
        let last = &number - 1_u32;
        let twos = last.trailing_zeros().unwrap_or(0);
        Self {
            odd: &last >> twos,
            number,
            last,
            twos,
        }
    }

    fn passes_base_2(&self) -> bool {
        self.reaches_last(power_of_two(&self.odd, &self.number))
    }

    fn passes_random(&self, env: &mut dyn Env) -> bool {
        // FIPS 186-5, table B.1, asks for 5 at 1,024 bits. How many there are shows in what a
        // render draws next, and so in the certificates that a release has.
        let rounds = if self.number.bits() >= 1024 { 7 } else { 39 };
        (0..rounds).all(|_| {
            let base = below(env, &self.last);
            self.reaches_last(power(&base, &self.odd, &self.number))
        })
    }

    /// Whether squares of a power lead to one less than the number, as they do modulo a prime.
    fn reaches_last(&self, mut power: BigUint) -> bool {
        if power == BigUint::from(1_u32) || power == self.last {
            return true;
        }
        (1..self.twos).any(|_| {
            power = &power * &power % &self.number;
            power == self.last
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_gotmpl::FixedEnv;

    #[test]
    fn sieve_leaves_out_exactly_what_has_a_small_divisor() {
        let start = (BigUint::from(1_u32) << 90) + 12_345_u32;
        let found = sieve(&start, 300);
        for (step, composite) in found.iter().enumerate() {
            let number = &start + 2 * step;
            let divides = |prime: &u32| &number % prime == BigUint::ZERO;
            assert_eq!(*composite, SMALL.iter().any(divides), "{number}");
        }
    }

    #[test]
    fn primes_are_told_from_products_and_pseudoprimes() {
        let mut env = FixedEnv::default();
        let mersenne = |bits: u32| (BigUint::from(1_u32) << bits) - 1_u32;
        for bits in [61, 89, 107, 127, 521, 1279, 2203] {
            assert!(is_prime(&mut env, &mersenne(bits)), "{bits}");
        }
        for bits in [67, 101, 257, 1277, 2039] {
            assert!(!is_prime(&mut env, &mersenne(bits)), "{bits}");
        }
        // A product whose factors are too large to be divided by.
        let product = BigUint::from(1_000_003_u32) * BigUint::from(1_000_033_u32);
        assert!(!is_prime(&mut env, &product));
    }

    #[test]
    fn prime_has_its_bits() {
        let mut env = FixedEnv::default();
        let prime = prime(&mut env, 256);
        assert_eq!(prime.bits(), 256);
        assert!(prime.bit(254) && is_prime(&mut env, &prime));
    }
}
