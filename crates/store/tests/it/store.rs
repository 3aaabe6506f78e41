//! The store as a whole: what it acknowledged is there once, whatever happened.

mod admin;
mod backlog;
mod crash;
mod damage;
mod hostile;
mod life;
mod open_data;
mod rig;
