//! Differences of neighbours, packed as narrow as each block allows: `DELTA_BINARY_PACKED`.
//!
//! Times that are sorted, and lengths of time, need a few bytes each instead of eight.

use trunkline_otlp::wire::put_varint;

use super::{Damaged, array, bits, size, take, unzigzag, varint, zigzag};

/// Differences in a block, and in each of its four parts that has a width of its own.
const BLOCK: usize = 128;
const PARTS: usize = 4;
const PART: usize = BLOCK / PARTS;

/// Appends these numbers.
pub(crate) fn encode(into: &mut Vec<u8>, numbers: &[i64]) {
    put_varint(into, BLOCK as u64);
    put_varint(into, PARTS as u64);
    put_varint(into, numbers.len() as u64);
    put_varint(into, zigzag(numbers.first().copied().unwrap_or(0)));
    let mut differences = Vec::with_capacity(BLOCK);
    let mut pairs = numbers.array_windows::<2>();
    loop {
        differences.clear();
        differences.extend(pairs.by_ref().take(BLOCK).map(|[a, b]| b.wrapping_sub(*a)));
        let Some(least) = differences.iter().min().copied() else { return };
        put_varint(into, zigzag(least));
        let above: Vec<u64> =
            differences.iter().map(|one| one.wrapping_sub(least).cast_unsigned()).collect();
        put_parts(into, &above);
    }
}

fn put_parts(into: &mut Vec<u8>, above: &[u64]) {
    let mut widths = [0; PARTS];
    for (place, part) in widths.iter_mut().zip(above.chunks(PART)) {
        *place = bits::width(part.iter().fold(0, |all, one| all | one)) as u8;
    }
    into.extend_from_slice(&widths);
    for (width, part) in widths.iter().zip(above.chunks(PART)) {
        let end = into.len() + usize::from(*width) * PART / 8;
        bits::pack_long(into, part, u32::from(*width));
        into.resize(end, 0);
    }
}

/// Reads exactly `count` numbers and appends them.
pub(crate) fn decode(mut bytes: &[u8], count: usize, into: &mut Vec<i64>) -> Result<(), Damaged> {
    let shape = (size(&mut bytes)?, size(&mut bytes)?);
    if shape != (BLOCK, PARTS) || size(&mut bytes)? != count {
        return Err(Damaged::Number);
    }
    let mut last = unzigzag(varint(&mut bytes)?);
    if count == 0 {
        return Ok(());
    }
    into.push(last);
    let mut left = count - 1;
    while left > 0 {
        let least = unzigzag(varint(&mut bytes)?);
        let widths: [u8; PARTS] = array(&mut bytes)?;
        for width in widths {
            if left == 0 {
                break;
            }
            let packed = take(&mut bytes, usize::from(width) * PART / 8)?;
            let numbers = left.min(PART);
            bits::unpack_long(packed, u32::from(width), numbers, |above| {
                last = last.wrapping_add(least).wrapping_add(above.cast_signed());
                into.push(last);
            })?;
            left -= numbers;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sorted_times_are_narrow() {
        let times: Vec<i64> = (0..2048).map(|n| 1_790_000_000_000_000_000 + n * 1000).collect();
        let mut bytes = Vec::new();
        encode(&mut bytes, &times);
        assert!(bytes.len() < 200, "{}", bytes.len());
    }

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec(any::<i64>(), 0..400)) {
            let (mut bytes, mut back) = (Vec::new(), Vec::new());
            encode(&mut bytes, &numbers);
            decode(&bytes, numbers.len(), &mut back).unwrap();
            prop_assert_eq!(back, numbers);
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            bytes.splice(0..0, [0x80, 1, 4, 100]);
            let mut into = Vec::new();
            if decode(&bytes, 100, &mut into).is_ok() {
                prop_assert_eq!(into.len(), 100);
            }
        }
    }
}
