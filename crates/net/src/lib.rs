//! Trunkline's `net` crate.
