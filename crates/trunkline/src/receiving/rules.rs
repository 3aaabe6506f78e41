//! What is taken out of spans before they are kept, as the Model says.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use trunkline_ingest::rules::{Action, Rule, Rules};
use trunkline_model::telemetry::{Dropped, Rule as Wanted, RuleAction};
use trunkline_rt::Random;
use trunkline_store::source::{Field, Filter, Level, Pattern, Test};

use crate::exit::{Failure, chain};

/// The secret that hashes are made with, in the store's folder: equal values stay equal over
/// restarts, and nobody without it can try guesses.
const KEY_FILE: &str = "hash.key";

/// The rules of a Model. `folder` is the store's, if it has one.
pub(super) fn of(wanted: &[Wanted], folder: Option<&Path>) -> Result<Arc<Rules>, Failure> {
    let hashes = wanted.iter().any(|rule| matches!(rule.action, RuleAction::Hash(_)));
    let key = match folder.filter(|_| hashes) {
        Some(folder) => key(folder).map_err(|error| {
            Failure::usage(format!("{}: {}", folder.join(KEY_FILE).display(), chain(&error)))
        })?,
        None => random_key(),
    };
    let rules = wanted.iter().map(rule).collect::<Result<_, _>>();
    let rules = rules.map_err(|error| Failure::from_error(&error))?;
    Rules::new(rules, key).map_err(|error| Failure::from_error(&error))
}

fn rule(wanted: &Wanted) -> Result<Rule, regex::Error> {
    let action = match &wanted.action {
        RuleAction::Drop(dropped) => Action::Drop(filter(dropped)?),
        RuleAction::Delete(keys) => Action::Delete(keys.clone()),
        RuleAction::Hash(keys) => Action::Hash(keys.clone()),
        RuleAction::Mask { keys, with } => Action::Mask { keys: keys.clone(), with: with.clone() },
        RuleAction::Replace { pattern, with } => {
            Action::Replace { pattern: pattern.clone(), with: with.clone() }
        }
    };
    Ok(Rule { name: wanted.name.clone(), action })
}

fn filter(dropped: &Dropped) -> Result<Filter, regex::Error> {
    let mut all = Vec::new();
    for (field, text) in
        [(Field::Service, &dropped.service), (Field::Operation, &dropped.operation)]
    {
        if let Some(text) = text {
            all.push(Filter::Where(field, test(text)?));
        }
    }
    for (key, text) in &dropped.attributes {
        let field = Field::Attribute(Level::Any, key.as_str().into());
        all.push(Filter::Where(field, test(text)?));
    }
    if let Some(period) = dropped.shorter_than {
        // Durations are whole nanoseconds, and both ends count.
        let max = (period.as_secs_f64() * 1e9 - 1.0).max(0.0);
        all.push(Filter::Where(Field::Duration, Test::Between { min: None, max: Some(max) }));
    }
    Ok(Filter::All(all))
}

fn test(text: &str) -> Result<Test, regex::Error> {
    let is_pattern = text.contains(['*', '?']);
    Ok(if is_pattern { Test::Fits(Pattern::wildcard(text)?) } else { Test::Text(text.into()) })
}

/// The key of a folder, made where there is none.
fn key(folder: &Path) -> io::Result<[u8; 32]> {
    let path = folder.join(KEY_FILE);
    match fs::read(&path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no key of 32 bytes")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            let key = random_key();
            let beside = path.with_extension("new");
            let mut options = fs::OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(&key)?;
            file.sync_all()?;
            fs::rename(beside, path)?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

fn random_key() -> [u8; 32] {
    let mut random = Random::from_system();
    let mut key = [0; 32];
    key.as_chunks_mut().0.iter_mut().for_each(|half| *half = random.bytes16());
    key
}
