//! Laws of rollups: what spans count for, who calls whom, and what a restart changes (nothing).

mod calls;
mod count;
mod keep;
mod restart;
mod span;
