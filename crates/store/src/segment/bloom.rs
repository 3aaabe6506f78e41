//! Whether a segment may have a trace: a filter that reads 32 bytes to say no.
//!
//! A split block filter as Parquet defines it (`BloomFilter.md`), of our own hash of trace ids.

/// Bits for each trace: one in two hundred that are not there looks as if it were.
const BITS_EACH: usize = 12;
/// Bytes of a block.
pub(crate) const BLOCK: usize = 32;

const SALT: [u32; 8] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// Distributes ids evenly even where whoever makes them counts up. It is part of the format.
pub(crate) fn hash(trace: &[u8; 16]) -> u64 {
    let both = u128::from_be_bytes(*trace);
    mix((both >> 64) as u64 ^ mix(both as u64))
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood 2014).
const fn mix(mut number: u64) -> u64 {
    number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

/// Blocks that so many traces want.
const fn blocks(traces: usize) -> usize {
    let blocks = (traces * BITS_EACH).div_ceil(BLOCK * 8);
    if blocks == 0 { 1 } else { blocks }
}

/// The filter of these hashes.
pub(crate) fn build(hashes: &[u64]) -> Vec<u8> {
    let blocks = blocks(hashes.len());
    let mut bytes = vec![0; blocks * BLOCK];
    for hash in hashes {
        let at = block_of(*hash, blocks as u64) as usize * BLOCK;
        for (word, bit) in words(*hash).enumerate() {
            if let Some(byte) = bytes.get_mut(at + word * 4 + bit as usize / 8) {
                *byte |= 1 << (bit % 8);
            }
        }
    }
    bytes
}

/// Which block of so many knows of a hash.
pub(crate) const fn block_of(hash: u64, blocks: u64) -> u64 {
    ((hash >> 32) * blocks) >> 32
}

/// Whether the hash may have been put in, as far as its block knows.
pub(crate) fn may_have(block: &[u8; BLOCK], hash: u64) -> bool {
    words(hash).enumerate().all(|(word, bit)| {
        block.get(word * 4 + bit as usize / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    })
}

/// The bit of each word.
fn words(hash: u64) -> impl Iterator<Item = u32> {
    SALT.into_iter().map(move |salt| (hash as u32).wrapping_mul(salt) >> 27)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_is_found_and_little_else() {
        let id = |number: u64| hash(&u128::from(number).to_be_bytes());
        let bytes = build(&(0..10_000).map(id).collect::<Vec<_>>());
        let found = |number: u64| {
            let at = block_of(id(number), (bytes.len() / BLOCK) as u64) as usize * BLOCK;
            may_have(bytes[at..at + BLOCK].try_into().unwrap(), id(number))
        };
        assert!((0..10_000).all(found));
        let false_ones = (10_000..110_000).filter(|number| found(*number)).count();
        assert!(false_ones < 1_500, "{false_ones} of 100000");
    }
}
