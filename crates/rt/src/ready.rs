//! Readiness: who must report before the whole is ready.
//!
//! Each part takes a [`Token`] before it starts and says [`Token::ready`] when it can serve. A
//! token that is dropped without that is a failed start, so a crash on the way up can never be
//! mistaken for success.

use std::sync::Arc;

use tokio::sync::watch;

/// The start of a part failed: its token was dropped before it was ready.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` stopped before it was ready")]
pub struct NotReady {
    /// The name the token was taken under.
    pub name: String,
}

#[derive(Debug, Default)]
struct Tokens {
    waiting: Vec<(u64, String)>,
    next: u64,
    failed: Option<NotReady>,
}

/// Collects the tokens of all parts; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    tokens: Arc<watch::Sender<Tokens>>,
}

/// One part's promise to become ready.
#[must_use = "a token that is dropped counts as a failed start"]
#[derive(Debug)]
pub struct Token {
    id: u64,
    tokens: Arc<watch::Sender<Tokens>>,
}

impl Readiness {
    /// Nobody to wait for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes readiness wait for one more part.
    pub fn token(&self, name: impl Into<String>) -> Token {
        let mut id = 0;
        self.tokens.send_modify(|tokens| {
            id = tokens.next;
            tokens.next += 1;
            tokens.waiting.push((id, name.into()));
        });
        Token { id, tokens: Arc::clone(&self.tokens) }
    }

    /// Names of the parts that have not reported, in the order they were taken.
    pub fn waiting_for(&self) -> Vec<String> {
        self.tokens.borrow().waiting.iter().map(|(_, name)| name.clone()).collect()
    }

    /// Whether every part has reported and none has failed.
    pub fn is_ready(&self) -> bool {
        let tokens = self.tokens.borrow();
        tokens.waiting.is_empty() && tokens.failed.is_none()
    }

    /// Waits until every part is ready, or one has failed.
    pub async fn wait(&self) -> Result<(), NotReady> {
        let mut receiver = self.tokens.subscribe();
        let settled =
            receiver.wait_for(|tokens| tokens.failed.is_some() || tokens.waiting.is_empty()).await;
        // The sender lives as long as `self`, so waiting cannot fail.
        settled.map_or(Ok(()), |tokens| tokens.failed.clone().map_or(Ok(()), Err))
    }
}

impl Token {
    /// Reports that the part can serve.
    pub fn ready(self) {
        self.settle(|_, _| {});
    }

    fn settle(&self, act: impl FnOnce(&mut Tokens, String)) {
        self.tokens.send_if_modified(|tokens| {
            let found = tokens.waiting.iter().position(|(id, _)| *id == self.id);
            if let Some(position) = found {
                let (_, name) = tokens.waiting.remove(position);
                act(tokens, name);
            }
            found.is_some()
        });
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.settle(|tokens, name| tokens.failed = Some(NotReady { name }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ready_means_all_of_them() {
        let readiness = Readiness::new();
        let (store, proxy) = (readiness.token("store"), readiness.token("proxy"));
        store.ready();
        assert!(!readiness.is_ready());
        assert_eq!(readiness.waiting_for(), ["proxy"]);
        let waiter = tokio::spawn({
            let readiness = readiness.clone();
            async move { readiness.wait().await }
        });
        proxy.ready();
        assert_eq!(waiter.await.unwrap(), Ok(()));
        assert!(readiness.is_ready());
    }

    #[tokio::test]
    async fn a_dropped_token_is_a_failed_start() {
        let readiness = Readiness::new();
        let _other = readiness.token("proxy");
        drop(readiness.token("store"));
        assert_eq!(readiness.wait().await, Err(NotReady { name: "store".into() }));
        assert!(!readiness.is_ready());
    }
}
