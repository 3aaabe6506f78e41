//! Trunkline's `rt` crate.
