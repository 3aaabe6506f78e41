//! What becomes of one value.

use std::borrow::Cow;

use aws_lc_rs::hmac;
use trunkline_otlp::Value;
use trunkline_otlp::view::{Owner, ValueView};
use trunkline_otlp::wire::Malformed;
use trunkline_store::source::as_text;

use super::compile::Compiled;
use super::{Removed, Rules};

/// What becomes of a value.
pub(super) enum Fate {
    /// It stays.
    Keep,
    /// It goes, with its key.
    Delete,
    /// It becomes another.
    Become(Value),
}

/// Bytes of a hash that are kept: enough that two values never share one.
const HASH_BYTES: usize = 16;

impl Rules {
    /// What becomes of the value of a key. `path` has the keys on the way, joined by dots.
    pub(super) fn fate(
        &self,
        path: &str,
        view: ValueView<'_>,
        removed: &mut Removed,
    ) -> Result<Fate, Malformed> {
        let named = self.compiled.iter().enumerate();
        let named = named.filter(|(_, rule)| rule.keys().is_some_and(|keys| keys.has(path)));
        if let Some((index, rule)) = { named }.next() {
            removed.count_value(index);
            return Ok(match rule {
                Compiled::Hash(_) => Fate::Become(self.hash(view)?),
                Compiled::Mask(_, with) => Fate::Become(Value::Text((**with).into())),
                _ => Fate::Delete,
            });
        }
        match view {
            ValueView::Text(text) => Ok(match self.replaced(text, removed) {
                Cow::Borrowed(_) => Fate::Keep,
                Cow::Owned(text) => Fate::Become(Value::Text(text.into())),
            }),
            ValueView::Array(_) | ValueView::Map(_) => self.inner_fate(path, view, removed),
            _ => Ok(Fate::Keep),
        }
    }

    /// Arrays and maps are taken apart, and put together again if something in them changed.
    fn inner_fate(
        &self,
        path: &str,
        view: ValueView<'_>,
        removed: &mut Removed,
    ) -> Result<Fate, Malformed> {
        let mut changed = false;
        let mut owner = Owner::default();
        let mut next = |fate, view| -> Result<Option<Value>, Malformed> {
            changed |= !matches!(fate, Fate::Keep);
            match fate {
                Fate::Keep => owner.value(view).map(Some),
                Fate::Delete => Ok(None),
                Fate::Become(value) => Ok(Some(value)),
            }
        };
        let value = match view {
            ValueView::Array(values) => {
                let mut kept = Vec::new();
                for inner in values.iter() {
                    let inner = inner?;
                    kept.extend(next(self.fate(path, inner, removed)?, inner)?);
                }
                Value::Array(kept)
            }
            ValueView::Map(pairs) => {
                let mut kept = Vec::new();
                for pair in pairs.iter() {
                    let (key, inner) = pair?;
                    let fate = self.fate(&format!("{path}.{key}"), inner, removed)?;
                    kept.extend(next(fate, inner)?.map(|value| (key.into(), value)));
                }
                Value::Map(kept)
            }
            _ => return Ok(Fate::Keep),
        };
        Ok(if changed { Fate::Become(value) } else { Fate::Keep })
    }

    /// A text after all rules for values.
    pub(super) fn replaced<'t>(&self, text: &'t str, removed: &mut Removed) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for (index, rule) in self.compiled.iter().enumerate() {
            let Compiled::Replace(pattern, with) = rule else { continue };
            if let Cow::Owned(changed) = pattern.replace_all(&text, &**with) {
                removed.count_value(index);
                text = Cow::Owned(changed);
            }
        }
        text
    }

    fn hash(&self, view: ValueView<'_>) -> Result<Value, Malformed> {
        let value = Owner::default().value(view)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.hash_key);
        let tag = hmac::sign(&key, as_text(&value).as_bytes());
        let mut text = [0; 2 * HASH_BYTES];
        trunkline_model::trace::write_hex(tag.as_ref(), &mut text);
        Ok(Value::Text(std::str::from_utf8(&text).unwrap_or_default().into()))
    }
}
