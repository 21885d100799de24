//! Prime numbers from given randomness.

use argosy_gotmpl::Env;
use num_bigint::BigUint;
use std::sync::LazyLock;

/// Odd primes that candidates are divided by first.
static SMALL: LazyLock<Vec<u32>> = LazyLock::new(|| {
    const LIMIT: usize = 8192;
    let mut composite = vec![false; LIMIT];
    let mut primes = Vec::new();
    for number in 2..LIMIT {
        if !composite[number] {
            (number * number..LIMIT)
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

/// A random prime of exactly this many bits whose two highest bits are set.
pub(super) fn prime(env: &mut dyn Env, bits: u64) -> BigUint {
    loop {
        let mut candidate = random(env, bits);
        candidate.set_bit(bits - 1, true);
        candidate.set_bit(bits - 2, true);
        candidate.set_bit(0, true);
        // A short walk from a random start, so that little randomness is used up.
        for _ in 0..bits {
            if candidate.bits() == bits && is_prime(env, &candidate) {
                return candidate;
            }
            candidate += 2_u32;
        }
    }
}

/// Whether an odd number is a prime, with an error of less than 2^-100 for random ones.
pub(super) fn is_prime(env: &mut dyn Env, candidate: &BigUint) -> bool {
    for small in SMALL.iter() {
        if candidate % small == BigUint::ZERO {
            return *candidate == BigUint::from(*small);
        }
    }
    let one = BigUint::from(1_u32);
    let last = candidate - &one;
    let twos = last.trailing_zeros().unwrap_or(0);
    let odd = &last >> twos;
    // The first base throws out nearly all that is no prime.
    let rounds = if candidate.bits() >= 1024 { 8 } else { 40 };
    (0..rounds).all(|round| {
        let base = if round == 0 {
            BigUint::from(2_u32)
        } else {
            below(env, &last)
        };
        let mut power = base.modpow(&odd, candidate);
        if power == one || power == last {
            return true;
        }
        for _ in 1..twos {
            power = &power * &power % candidate;
            if power == last {
                return true;
            }
        }
        false
    })
}
