//! One coder for each coding, all with the same few verbs, and with bounded memory.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use trunkline_model::filter::Coding;

/// Effort of gzip: most of what is to be gained, for a third of the time of the best.
const GZIP_LEVEL: u32 = 4;
/// Effort of brotli: where it codes as fast as gzip, and better.
const BROTLI_QUALITY: u32 = 4;
/// What brotli looks back at, as a power of two: 256 KiB, where its usual 4 MiB would be held for
/// each body.
const BROTLI_WINDOW: u32 = 18;
/// Bytes that brotli takes in at a time.
const BROTLI_BUFFER_BYTES: usize = 4 << 10;
/// Effort of zstd, its usual one.
const ZSTD_LEVEL: i32 = 3;
/// What zstd looks back at, as a power of two; callers need not take more than 8 MiB (RFC 8878 §3.1.1).
const ZSTD_WINDOW: u32 = 18;

/// Codes the bytes of one body.
pub(super) enum Coder {
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    /// The coded form has its end.
    Ended(Vec<u8>),
}

impl Coder {
    /// A coder; `None` if the system has no memory for it.
    pub(super) fn new(coding: Coding) -> Option<Self> {
        Some(match coding {
            Coding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL))),
            Coding::Brotli => Self::Brotli(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                BROTLI_BUFFER_BYTES,
                BROTLI_QUALITY,
                BROTLI_WINDOW,
            ))),
            Coding::Zstd => {
                let mut coder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL).ok()?;
                coder.window_log(ZSTD_WINDOW).ok()?;
                Self::Zstd(coder)
            }
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(coder) => coder.write_all(bytes),
            Self::Brotli(coder) => coder.write_all(bytes),
            Self::Zstd(coder) => coder.write_all(bytes),
            Self::Ended(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(coder) => coder.flush(),
            Self::Brotli(coder) => coder.flush(),
            Self::Zstd(coder) => coder.flush(),
            Self::Ended(_) => Ok(()),
        }
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        let coded = match std::mem::replace(self, Self::Ended(Vec::new())) {
            Self::Gzip(coder) => coder.finish()?,
            Self::Brotli(coder) => coder.into_inner(),
            Self::Zstd(coder) => coder.finish()?,
            Self::Ended(coded) => coded,
        };
        *self = Self::Ended(coded);
        Ok(())
    }

    pub(super) fn coded(&self) -> &Vec<u8> {
        match self {
            Self::Gzip(coder) => coder.get_ref(),
            Self::Brotli(coder) => coder.get_ref(),
            Self::Zstd(coder) => coder.get_ref(),
            Self::Ended(coded) => coded,
        }
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(match self {
            Self::Gzip(coder) => coder.get_mut(),
            Self::Brotli(coder) => coder.get_mut(),
            Self::Zstd(coder) => coder.get_mut(),
            Self::Ended(coded) => coded,
        })
    }
}

impl std::fmt::Debug for Coder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Coder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn plain(coding: Coding, coded: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match coding {
            Coding::Gzip => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain),
            Coding::Brotli => brotli::Decompressor::new(coded, 4_096).read_to_end(&mut plain),
            Coding::Zstd => {
                zstd::stream::read::Decoder::new(coded).and_then(|mut d| d.read_to_end(&mut plain))
            }
        }
        .unwrap();
        plain
    }

    #[test]
    fn what_is_coded_in_parts_is_whole_again() {
        for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
            let mut coder = Coder::new(coding).unwrap();
            let (mut sent, mut coded) = (Vec::new(), Vec::new());
            for part in 0..50_u32 {
                let text = format!("{{\"order\":{part},\"state\":\"paid\"}}\n").repeat(40);
                coder.write(text.as_bytes()).unwrap();
                sent.extend_from_slice(text.as_bytes());
                if part % 7 == 0 {
                    coder.flush().unwrap();
                    assert!(!coder.coded().is_empty(), "{coding:?} holds back what was flushed");
                    coded.extend(coder.take());
                }
            }
            coder.finish().unwrap();
            coded.extend(coder.take());
            assert!(coded.len() < sent.len() / 10, "{coding:?}: {}", coded.len());
            assert_eq!(plain(coding, &coded), sent, "{coding:?}");
            assert!(coder.write(b"x").is_err(), "nothing follows an end");
        }
    }
}
