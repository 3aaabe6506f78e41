//! Trunkline's `local` crate.
