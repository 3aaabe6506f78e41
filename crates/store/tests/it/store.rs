//! The store as a whole: what it acknowledged is there once, whatever happened.

mod crash;
mod damage;
mod life;
mod rig;
