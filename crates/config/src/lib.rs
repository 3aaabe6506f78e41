//! Trunkline's `config` crate.
