//! Trunkline's `config-derive` crate.
