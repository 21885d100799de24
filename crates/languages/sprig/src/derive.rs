//! `derivePassword`: passwords derived from a master password, and what they are derived with.

use sha2::{Digest as _, Sha256};

/// HMAC with SHA-256.
pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut padded = [0; BLOCK];
    if key.len() > BLOCK {
        padded[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        padded[..key.len()].copy_from_slice(key);
    }
    let mut inner = Sha256::new_with_prefix(padded.map(|b| b ^ 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new_with_prefix(padded.map(|b| b ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// PBKDF2 with one iteration, which is all that scrypt uses.
fn pbkdf2(password: &[u8], salt: &[u8], len: usize) -> Vec<u8> {
    let blocks = (1..=len.div_ceil(32) as u32)
        .flat_map(|block| hmac(password, &[salt, &block.to_be_bytes()]));
    blocks.take(len).collect()
}

/// scrypt.
fn scrypt(password: &[u8], salt: &[u8], cost: usize, size: usize, lanes: usize) -> Vec<u8> {
    let lane_bytes = 128 * size;
    let mut blocks = pbkdf2(password, salt, lanes * lane_bytes);
    for lane in blocks.chunks_mut(lane_bytes) {
        let words = lane
            .chunks(4)
            .map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]));
        let mixed = mix_lane(words.collect(), cost);
        lane.copy_from_slice(
            &mixed
                .iter()
                .flat_map(|w| w.to_le_bytes())
                .collect::<Vec<_>>(),
        );
    }
    pbkdf2(password, &blocks, 64)
}

fn mix_lane(mut lane: Vec<u32>, cost: usize) -> Vec<u32> {
    let len = lane.len();
    let mut memory = Vec::with_capacity(len * cost);
    for _ in 0..cost {
        memory.extend_from_slice(&lane);
        lane = mix_blocks(&lane);
    }
    for _ in 0..cost {
        let at = lane[len - 16] as usize & (cost - 1);
        for (word, other) in lane.iter_mut().zip(&memory[at * len..]) {
            *word ^= other;
        }
        lane = mix_blocks(&lane);
    }
    lane
}

fn mix_blocks(lane: &[u32]) -> Vec<u32> {
    let mut block: [u32; 16] = std::array::from_fn(|i| lane[lane.len() - 16 + i]);
    let (mut even, mut odd) = (Vec::with_capacity(lane.len()), Vec::new());
    for (index, chunk) in lane.chunks(16).enumerate() {
        for (word, other) in block.iter_mut().zip(chunk) {
            *word ^= other;
        }
        salsa(&mut block);
        if index % 2 == 0 { &mut even } else { &mut odd }.extend_from_slice(&block);
    }
    even.append(&mut odd);
    even
}

/// Salsa20 with eight rounds.
fn salsa(block: &mut [u32; 16]) {
    let input = *block;
    const COLUMNS: [[usize; 4]; 4] = [[0, 4, 8, 12], [5, 9, 13, 1], [10, 14, 2, 6], [15, 3, 7, 11]];
    const ROWS: [[usize; 4]; 4] = [[0, 1, 2, 3], [5, 6, 7, 4], [10, 11, 8, 9], [15, 12, 13, 14]];
    for _ in 0..4 {
        for [a, b, c, d] in COLUMNS.into_iter().chain(ROWS) {
            let mut step = |to: usize, x: usize, y: usize, by: u32| {
                block[to] ^= block[x].wrapping_add(block[y]).rotate_left(by);
            };
            step(b, a, d, 7);
            step(c, b, a, 9);
            step(d, c, b, 13);
            step(a, d, c, 18);
        }
    }
    for (word, input) in block.iter_mut().zip(input) {
        *word = word.wrapping_add(input);
    }
}

const SEED: &[u8] = b"com.lyndir.masterpassword";

const LONG: &[&str] = &[
    "CvcvnoCvcvCvcv",
    "CvcvCvcvnoCvcv",
    "CvcvCvcvCvcvno",
    "CvccnoCvcvCvcv",
    "CvccCvcvnoCvcv",
    "CvccCvcvCvcvno",
    "CvcvnoCvccCvcv",
    "CvcvCvccnoCvcv",
    "CvcvCvccCvcvno",
    "CvcvnoCvcvCvcc",
    "CvcvCvcvnoCvcc",
    "CvcvCvcvCvccno",
    "CvccnoCvccCvcv",
    "CvccCvccnoCvcv",
    "CvccCvccCvcvno",
    "CvcvnoCvccCvcc",
    "CvcvCvccnoCvcc",
    "CvcvCvccCvccno",
    "CvccnoCvcvCvcc",
    "CvccCvcvnoCvcc",
    "CvccCvcvCvccno",
];

/// The shapes of passwords by the name of their type.
fn templates(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => LONG,
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => return None,
    })
}

/// The characters that a letter of a shape stands for.
fn characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// Derives the password of a user at a site.
///
/// Compat: the Master Password algorithm as sprig has it. An unknown kind gives a sentence.
pub(crate) fn password(
    counter: u32,
    kind: &str,
    master: &[u8],
    user: &[u8],
    site: &[u8],
) -> Vec<u8> {
    let Some(templates) = templates(kind) else {
        return format!("cannot find password template {kind}").into_bytes();
    };
    let salt = [SEED, &(user.len() as u32).to_be_bytes(), user].concat();
    let key = scrypt(master, &salt, 32768, 8, 2);
    let site_len = (site.len() as u32).to_be_bytes();
    let seed = hmac(&key, &[SEED, &site_len, site, &counter.to_be_bytes()]);
    let template = templates[usize::from(seed[0]) % templates.len()];
    let pick = |(class, byte): (u8, &u8)| {
        let characters = characters(class);
        characters[usize::from(*byte) % characters.len()]
    };
    template.bytes().zip(&seed[1..]).map(pick).collect()
}
