//! The trust domain: the project's own certification authority, and who a workload is.
//!
//! It issues short-lived certificates for the gateway's host names and for workloads, and keeps only the root on disk.
//! It terminates no connection and authorizes nobody: TLS is in `net`, authorization is a filter.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod acme;
pub mod authority;
pub mod identity;

pub use authority::{Authority, AuthorityError, Leaf, Permitted, root_file, root_files};
pub use identity::{Identity, TrustDomain};
