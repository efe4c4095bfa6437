//! Signs files as the `minisign` tool does, with a key that is made from a number: Ed25519 over
//! BLAKE2b-512 (RFC 7693). For tests; a secret key belongs into the tool.

use std::path::Path;

use ring::signature::{Ed25519KeyPair, KeyPair};

/// A key pair.
pub struct Signer {
    pair: Ed25519KeyPair,
    key_id: [u8; 8],
}

impl Signer {
    /// The key pair of this number.
    pub fn new(number: u8) -> Self {
        Self {
            pair: Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap(),
            key_id: [number; 8],
        }
    }

    /// Writes the public key.
    pub fn write_public_key(&self, path: &Path) {
        let key = [b"Ed", &self.key_id[..], self.pair.public_key().as_ref()].concat();
        let text = format!("untrusted comment: test key\n{}\n", base64(&key));
        std::fs::write(path, text).unwrap();
    }

    /// Writes the signature of `file` beside it.
    pub fn sign(&self, file: &Path, trusted_comment: &str) {
        let hash = blake2b_512(&std::fs::read(file).unwrap());
        let signature = self.pair.sign(&hash);
        let whole = [signature.as_ref(), trusted_comment.as_bytes()].concat();
        let first = [b"ED", &self.key_id[..], signature.as_ref()].concat();
        let text = format!(
            "untrusted comment: test\n{}\ntrusted comment: {trusted_comment}\n{}\n",
            base64(&first),
            base64(self.pair.sign(&whole).as_ref())
        );
        let mut path = file.as_os_str().to_owned();
        path.push(".minisig");
        std::fs::write(path, text).unwrap();
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..4 {
            text.push(if place <= chunk.len() {
                char::from(LETTERS[(bits >> (18 - 6 * place)) as usize & 63])
            } else {
                '='
            });
        }
    }
    text
}

const IV: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

const SIGMA: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

fn blake2b_512(bytes: &[u8]) -> Vec<u8> {
    let mut h = IV;
    h[0] ^= 0x0101_0000 ^ 64;
    let mut blocks: Vec<&[u8]> = bytes.chunks(128).collect();
    if blocks.is_empty() {
        blocks.push(&[]);
    }
    let mut length = 0u64;
    for (index, chunk) in blocks.iter().enumerate() {
        length += chunk.len() as u64;
        let mut block = [0; 128];
        block[..chunk.len()].copy_from_slice(chunk);
        compress(&mut h, &block, length, index + 1 == blocks.len());
    }
    h.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn compress(h: &mut [u64; 8], block: &[u8; 128], length: u64, last: bool) {
    let mut m = [0; 16];
    for (word, bytes) in m.iter_mut().zip(block.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().unwrap());
    }
    let mut v = [0; 16];
    v[..8].copy_from_slice(h);
    v[8..].copy_from_slice(&IV);
    v[12] ^= length;
    if last {
        v[14] = !v[14];
    }
    for round in 0..12 {
        let s = SIGMA[round % 10];
        for (step, [a, b, c, d]) in [
            [0, 4, 8, 12],
            [1, 5, 9, 13],
            [2, 6, 10, 14],
            [3, 7, 11, 15],
            [0, 5, 10, 15],
            [1, 6, 11, 12],
            [2, 7, 8, 13],
            [3, 4, 9, 14],
        ]
        .into_iter()
        .enumerate()
        {
            for (word, turn_d, turn_b) in [(m[s[2 * step]], 32, 24), (m[s[2 * step + 1]], 16, 63)] {
                v[a] = v[a].wrapping_add(v[b]).wrapping_add(word);
                v[d] = (v[d] ^ v[a]).rotate_right(turn_d);
                v[c] = v[c].wrapping_add(v[d]);
                v[b] = (v[b] ^ v[c]).rotate_right(turn_b);
            }
        }
    }
    for index in 0..8 {
        h[index] ^= v[index] ^ v[index + 8];
    }
}
