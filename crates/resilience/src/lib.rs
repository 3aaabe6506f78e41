//! Trunkline's `resilience` crate.
