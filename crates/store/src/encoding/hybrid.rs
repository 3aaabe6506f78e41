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

/// Numbers that stand together.
enum Piece<'a> {
    Run { number: u32, count: usize },
    Packed { bytes: &'a [u8], count: usize },
}

/// The pieces of `count` numbers, in order.
struct Pieces<'a> {
    bytes: &'a [u8],
    width: u32,
    left: usize,
}

impl<'a> Pieces<'a> {
    fn new(bytes: &'a [u8], width: u32, count: usize) -> Result<Self, Damaged> {
        if width > 32 {
            return Err(Damaged::Number);
        }
        Ok(Self { bytes, width, left: count })
    }

    fn next(&mut self) -> Result<Option<Piece<'a>>, Damaged> {
        if self.left == 0 {
            return Ok(None);
        }
        let header = size(&mut self.bytes)?;
        let piece = if header & 1 == 1 {
            let groups = header >> 1;
            let length = groups.checked_mul(self.width as usize).ok_or(Damaged::Number)?;
            let bytes = take(&mut self.bytes, length)?;
            let count = groups.checked_mul(8).ok_or(Damaged::Number)?.min(self.left);
            Piece::Packed { bytes, count }
        } else {
            let mut number = [0; 4];
            let written = take(&mut self.bytes, self.width.div_ceil(8) as usize)?;
            number.iter_mut().zip(written).for_each(|(place, byte)| *place = *byte);
            let count = (header >> 1).min(self.left);
            Piece::Run { number: u32::from_le_bytes(number), count }
        };
        let (Piece::Run { count, .. } | Piece::Packed { count, .. }) = piece;
        self.left -= count;
        if count == 0 { Err(Damaged::Number) } else { Ok(Some(piece)) }
    }
}

/// Reads exactly `count` numbers and appends them.
pub(crate) fn decode(
    bytes: &[u8],
    width: u32,
    count: usize,
    into: &mut Vec<u32>,
) -> Result<(), Damaged> {
    let mut pieces = Pieces::new(bytes, width, count)?;
    while let Some(piece) = pieces.next()? {
        match piece {
            Piece::Run { number, count } => into.resize(into.len() + count, number),
            Piece::Packed { bytes, count } => bits::unpack(bytes, width, count, into)?,
        }
    }
    Ok(())
}

/// Hands out the numbers at these places of `count`, which are in order; the rest is passed over.
pub(crate) fn pick(
    bytes: &[u8],
    width: u32,
    count: usize,
    places: &[u32],
    mut see: impl FnMut(u32),
) -> Result<(), Damaged> {
    let mut pieces = Pieces::new(bytes, width, count)?;
    let (mut wanted, mut begun) = (places.iter().peekable(), 0);
    while wanted.peek().is_some() {
        let piece = pieces.next()?.ok_or(Damaged::Number)?;
        let (Piece::Run { count, .. } | Piece::Packed { count, .. }) = piece;
        while let Some(place) = wanted.next_if(|place| (**place as usize) < begun + count) {
            see(match piece {
                Piece::Run { number, .. } => number,
                Piece::Packed { bytes, .. } => bits::at(bytes, width, *place as usize - begun)?,
            });
        }
        begun += count;
    }
    Ok(())
}

/// Of `count` bits, says of those at these places, which are in order: whether it is set, and how
/// many are before it.
pub(crate) fn ranks(
    bytes: &[u8],
    count: usize,
    places: &[u32],
    mut see: impl FnMut(bool, u32),
) -> Result<(), Damaged> {
    let mut pieces = Pieces::new(bytes, 1, count)?;
    let (mut wanted, mut begun, mut ones) = (places.iter().peekable(), 0, 0);
    while wanted.peek().is_some() {
        let piece = pieces.next()?.ok_or(Damaged::Number)?;
        let (Piece::Run { count, .. } | Piece::Packed { count, .. }) = piece;
        let mut counted = 0;
        while let Some(place) = wanted.next_if(|place| (**place as usize) < begun + count) {
            let at = *place as usize - begun;
            match piece {
                Piece::Run { number, .. } => see(number == 1, ones + number * at as u32),
                Piece::Packed { bytes, .. } => {
                    ones += bits::ones(bytes, counted..at)?;
                    counted = at;
                    see(bits::at(bytes, 1, at)? == 1, ones);
                }
            }
        }
        ones += match piece {
            Piece::Run { number, count } => number * count as u32,
            Piece::Packed { bytes, count } => bits::ones(bytes, counted..count)?,
        };
        begun += count;
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
        fn some_are_found_among_all(
            runs in prop::collection::vec((0..1000_u32, 1..40_usize), 1..60),
            part in 1..50_usize,
        ) {
            let numbers: Vec<u32> =
                runs.iter().flat_map(|(number, times)| vec![*number; *times]).collect();
            let flags: Vec<u32> = numbers.iter().map(|number| number % 2).collect();
            let places: Vec<u32> = (0..numbers.len() as u32).step_by(part).collect();
            let (mut packed, mut bits) = (Vec::new(), Vec::new());
            encode(&mut packed, &numbers, 10);
            encode(&mut bits, &flags, 1);
            let (mut picked, mut ranked) = (Vec::new(), Vec::new());
            pick(&packed, 10, numbers.len(), &places, |number| picked.push(number)).unwrap();
            ranks(&bits, flags.len(), &places, |set, ones| ranked.push((set, ones))).unwrap();
            for (nth, place) in places.iter().enumerate() {
                let place = *place as usize;
                prop_assert_eq!(picked[nth], numbers[place]);
                prop_assert_eq!(ranked[nth], (flags[place] == 1, flags[..place].iter().sum()));
            }
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
            let _ = pick(&bytes, width, 100, &[0, 50, 99], |_| ());
            let _ = ranks(&bytes, 100, &[0, 50, 99], |_, _| ());
        }
    }
}
