//! Disks: the real folder, the recorder, and redb upon them.

mod backend;
mod folder;
mod recorder;
