//! Runs of one number, and numbers packed in groups of eight: Parquet's RLE/bit-packing hybrid.

use trunkline_otlp::wire::put_varint;

use super::{Damaged, bits, size, take};

/// A run shorter than this is packed with its neighbours.
const RUN_MIN: usize = 8;

/// Appends these numbers, all of at most `width` bits. No length is written.
pub(crate) fn encode(into: &mut Vec<u8>, numbers: &[u32], width: u32) {
    // What begins here is packed; groups have eight numbers, so a run gives its first ones to
    // fill the group before it.
    let mut packed = 0;
    let mut at = 0;
    while let Some(rest) = numbers.get(at..).filter(|rest| !rest.is_empty()) {
        let run = run_length(rest);
        let lead = (at - packed).next_multiple_of(8) - (at - packed);
        if run >= lead + RUN_MIN {
            put_packed(into, numbers.get(packed..at + lead).unwrap_or_default(), width);
            put_varint(into, ((run - lead) as u64) << 1);
            let number = rest.first().copied().unwrap_or_default().to_le_bytes();
            into.extend(number.iter().take(width.div_ceil(8) as usize));
            packed = at + run;
        }
        at += run;
    }
    put_packed(into, numbers.get(packed..).unwrap_or_default(), width);
}

fn run_length(numbers: &[u32]) -> usize {
    let first = numbers.first();
    numbers.iter().position(|number| Some(number) != first).unwrap_or(numbers.len())
}

fn put_packed(into: &mut Vec<u8>, numbers: &[u32], width: u32) {
    if numbers.is_empty() {
        return;
    }
    let groups = numbers.len().div_ceil(8);
    put_varint(into, (groups as u64) << 1 | 1);
    let end = into.len() + groups * width as usize;
    bits::pack(into, numbers, width);
    into.resize(end, 0);
}

/// Reads exactly `count` numbers and appends them.
pub(crate) fn decode(
    mut bytes: &[u8],
    width: u32,
    count: usize,
    into: &mut Vec<u32>,
) -> Result<(), Damaged> {
    if width > 32 {
        return Err(Damaged::Number);
    }
    let end = into.len() + count;
    while into.len() < end {
        let wanted = end - into.len();
        let header = size(&mut bytes)?;
        if header & 1 == 1 {
            let groups = header >> 1;
            let length = groups.checked_mul(width as usize).ok_or(Damaged::Number)?;
            let packed = take(&mut bytes, length)?;
            let numbers = groups.checked_mul(8).ok_or(Damaged::Number)?.min(wanted);
            if numbers == 0 {
                return Err(Damaged::Number);
            }
            bits::unpack(packed, width, numbers, into)?;
        } else {
            let run = (header >> 1).min(wanted);
            if run == 0 {
                return Err(Damaged::Number);
            }
            let mut number = [0; 4];
            let written = take(&mut bytes, width.div_ceil(8) as usize)?;
            number.iter_mut().zip(written).for_each(|(place, byte)| *place = *byte);
            into.resize(into.len() + run, u32::from_le_bytes(number));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn comes_back(numbers: &[u32], width: u32) {
        let (mut bytes, mut back) = (Vec::new(), vec![7]);
        encode(&mut bytes, numbers, width);
        decode(&bytes, width, numbers.len(), &mut back).unwrap();
        assert_eq!(&back[1..], numbers);
    }

    #[test]
    fn a_run_is_short_however_long_it_is() {
        let mut bytes = Vec::new();
        encode(&mut bytes, &vec![5; 100_000], 17);
        assert!(bytes.len() < 8, "{bytes:?}");
        comes_back(&vec![5; 100_000], 17);
        comes_back(&[], 3);
        comes_back(&[0; 9], 0);
    }

    proptest! {
        #[test]
        fn numbers_and_runs_come_back(
            runs in prop::collection::vec((0..1000_u32, 1..40_usize), 0..60),
        ) {
            let numbers: Vec<u32> =
                runs.iter().flat_map(|(number, times)| vec![*number; *times]).collect();
            comes_back(&numbers, 10);
        }

        #[test]
        fn no_bytes_make_it_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            width in 0..40_u32,
        ) {
            let mut into = Vec::new();
            if decode(&bytes, width, 100, &mut into).is_ok() {
                prop_assert_eq!(into.len(), 100);
            }
        }
    }
}
