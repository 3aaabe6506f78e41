//! Numbers of a fixed width in bits, least significant bit first.

use std::ops::Range;

use super::Damaged;

/// Bits that this number needs; 0 for 0.
pub(crate) const fn width(largest: u64) -> u32 {
    u64::BITS - largest.leading_zeros()
}

/// Appends numbers of at most 32 bits; the last byte is filled up with zeros.
pub(crate) fn pack(into: &mut Vec<u8>, numbers: &[u32], width: u32) {
    let mut waiting = 0_u64;
    let mut bits = 0;
    into.reserve(numbers.len() * width as usize / 8 + 8);
    for number in numbers {
        waiting |= u64::from(*number) << bits;
        bits += width;
        if bits >= 32 {
            into.extend_from_slice(&(waiting as u32).to_le_bytes());
            waiting >>= 32;
            bits -= 32;
        }
    }
    let left = waiting.to_le_bytes();
    into.extend(left.iter().take(bits.div_ceil(8) as usize));
}

/// Appends numbers of at most 64 bits; the last byte is filled up with zeros.
pub(crate) fn pack_long(into: &mut Vec<u8>, numbers: &[u64], width: u32) {
    let mut waiting = 0_u128;
    let mut bits = 0;
    for number in numbers {
        waiting |= u128::from(*number) << bits;
        bits += width;
        if bits >= 64 {
            into.extend_from_slice(&(waiting as u64).to_le_bytes());
            waiting >>= 64;
            bits -= 64;
        }
    }
    let left = waiting.to_le_bytes();
    into.extend(left.iter().take(bits.div_ceil(8) as usize));
}

/// Reads `count` numbers of at most 32 bits.
pub(crate) fn unpack(
    bytes: &[u8],
    width: u32,
    count: usize,
    into: &mut Vec<u32>,
) -> Result<(), Damaged> {
    if width > 32 || (count * width as usize).div_ceil(8) > bytes.len() {
        return Err(Damaged::Cut);
    }
    let mask = ((1_u64 << width) - 1) as u32;
    let start = into.len();
    into.resize(start + count, 0);
    let places = into.get_mut(start..).unwrap_or_default();
    let mut bit = 0_usize;
    for place in places {
        let word = bytes.get(bit / 8..bit / 8 + 8).and_then(|word| word.first_chunk());
        let word = word.map_or_else(|| word_at(bytes, bit / 8), |word| u64::from_le_bytes(*word));
        *place = (word >> (bit % 8)) as u32 & mask;
        bit += width as usize;
    }
    Ok(())
}

/// Reads `count` numbers of at most 64 bits.
pub(crate) fn unpack_long(
    bytes: &[u8],
    width: u32,
    count: usize,
    mut see: impl FnMut(u64),
) -> Result<(), Damaged> {
    if width > 64 || (count * width as usize).div_ceil(8) > bytes.len() {
        return Err(Damaged::Cut);
    }
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    let mut bit = 0_usize;
    for _ in 0..count {
        let low = u128::from(word_at(bytes, bit / 8));
        let high = u128::from(word_at(bytes, bit / 8 + 8));
        see(((high << 64 | low) >> (bit % 8)) as u64 & mask);
        bit += width as usize;
    }
    Ok(())
}

/// One number of at most 32 bits.
pub(crate) fn at(bytes: &[u8], width: u32, index: usize) -> Result<u32, Damaged> {
    let bit = index * width as usize;
    if width > 32 || (bit + width as usize).div_ceil(8) > bytes.len() {
        return Err(Damaged::Cut);
    }
    let mask = ((1_u64 << width) - 1) as u32;
    Ok((word_at(bytes, bit / 8) >> (bit % 8)) as u32 & mask)
}

/// How many of these bits are set.
pub(crate) fn ones(bytes: &[u8], places: Range<usize>) -> Result<u32, Damaged> {
    if places.is_empty() {
        return Ok(0);
    }
    let whole = bytes.get(places.start / 8..places.end.div_ceil(8)).ok_or(Damaged::Cut)?;
    let (words, rest) = whole.as_chunks::<8>();
    let mut ones: u32 = words.iter().map(|word| u64::from_le_bytes(*word).count_ones()).sum();
    ones += rest.iter().map(|byte| byte.count_ones()).sum::<u32>();
    // What is in the first and the last byte besides.
    let (first, last) = (places.start % 8, places.end % 8);
    ones -= whole.first().map_or(0, |byte| (byte & ((1_u8 << first) - 1)).count_ones());
    if last > 0 {
        ones -= whole.last().map_or(0, |byte| (byte & !((1_u8 << last) - 1)).count_ones());
    }
    Ok(ones)
}

/// Eight bytes from here on; zeros after the end.
fn word_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some(word) = rest.first_chunk() {
        return u64::from_le_bytes(*word);
    }
    let mut word = [0; 8];
    word.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_come_back() {
        for bits in 0..=64_u32 {
            let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            let numbers: Vec<u64> =
                (0..77_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask).collect();
            let mut bytes = Vec::new();
            pack_long(&mut bytes, &numbers, bits);
            assert_eq!(bytes.len(), (77 * bits as usize).div_ceil(8));
            let mut back = Vec::new();
            unpack_long(&bytes, bits, 77, |number| back.push(number)).unwrap();
            assert_eq!(back, numbers);
            assert_eq!(width(mask), bits);
            if bits <= 32 {
                let short: Vec<u32> = numbers.iter().map(|number| *number as u32).collect();
                let (mut packed, mut back) = (Vec::new(), Vec::new());
                pack(&mut packed, &short, bits);
                assert_eq!(packed, bytes);
                unpack(&packed, bits, 77, &mut back).unwrap();
                assert_eq!(back, short);
            }
        }
    }

    #[test]
    fn bits_are_counted_between_any_two_places() {
        let bytes: Vec<u8> =
            (0..40_u32).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 13) as u8).collect();
        let is_set = |bit: &usize| bytes[bit / 8] >> (bit % 8) & 1 == 1;
        for start in 0..70 {
            for end in start..320 {
                let expected = (start..end).filter(is_set).count() as u32;
                assert_eq!(ones(&bytes, start..end), Ok(expected), "{start}..{end}");
            }
        }
        assert_eq!(ones(&bytes, 0..321), Err(Damaged::Cut));
        assert_eq!(
            (at(&bytes, 9, 34), at(&bytes, 9, 35)),
            (Ok(word_at(&bytes, 38) as u32 >> 2 & 511), Err(Damaged::Cut))
        );
    }

    #[test]
    fn what_is_cut_is_refused() {
        assert_eq!(unpack(&[1, 2], 9, 2, &mut Vec::new()), Err(Damaged::Cut));
        assert_eq!(unpack_long(&[1, 2], 9, 2, |_| ()), Err(Damaged::Cut));
        assert_eq!(unpack(&[0; 99], 33, 1, &mut Vec::new()), Err(Damaged::Cut));
    }
}
