//! ECDSA on P-256 with nonces by RFC 6979: the same key and text give the same signature.

use crate::derive::hmac;
use num_bigint::BigUint;
use std::sync::LazyLock;

struct Curve {
    prime: BigUint,
    order: BigUint,
    b: BigUint,
    base: Point,
}

static P256: LazyLock<Curve> = LazyLock::new(|| {
    let hex = |text: &str| BigUint::parse_bytes(text.as_bytes(), 16).unwrap_or_default();
    Curve {
        prime: hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
        order: hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
        b: hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
        base: Point {
            x: hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
            y: hex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
            z: BigUint::from(1_u32),
        },
    }
});

/// A point in Jacobian coordinates; `z` is 0 for the point at infinity.
#[derive(Clone)]
struct Point {
    x: BigUint,
    y: BigUint,
    z: BigUint,
}

impl Curve {
    fn mul(&self, left: &BigUint, right: &BigUint) -> BigUint {
        left * right % &self.prime
    }

    fn sub(&self, left: &BigUint, right: &BigUint) -> BigUint {
        (left + &self.prime - right) % &self.prime
    }

    fn double(&self, point: &Point) -> Point {
        if point.z == BigUint::ZERO {
            return point.clone();
        }
        let zz = self.mul(&point.z, &point.z);
        let yy = self.mul(&point.y, &point.y);
        let beta = self.mul(&point.x, &yy);
        let alpha = self.mul(&self.sub(&point.x, &zz), &(&point.x + &zz)) * 3_u32 % &self.prime;
        let x = self.sub(&self.mul(&alpha, &alpha), &(&beta * 8_u32 % &self.prime));
        let z = self.mul(&point.y, &point.z) * 2_u32 % &self.prime;
        let slope = self.mul(&alpha, &self.sub(&(&beta * 4_u32 % &self.prime), &x));
        let y = self.sub(&slope, &(self.mul(&yy, &yy) * 8_u32 % &self.prime));
        Point { x, y, z }
    }

    fn add(&self, left: &Point, right: &Point) -> Point {
        if left.z == BigUint::ZERO {
            return right.clone();
        }
        if right.z == BigUint::ZERO {
            return left.clone();
        }
        let (left_zz, right_zz) = (self.mul(&left.z, &left.z), self.mul(&right.z, &right.z));
        let (u1, u2) = (self.mul(&left.x, &right_zz), self.mul(&right.x, &left_zz));
        let s1 = self.mul(&left.y, &self.mul(&right.z, &right_zz));
        let s2 = self.mul(&right.y, &self.mul(&left.z, &left_zz));
        let (run, rise) = (self.sub(&u2, &u1), self.sub(&s2, &s1));
        if run == BigUint::ZERO {
            if rise == BigUint::ZERO {
                return self.double(left);
            }
            return Point {
                x: u1,
                y: s1,
                z: BigUint::ZERO,
            };
        }
        let square = self.mul(&run, &run);
        let cube = self.mul(&run, &square);
        let middle = self.mul(&u1, &square);
        let x = self.sub(
            &self.sub(&self.mul(&rise, &rise), &cube),
            &(&middle * 2_u32 % &self.prime),
        );
        let y = self.sub(
            &self.mul(&rise, &self.sub(&middle, &x)),
            &self.mul(&s1, &cube),
        );
        let z = self.mul(&run, &self.mul(&left.z, &right.z));
        Point { x, y, z }
    }

    /// A multiple of the base point, as plain coordinates.
    fn multiple(&self, factor: &BigUint) -> (BigUint, BigUint) {
        let one = BigUint::from(1_u32);
        let mut sum = Point {
            x: one.clone(),
            y: one,
            z: BigUint::ZERO,
        };
        for bit in (0..factor.bits()).rev() {
            sum = self.double(&sum);
            if factor.bit(bit) {
                sum = self.add(&sum, &self.base);
            }
        }
        let inverse = Self::inverse(&sum.z, &self.prime);
        let square = self.mul(&inverse, &inverse);
        (
            self.mul(&sum.x, &square),
            self.mul(&sum.y, &self.mul(&inverse, &square)),
        )
    }

    fn inverse(number: &BigUint, prime: &BigUint) -> BigUint {
        number.modpow(&(prime - 2_u32), prime)
    }
}

fn bytes(number: &BigUint) -> [u8; 32] {
    let mut out = [0; 32];
    let plain = number.to_bytes_be();
    out[32 - plain.len()..].copy_from_slice(&plain);
    out
}

/// How many private keys there are, less one.
pub(super) fn order() -> &'static BigUint {
    &P256.order
}

/// The public key of a private one: an uncompressed point.
pub(super) fn public_key(private: &BigUint) -> Vec<u8> {
    let (x, y) = P256.multiple(private);
    [&[4][..], &bytes(&x), &bytes(&y)].concat()
}

/// Whether an uncompressed point lies on the curve.
pub(super) fn is_on_curve(point: &[u8]) -> bool {
    let Some(([4], rest)) = point.split_at_checked(1) else {
        return false;
    };
    if rest.len() != 64 {
        return false;
    }
    let curve = &*P256;
    let (x, y) = (
        BigUint::from_bytes_be(&rest[..32]),
        BigUint::from_bytes_be(&rest[32..]),
    );
    let cube = curve.mul(&curve.mul(&x, &x), &x) + &curve.b;
    let right = curve.sub(&(cube % &curve.prime), &(&x * 3_u32 % &curve.prime));
    x < curve.prime && y < curve.prime && curve.mul(&y, &y) == right
}

/// Signs a digest; the two numbers of the signature.
pub(super) fn sign(private: &BigUint, digest: &[u8; 32]) -> (BigUint, BigUint) {
    let curve = &*P256;
    let order = &curve.order;
    let message = BigUint::from_bytes_be(digest) % order;
    let seed = [bytes(private), bytes(&message)].concat();
    let (mut key, mut value) = ([0; 32], [1; 32]);
    for separator in [0, 1] {
        key = hmac(&key, &[&value, &[separator], &seed]);
        value = hmac(&key, &[&value]);
    }
    loop {
        value = hmac(&key, &[&value]);
        let nonce = BigUint::from_bytes_be(&value);
        if nonce != BigUint::ZERO && nonce < *order {
            let r = curve.multiple(&nonce).0 % order;
            let inverse = Curve::inverse(&nonce, order);
            let s = inverse * (&message + &r * private) % order;
            if r != BigUint::ZERO && s != BigUint::ZERO {
                return (r, s);
            }
        }
        key = hmac(&key, &[&value, &[0]]);
        value = hmac(&key, &[&value]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};

    #[test]
    fn signature_is_that_of_rfc_6979() {
        let number = |hex: &str| BigUint::parse_bytes(hex.as_bytes(), 16).unwrap();
        let private = number("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
        assert!(is_on_curve(&public_key(&private)));
        let (r, s) = sign(&private, &Sha256::digest(b"sample").into());
        assert_eq!(
            r,
            number("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716")
        );
        assert_eq!(
            s,
            number("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")
        );
    }
}
