//! Trunkline's `proxy` crate.
