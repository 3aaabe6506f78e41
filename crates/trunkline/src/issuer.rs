//! The project's own CA, as the proxy asks for certificates: one leaf for each set of names, kept
//! until it is due, so that a reload does not change what callers see.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use trunkline_mesh::{Authority, Leaf};
use trunkline_net::tls::Certificate;
use trunkline_proxy::{IssueError, Issuer};

/// Sets of names whose leaves are kept; each listener has one.
const LEAVES_MAX: usize = 256;

/// Issues from the user's CA.
pub(crate) struct OwnIssuer {
    authority: Arc<Authority>,
    leaves: Mutex<HashMap<Vec<String>, Leaf>>,
}

impl OwnIssuer {
    /// Issues from this authority.
    pub(crate) fn new(authority: Arc<Authority>) -> Self {
        Self { authority, leaves: Mutex::default() }
    }

    /// When the first of its leaves should be replaced, by preparing the configuration again.
    pub(crate) fn renew_at(&self) -> Option<SystemTime> {
        let leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        leaves.values().map(|leaf| leaf.renew_at).min()
    }
}

impl Issuer for OwnIssuer {
    fn issue(&self, names: &[String], now: SystemTime) -> Result<Certificate, IssueError> {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = leaves.get(names).filter(|leaf| now < leaf.renew_at) {
            return Ok(leaf.certificate.clone());
        }
        let leaf = self
            .authority
            .issue_gateway(names.iter().map(String::as_str), now)
            .map_err(|error| IssueError::Refused(crate::exit::chain(&error)))?;
        if leaves.len() >= LEAVES_MAX {
            leaves.clear();
        }
        leaves.insert(names.to_vec(), leaf.clone());
        Ok(leaf.certificate)
    }
}
