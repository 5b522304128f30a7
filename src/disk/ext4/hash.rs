//! The hash that orders large folders: half of MD4, as in fs/ext4/hash.c of Linux.

/// Constants of MD4's second and third round (RFC 1320, section 3.4).
const ROUND_2: u32 = 0x5A82_7999;
const ROUND_3: u32 = 0x6ED9_EBA1;
/// MD4's initial state (RFC 1320, section 3.3), used when the filesystem has no seed.
const INITIAL: [u32; 4] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476];
/// Bytes of a name that one step consumes.
const CHUNK: usize = 32;
/// The value that marks a folder's end to its readers (`EXT4_HTREE_EOF_32BIT`), shifted as hashes
/// are.
const END_OF_FOLDER: u32 = 0x7FFF_FFFF << 1;

/// A name's order in a folder: the hash (its lowest bit is clear), then a second value that breaks
/// ties.
pub(super) type NameHash = (u32, u32);

/// Hashes names with a filesystem's seed. The bytes of a name count as signed, which the superblock
/// says (`EXT2_FLAGS_SIGNED_HASH`), as on every filesystem made on x86.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameHasher([u32; 4]);

impl NameHasher {
    pub fn new(seed: &[u8; 16]) -> Self {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(seed.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        Self(if words == [0; 4] { INITIAL } else { words })
    }

    pub fn hash(self, name: &[u8]) -> NameHash {
        let mut state = self.0;
        for (i, chunk) in name.chunks(CHUNK).enumerate() {
            transform(&mut state, &words(chunk, name.len() - i * CHUNK));
        }
        let hash = state[1] & !1;
        let hash = if hash == END_OF_FOLDER { hash - 2 } else { hash };
        (hash, state[2])
    }
}

/// Eight words of up to 32 signed bytes, filled up with the length `left` (`str2hashbuf_signed`).
fn words(chunk: &[u8], left: usize) -> [u32; 8] {
    let pad = (left & 0xFF) as u32 * 0x0101_0101;
    let mut words = [pad; 8];
    for (word, bytes) in words.iter_mut().zip(chunk.chunks(4)) {
        *word = bytes.iter().fold(pad, |word, byte| {
            let signed = i32::from(byte.cast_signed()).cast_unsigned();
            signed.wrapping_add(word << 8)
        });
    }
    words
}

fn transform(state: &mut [u32; 4], x: &[u32; 8]) {
    type Mix = fn(u32, u32, u32) -> u32;
    type Round = (Mix, u32, [usize; 8], [u32; 4]);
    let rounds: [Round; 3] = [
        (|x, y, z| z ^ (x & (y ^ z)), 0, [0, 1, 2, 3, 4, 5, 6, 7], [3, 7, 11, 19]),
        (
            |x, y, z| (x & y).wrapping_add((x ^ y) & z),
            ROUND_2,
            [1, 3, 5, 7, 0, 2, 4, 6],
            [3, 5, 9, 13],
        ),
        (|x, y, z| x ^ y ^ z, ROUND_3, [3, 7, 2, 6, 1, 5, 0, 4], [3, 9, 11, 15]),
    ];
    let [mut a, mut b, mut c, mut d] = *state;
    for (mix, constant, order, shifts) in rounds {
        for (step, word) in order.into_iter().enumerate() {
            let sum = a.wrapping_add(mix(b, c, d)).wrapping_add(x[word]).wrapping_add(constant);
            (a, b, c, d) = (d, sum.rotate_left(shifts[step % 4]), b, c);
        }
    }
    for (word, sum) in state.iter_mut().zip([a, b, c, d]) {
        *word = word.wrapping_add(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_debugfs() {
        // debugfs -R 'dx_hash -h half_md4 [-s SEED] NAME'
        let plain = NameHasher::new(&[0; 16]);
        assert_eq!(plain.hash(b"hello"), (0x1746_da32, 0x4200_13b5));
        let seeded = NameHasher::new(b"fedcba9876543210");
        let name = b"caf\xE9-and-a-name-that-is-longer-than-thirty-two-bytes";
        assert_eq!(seeded.hash(name), (0x91f9_a9fe, 0x2b3b_1ca5));
    }
}
