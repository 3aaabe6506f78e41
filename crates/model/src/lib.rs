//! Trunkline's `model` crate.
