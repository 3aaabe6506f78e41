//! The write-ahead log.

mod budget;
mod crash;
mod damage;
mod faults;
mod killed;
mod order;
pub mod rig;
