//! Trunkline's `api` crate.
