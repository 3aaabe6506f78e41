//! The project's own CA, as the proxy asks for certificates: one leaf for each set of names, kept
//! until it is due, so that a reload does not change what callers see.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use trunkline_mesh::acme::Storage;
use trunkline_mesh::{Authority, Leaf, Permitted, TrustDomain};
use trunkline_model::Model;
use trunkline_model::tls::Certificates;
use trunkline_net::tls::Certificate;
use trunkline_proxy::{IssueError, Issuer};

use crate::exit::chain;

/// Sets of names whose leaves are kept; each listener has one.
const LEAVES_MAX: usize = 256;

/// Issues from the user's CA.
pub(crate) struct OwnIssuer {
    /// The user's data folder.
    data: Option<PathBuf>,
    /// What ACME authorities issued.
    storage: Option<Storage>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    authority: Option<Arc<Authority>>,
    leaves: HashMap<Vec<String>, Leaf>,
}

impl OwnIssuer {
    /// Keeps the root below this folder; without one it cannot issue.
    pub(crate) fn new(data: Option<PathBuf>) -> Self {
        let storage = data.as_ref().map(|data| Storage::new(data.join("acme")));
        Self { data, storage, state: Mutex::default() }
    }

    /// Makes sure that the root may vouch for every name of this Model; names that a root was not
    /// made for need another root. Without a listener that wants it, no root is made.
    pub(crate) fn cover(
        &self,
        model: &Model,
        now: SystemTime,
    ) -> Result<Option<Arc<Authority>>, String> {
        let Some(permitted) = permitted(model)? else {
            return Ok(None);
        };
        let data =
            self.data.as_ref().ok_or("there is no home folder to keep the root certificate in")?;
        let mut state = self.state();
        if let Some(authority) =
            state.authority.as_ref().filter(|authority| *authority.permitted() == permitted)
        {
            return Ok(Some(Arc::clone(authority)));
        }
        let authority =
            Arc::new(Authority::open(data, permitted, now).map_err(|error| chain(&error))?);
        state.leaves.clear();
        state.authority = Some(Arc::clone(&authority));
        Ok(Some(authority))
    }

    /// The root in use, if a listener wants one.
    pub(crate) fn authority(&self) -> Option<Arc<Authority>> {
        self.state().authority.clone()
    }

    /// When the first of its leaves should be replaced, by preparing the configuration again.
    pub(crate) fn renew_at(&self) -> Option<SystemTime> {
        self.state().leaves.values().map(|leaf| leaf.renew_at).min()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the root of a Model may vouch for; `None` if no listener wants a certificate of it.
pub(crate) fn permitted(model: &Model) -> Result<Option<Permitted>, String> {
    let secure = model.listeners.iter().filter_map(|listener| listener.tls.as_ref());
    let mut names = secure.filter_map(|tls| match &tls.certificates {
        Certificates::Own { names } => Some(names),
        _ => None,
    });
    let Some(first) = names.next() else {
        return Ok(None);
    };
    let domain: TrustDomain =
        format!("{}.localhost", model.name).parse().map_err(|error| chain(&error))?;
    let names = first.iter().chain(names.flatten()).map(String::as_str);
    Permitted::new(names, &domain).map(Some).map_err(|error| chain(&error))
}

impl Issuer for OwnIssuer {
    fn storage(&self) -> Option<Storage> {
        self.storage.clone()
    }

    fn issue(&self, names: &[String], now: SystemTime) -> Result<Certificate, IssueError> {
        let mut state = self.state();
        if let Some(leaf) = state.leaves.get(names).filter(|leaf| now < leaf.renew_at) {
            return Ok(leaf.certificate.clone());
        }
        let authority = state.authority.clone().ok_or(IssueError::NoAuthority)?;
        let leaf = authority
            .issue_gateway(names.iter().map(String::as_str), now)
            .map_err(|error| IssueError::Refused(chain(&error)))?;
        if state.leaves.len() >= LEAVES_MAX {
            state.leaves.clear();
        }
        state.leaves.insert(names.to_vec(), leaf.clone());
        Ok(leaf.certificate)
    }
}
