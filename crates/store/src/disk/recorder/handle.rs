//! A file of the recorder that somebody has open.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Call, File, Shared, content};

/// An open file of the recorder.
pub(super) struct Handle {
    pub shared: Arc<Shared>,
    pub path: PathBuf,
    pub index: usize,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.path).finish()
    }
}

impl File for Handle {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let (mut state, failed) = match self.shared.begin(Call::Write, &self.path) {
            Ok(state) => (state, None),
            Err(failed) => (failed.state, Some(failed.error)),
        };
        let length = offset + bytes.len() as u64;
        let full = state.check_space(self.index, length).err();
        let Some(error) = failed.or(full) else {
            return state.content(self.index)?.write(offset, bytes);
        };
        // A write that fails has written some of it, as far as there was space.
        let growth = state.content(self.index)?.length() + state.free();
        let fits = usize::try_from(growth.saturating_sub(offset)).unwrap_or(usize::MAX);
        let fits = fits.min(bytes.len());
        let part = content::below(&mut state.random, fits + 1);
        state.content(self.index)?.write(offset, bytes.get(..part).unwrap_or(bytes))?;
        Err(error)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.shared.state().content(self.index)?.read(offset, into)
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.shared.begin(Call::SyncData, &self.path) {
            Ok(mut state) => {
                state.content(self.index)?.sync();
                Ok(())
            }
            Err(mut failed) => {
                let mut random = failed.state.random.clone();
                failed.state.content(self.index)?.fail_sync(&mut random);
                failed.state.random = random;
                Err(failed.error)
            }
        }
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.shared.begin(Call::SetLength, &self.path)?;
        state.check_space(self.index, bytes)?;
        state.content(self.index)?.set_length(bytes)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.shared.state().content(self.index)?.length())
    }
}
