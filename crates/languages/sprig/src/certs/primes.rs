//! Prime numbers from given randomness.

use super::montgomery::{power, power_of_two};
use argosy_gotmpl::Env;
use num_bigint::BigUint;
use std::sync::LazyLock;

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
        for (step, _) in composite.iter().enumerate().filter(|(_, known)| !**known) {
            let candidate = &start + 2 * step;
            if candidate.bits() > bits {
                break;
            }
            if passes(env, &candidate) {
                return candidate;
            }
        }
    }
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
    passes(env, candidate)
}

/// The test of Miller and Rabin for an odd number without small divisors: to base 2, which throws
/// out nearly all that is no prime, then to random ones.
fn passes(env: &mut dyn Env, candidate: &BigUint) -> bool {
    let one = BigUint::from(1_u32);
    let last = candidate - &one;
    let twos = last.trailing_zeros().unwrap_or(0);
    let odd = &last >> twos;
    let reaches_last = |mut power: BigUint| {
        if power == one || power == last {
            return true;
        }
        (1..twos).any(|_| {
            power = &power * &power % candidate;
            power == last
        })
    };
    // FIPS 186-5, table B.1, asks for 5 at 1,024 bits. How many there are shows in what a render
    // draws next, and so in the certificates that a release has.
    let rounds = if candidate.bits() >= 1024 { 7 } else { 39 };
    reaches_last(power_of_two(&odd, candidate))
        && (0..rounds).all(|_| reaches_last(power(&below(env, &last), &odd, candidate)))
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
        // 1309 * 2659 * 4003 and so on pass for primes to base 2, and have no small divisor here.
        let strong = BigUint::from(1_000_003_u32) * BigUint::from(1_000_033_u32);
        assert!(!is_prime(&mut env, &strong));
    }

    #[test]
    fn prime_has_its_bits() {
        let mut env = FixedEnv::default();
        let prime = prime(&mut env, 256);
        assert_eq!(prime.bits(), 256);
        assert!(prime.bit(254) && is_prime(&mut env, &prime));
    }
}
