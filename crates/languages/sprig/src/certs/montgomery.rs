//! Powers modulo an odd number, in Montgomery's form: what making and using an RSA key is made of.
//!
//! Numbers of 256, 1,024 and 2,048 bits (the primes of keys, and the keys themselves) have code of
//! their own size; num-bigint does the others.

use num_bigint::BigUint;

/// Words of the longest number that has code of its own.
const MAX_WORDS: usize = 32;

/// `base` to the power of `exponent`, modulo `modulus`.
pub(super) fn power(base: &BigUint, exponent: &BigUint, modulus: &BigUint) -> BigUint {
    if !modulus.bit(0) {
        return base.modpow(exponent, modulus);
    }
    match modulus.bits() {
        193..=256 => Modulus::<4>::new(modulus).power(base, exponent),
        961..=1024 => Modulus::<16>::new(modulus).power(base, exponent),
        1985..=2048 => Modulus::<32>::new(modulus).power(base, exponent),
        _ => base.modpow(exponent, modulus),
    }
}

/// 2 to the power of `exponent`, modulo `modulus`: without a multiplication but the squares.
pub(super) fn power_of_two(exponent: &BigUint, modulus: &BigUint) -> BigUint {
    if !modulus.bit(0) {
        return BigUint::from(2_u32).modpow(exponent, modulus);
    }
    match modulus.bits() {
        193..=256 => Modulus::<4>::new(modulus).power_of_two(exponent),
        961..=1024 => Modulus::<16>::new(modulus).power_of_two(exponent),
        1985..=2048 => Modulus::<32>::new(modulus).power_of_two(exponent),
        _ => BigUint::from(2_u32).modpow(exponent, modulus),
    }
}

/// An odd modulus of so many words, the lowest first.
struct Modulus<'m, const N: usize> {
    number: &'m BigUint,
    words: [u64; N],
    /// What makes the lowest word vanish: -1 / modulus, modulo 2^64.
    factor: u64,
    /// 2^(64 N), modulo the modulus: the form of 1.
    one: [u64; N],
}

impl<'m, const N: usize> Modulus<'m, N> {
    fn new(number: &'m BigUint) -> Self {
        let words = words(number);
        // Newton's iteration: each step doubles the number of right bits, which starts at 3.
        let mut inverse = words[0];
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(words[0].wrapping_mul(inverse)));
        }
        Self {
            number,
            words,
            factor: inverse.wrapping_neg(),
            one: self::words(&((BigUint::from(1_u32) << (64 * N)) % number)),
        }
    }

    fn power(&self, base: &BigUint, exponent: &BigUint) -> BigUint {
        const WINDOW: u64 = 4;
        let base = words(&(((base % self.number) << (64 * N)) % self.number));
        let mut powers = [self.one; 1 << WINDOW];
        for index in 1..powers.len() {
            powers[index] = self.multiply(&powers[index - 1], &base);
        }
        let mut result = self.one;
        for window in (0..exponent.bits().div_ceil(WINDOW)).rev() {
            let mut digit = 0;
            for bit in (0..WINDOW).rev() {
                result = self.square(&result);
                digit = digit << 1 | usize::from(exponent.bit(window * WINDOW + bit));
            }
            if digit != 0 {
                result = self.multiply(&result, &powers[digit]);
            }
        }
        self.plain(&result)
    }

    fn power_of_two(&self, exponent: &BigUint) -> BigUint {
        let mut result = self.one;
        for bit in (0..exponent.bits()).rev() {
            result = self.square(&result);
            if exponent.bit(bit) {
                result = self.double(&result);
            }
        }
        self.plain(&result)
    }

    /// Out of Montgomery's form.
    fn plain(&self, number: &[u64; N]) -> BigUint {
        let mut wide = [0; 2 * MAX_WORDS];
        wide[..N].copy_from_slice(number);
        let words = self.reduce(&mut wide);
        let digits = words.iter().flat_map(|w| [*w as u32, (w >> 32) as u32]);
        BigUint::new(digits.collect())
    }

    fn double(&self, number: &[u64; N]) -> [u64; N] {
        let mut doubled = [0; N];
        let mut carry = 0;
        for (to, from) in doubled.iter_mut().zip(number) {
            *to = from << 1 | carry;
            carry = from >> 63;
        }
        self.below(doubled, carry)
    }

    fn multiply(&self, a: &[u64; N], b: &[u64; N]) -> [u64; N] {
        let mut wide = [0; 2 * MAX_WORDS];
        for (at, word) in a.iter().enumerate() {
            wide[at + N] = add_product(&mut wide[at..at + N], b, *word);
        }
        self.reduce(&mut wide)
    }

    fn square(&self, number: &[u64; N]) -> [u64; N] {
        let mut wide = [0; 2 * MAX_WORDS];
        // Each product of two different words once,
        for (at, word) in number.iter().enumerate() {
            wide[at + N] = add_product(&mut wide[2 * at + 1..at + N], &number[at + 1..], *word);
        }
        // then all of them doubled, and the words' own squares.
        let (mut top, mut carry) = (0, 0);
        for (pair, word) in wide[..2 * N].chunks_exact_mut(2).zip(number) {
            let square = u128::from(*word) * u128::from(*word);
            let low = pair[0] << 1 | top;
            let high = pair[1] << 1 | pair[0] >> 63;
            top = pair[1] >> 63;
            (pair[0], carry) = sum(low, square as u64, carry);
            (pair[1], carry) = sum(high, (square >> 64) as u64, carry);
        }
        self.reduce(&mut wide)
    }

    /// Divides by 2^(64 N), modulo the modulus.
    fn reduce(&self, wide: &mut [u64; 2 * MAX_WORDS]) -> [u64; N] {
        let mut over = 0;
        for at in 0..N {
            let factor = wide[at].wrapping_mul(self.factor);
            let carry = add_product(&mut wide[at..at + N], &self.words, factor);
            (wide[at + N], over) = sum(wide[at + N], carry, over);
        }
        let mut result = [0; N];
        result.copy_from_slice(&wide[N..2 * N]);
        self.below(result, over)
    }

    /// Takes the modulus away once, where the number with its carry is not below it.
    fn below(&self, number: [u64; N], carry: u64) -> [u64; N] {
        let mut less = [0; N];
        let mut borrow = false;
        for ((to, from), word) in less.iter_mut().zip(&number).zip(&self.words) {
            let (difference, under) = from.overflowing_sub(*word);
            let (difference, under_again) = difference.overflowing_sub(u64::from(borrow));
            *to = difference;
            borrow = under || under_again;
        }
        if carry == 0 && borrow { number } else { less }
    }
}

/// Adds `factor` times `number` to `to`, which is as long; gives what is carried out of it.
fn add_product(to: &mut [u64], number: &[u64], factor: u64) -> u64 {
    let mut carry = 0;
    for (to, word) in to.iter_mut().zip(number) {
        let sum = u128::from(*word) * u128::from(factor) + u128::from(*to) + u128::from(carry);
        *to = sum as u64;
        carry = (sum >> 64) as u64;
    }
    carry
}

fn sum(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let sum = u128::from(a) + u128::from(b) + u128::from(carry);
    (sum as u64, (sum >> 64) as u64)
}

/// A number's words; it has no more than there is room for.
fn words<const N: usize>(number: &BigUint) -> [u64; N] {
    let mut words = [0; N];
    for (to, from) in words.iter_mut().zip(number.iter_u64_digits()) {
        *to = from;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are the same in each run; runs of ones and zeros among them.
    fn number(bits: u64, seed: u32) -> BigUint {
        let mut state = u64::from(seed) * 2 + 1;
        let digits = (0..bits.div_ceil(32)).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            match state >> 61 {
                0 => 0,
                1 => u32::MAX,
                _ => (state >> 29) as u32,
            }
        });
        let mut number = BigUint::new(digits.collect()) >> (bits.div_ceil(32) * 32 - bits);
        number.set_bit(bits - 1, true);
        number
    }

    #[test]
    fn powers_are_those_of_num_bigint_at_every_size() {
        for bits in [
            64, 193, 255, 256, 512, 961, 1023, 1024, 1985, 2047, 2048, 2100,
        ] {
            for seed in 0..8 {
                let mut modulus = number(bits, seed);
                modulus.set_bit(0, true);
                let (base, exponent) = (number(bits + 7, seed + 100), number(130, seed + 200));
                assert_eq!(
                    power(&base, &exponent, &modulus),
                    base.modpow(&exponent, &modulus),
                    "{bits} {seed}"
                );
                assert_eq!(
                    power_of_two(&exponent, &modulus),
                    BigUint::from(2_u32).modpow(&exponent, &modulus),
                    "{bits} {seed}"
                );
            }
        }
    }

    #[test]
    fn moduli_at_the_edge_and_even_ones_are_right_too() {
        let one = BigUint::from(1_u32);
        for bits in [256_u64, 1024, 2048] {
            let edges = [
                (&one << bits) - 1_u32,
                (&one << (bits - 1)) + 1_u32,
                &one << (bits - 1),
            ];
            for modulus in edges {
                for base in [
                    BigUint::ZERO,
                    one.clone(),
                    &modulus - 1_u32,
                    &one << (bits - 1),
                ] {
                    for exponent in [BigUint::ZERO, one.clone(), number(77, 5)] {
                        let expected = base.modpow(&exponent, &modulus);
                        assert_eq!(power(&base, &exponent, &modulus), expected, "{modulus}");
                    }
                }
            }
        }
    }
}
