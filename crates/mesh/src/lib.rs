//! Trunkline's `mesh` crate.
