//! The scripts and the names of their keys.
//!
//! A script is sent by its hash. Only a Redis that does not know it, as one that was started anew,
//! is sent the text.

use std::sync::LazyLock;

use redis::Cmd;

/// A script and its hash.
pub(crate) struct Script {
    text: String,
    hash: String,
}

/// All scripts.
pub(crate) struct Scripts {
    pub(crate) admit: Script,
    pub(crate) done: Script,
    pub(crate) release: Script,
    pub(crate) renew: Script,
    pub(crate) order: Script,
    pub(crate) look: Script,
    pub(crate) budget: Script,
}

const COMMON: &str = include_str!("lua/common.lua");
const WINDOW: &str = include_str!("lua/window.lua");
const BREAKER: &str = include_str!("lua/breaker.lua");
const RATE: &str = include_str!("lua/rate.lua");

/// A script cannot call another one, so each is put together of what it needs.
pub(crate) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts {
    admit: Script::new(&[COMMON, WINDOW, BREAKER, RATE, include_str!("lua/admit.lua")]),
    done: Script::new(&[COMMON, WINDOW, BREAKER, include_str!("lua/done.lua")]),
    release: Script::new(&[include_str!("lua/release.lua")]),
    renew: Script::new(&[COMMON, include_str!("lua/renew.lua")]),
    order: Script::new(&[COMMON, WINDOW, BREAKER, include_str!("lua/order.lua")]),
    look: Script::new(&[COMMON, WINDOW, BREAKER, RATE, include_str!("lua/look.lua")]),
    budget: Script::new(&[COMMON, include_str!("lua/budget.lua")]),
});

impl Script {
    fn new(parts: &[&str]) -> Self {
        let text = parts.concat();
        let hash = redis::Script::new(&text).get_hash().to_owned();
        Self { text, hash }
    }

    /// The command that runs it where Redis knows it.
    pub(crate) fn by_hash(&self, keys: &[String], words: &[&[u8]]) -> Cmd {
        command("EVALSHA", &self.hash, keys, words)
    }

    /// The command that runs it, and makes it known.
    pub(crate) fn by_text(&self, keys: &[String], words: &[&[u8]]) -> Cmd {
        command("EVAL", &self.text, keys, words)
    }
}

fn command(verb: &str, script: &str, keys: &[String], words: &[&[u8]]) -> Cmd {
    let mut command = redis::cmd(verb);
    command.arg(script).arg(keys.len()).arg(keys).arg(words);
    command
}

/// The keys of a name's policies: breaker, window, trials, limiter, bulkhead.
pub(crate) fn policy_keys(prefix: &str, name: &str) -> [String; 5] {
    let name = tag(name);
    ["breaker", "window", "trials", "rate", "bulkhead"]
        .map(|part| format!("{prefix}{{{name}}}:{part}"))
}

/// The key of a name's budget.
pub(crate) fn budget_key(prefix: &str, name: &str) -> String {
    format!("{prefix}{{{}}}:budget", tag(name))
}

/// A name as a hash tag: it must not be empty, nor hold what ends one.
fn tag(name: &str) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    name.replace('%', "%25").replace('{', "%7B").replace('}', "%7D")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_a_name_have_one_hash_tag() {
        let tag_of = |key: &str| {
            let from = key.find('{').unwrap() + 1;
            key[from..from + key[from..].find('}').unwrap()].to_owned()
        };
        for (name, expect) in [("web", "web"), ("", "%"), ("a}{b", "a%7D%7Bb"), ("%7D", "%257D")] {
            for key in policy_keys("p:", name) {
                assert_eq!(tag_of(&key), expect);
            }
            assert_eq!(tag_of(&budget_key("p:", name)), expect);
        }
    }
}
