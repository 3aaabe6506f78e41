//! Trunkline's `testkit` crate.
