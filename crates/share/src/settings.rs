//! Where the Redis is and how long it is waited for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

/// The settings of a link.
#[derive(Clone)]
pub struct Settings {
    /// `redis://[user:password@]host[:port][/database]`, `rediss://` for the same over TLS, or
    /// `unix:///path/of/socket[?db=1&user=name&pass=word]`.
    pub url: String,
    /// Whom to trust where the URL asks for TLS; not looked at where it does not.
    pub tls: Option<Arc<ClientConfig>>,
    /// Begins the name of every key; without braces, which are for the hash tag.
    pub prefix: String,
    /// The longest wait for an answer, and for a connection; at least a millisecond.
    pub timeout: Duration,
}

/// Settings that no link can have. The URL is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// Not a URL of a Redis.
    #[error("the url is not one of redis://, rediss:// or unix://")]
    Url,
    /// TLS without a word about whom to trust.
    #[error("rediss:// needs settings of tls")]
    Tls,
    /// A brace would move the hash tag of the keys.
    #[error("the prefix holds a brace")]
    Prefix,
    /// No answer comes in no time.
    #[error("the timeout is at least a millisecond")]
    Timeout,
}

impl Settings {
    /// Whether a link can be made of them, but for the URL.
    pub(crate) fn check(&self) -> Result<(), BadSettings> {
        if self.prefix.contains(['{', '}']) {
            return Err(BadSettings::Prefix);
        }
        if self.timeout < Duration::from_millis(1) {
            return Err(BadSettings::Timeout);
        }
        Ok(())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
