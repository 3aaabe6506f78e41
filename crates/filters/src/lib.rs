//! Trunkline's `filters` crate.
