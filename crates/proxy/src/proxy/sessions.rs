//! Open connections of callers: asked of the workers, with the names that workers do not know.

use std::collections::HashMap;

use tokio::sync::oneshot;
use trunkline_model::ops::{OpenRequest, Session, SessionFilter};
use trunkline_model::{EndpointId, ServiceName};

use super::Proxy;
use crate::worker::{Command, ToldRequest, ToldSession, Which};

/// Names by the numbers that workers note.
struct Names {
    services: HashMap<u64, ServiceName>,
    endpoints: HashMap<u64, EndpointId>,
}

impl Proxy {
    pub(super) async fn tell_sessions(&self, which: SessionFilter, limit: usize) -> Vec<Session> {
        let Some(meant) = self.which(&which) else {
            return Vec::new();
        };
        let names = self.names();
        let mut sessions = Vec::new();
        for index in self.asked(&which) {
            let (answer, answered) = oneshot::channel();
            let left = limit.saturating_sub(sessions.len());
            if self.tell(index, Command::Sessions(meant, left, answer)).await.is_ok() {
                let told = answered.await.unwrap_or_default();
                sessions.extend(told.into_iter().map(|told| names.session(told)));
            }
        }
        sessions
    }

    pub(super) async fn cut_meant(&self, which: SessionFilter) -> usize {
        let Some(meant) = self.which(&which) else {
            return 0;
        };
        let mut cut = 0;
        for index in self.asked(&which) {
            let (answer, answered) = oneshot::channel();
            if self.tell(index, Command::Cut(meant, answer)).await.is_ok() {
                cut += answered.await.unwrap_or_default();
            }
        }
        cut
    }

    /// `None` if nothing can be meant: there is no such service.
    fn which(&self, filter: &SessionFilter) -> Option<Which> {
        let service = match &filter.service {
            Some(name) => Some(self.registry().find(name)?.number),
            None => None,
        };
        Some(Which { number: filter.id.map(|id| id.number), service, peer: filter.peer })
    }

    /// The workers that may have what is meant.
    fn asked(&self, filter: &SessionFilter) -> Vec<usize> {
        let workers = 0..self.inner.workers.len();
        workers.filter(|index| filter.id.is_none_or(|id| id.worker == *index)).collect()
    }

    fn names(&self) -> Names {
        let mut names = Names { services: HashMap::new(), endpoints: HashMap::new() };
        for service in self.registry().all() {
            names.services.insert(service.number, service.name.clone());
            for endpoint in &service.members().endpoints {
                names.endpoints.insert(endpoint.life(), endpoint.id.clone());
            }
        }
        names
    }
}

impl Names {
    fn session(&self, told: ToldSession) -> Session {
        let ToldSession { mut session, requests } = told;
        session.open = requests.into_iter().map(|request| self.request(request)).collect();
        session
    }

    fn request(&self, told: ToldRequest) -> OpenRequest {
        OpenRequest {
            method: told.method,
            host: told.host,
            target: told.target,
            service: self.services.get(&told.service).cloned(),
            endpoint: self.endpoints.get(&told.endpoint).cloned(),
            age: told.age,
            bytes_received: told.bytes_received,
            bytes_sent: told.bytes_sent,
        }
    }
}
