//! Rules on a whole batch.
//!
//! The batch is written anew, field by field; if it turns out that nothing changed, what was written
//! is thrown away and the batch keeps its bytes.

use std::borrow::Cow;
use std::sync::Arc;

use trunkline_otlp::view::key_value;
use trunkline_otlp::view::{Owner, RequestView, ResourceSpansView, ScopeSpansView, SpanView};
use trunkline_otlp::wire::{Fields, Malformed, Raw, put_bytes, put_message, put_present};
use trunkline_otlp::{Resource, Scope, write};

use super::compile::Compiled;
use super::value::Fate;
use super::{Removed, Rules};
use crate::otlp::rewrite::{map_field, put_checked, put_raw, retain};

/// A batch that rules changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The batch as it is now.
    pub request: Vec<u8>,
    /// What was taken out, by rule.
    pub removed: Removed,
}

impl Rules {
    /// Applies the rules; `None` when they change nothing.
    pub fn apply(&self, request: &[u8]) -> Result<Option<Applied>, Malformed> {
        let mut removed = Removed(vec![(0, 0); self.compiled.len()]);
        let mut kept = Cow::Borrowed(request);
        if self.drops {
            let dropped = self.drops_of(request, &mut removed)?;
            if removed.spans() > 0 {
                let mut dropped = dropped.into_iter();
                // Both walk the same spans in the same order.
                kept = retain(request, |_| !dropped.next().unwrap_or(false))?.into();
            }
        }
        if self.changes {
            let mut changed = Vec::with_capacity(kept.len());
            self.request(&kept, &mut changed, &mut removed)?;
            if removed.values() > 0 {
                kept = changed.into();
            }
        }
        let changed = removed.spans() + removed.values() > 0;
        Ok(changed.then(|| Applied { request: kept.into_owned(), removed }))
    }

    /// For each span of the batch, whether a rule drops it.
    fn drops_of(&self, request: &[u8], removed: &mut Removed) -> Result<Vec<bool>, Malformed> {
        let mut owner = Owner::default();
        let mut all = Vec::new();
        for resource_spans in RequestView(request).resource_spans() {
            let resource_spans: ResourceSpansView<'_> = resource_spans?;
            let resource = Arc::new(owner.resource(&resource_spans)?);
            for scope_spans in resource_spans.scope_spans() {
                let scope_spans: ScopeSpansView<'_> = scope_spans?;
                let scope = Arc::new(owner.scope(&scope_spans)?);
                for span in scope_spans.spans() {
                    all.push(self.drops(&mut owner, &span?, (&resource, &scope), removed)?);
                }
            }
        }
        Ok(all)
    }

    fn drops(
        &self,
        owner: &mut Owner,
        span: &SpanView<'_>,
        (resource, scope): (&Arc<Resource>, &Arc<Scope>),
        removed: &mut Removed,
    ) -> Result<bool, Malformed> {
        let Some(span) = owner.span(span, resource, scope)? else { return Ok(false) };
        let mut rules = self.compiled.iter();
        let taken = rules.position(|rule| match rule {
            Compiled::Drop(filter) => filter.takes(&span),
            _ => false,
        });
        if let Some(rule) = taken {
            removed.count_span(rule);
        }
        Ok(taken.is_some())
    }

    fn request(
        &self,
        request: &[u8],
        out: &mut Vec<u8>,
        removed: &mut Removed,
    ) -> Result<(), Malformed> {
        map_field(request, 1, out, |resource_spans, out| {
            put_checked(out, 1, |out| self.resource_spans(resource_spans, out, removed))
        })
    }

    fn resource_spans(
        &self,
        message: &[u8],
        out: &mut Vec<u8>,
        removed: &mut Removed,
    ) -> Result<(), Malformed> {
        for field in Fields::of(message) {
            match field? {
                (1, Raw::Bytes(resource)) => {
                    put_checked(out, 1, |out| self.attributes(resource, 1, out, removed))?;
                }
                (2, Raw::Bytes(scope_spans)) => {
                    put_checked(out, 2, |out| self.scope_spans(scope_spans, out, removed))?;
                }
                (number, raw) => put_raw(out, number, raw),
            }
        }
        Ok(())
    }

    fn scope_spans(
        &self,
        message: &[u8],
        out: &mut Vec<u8>,
        removed: &mut Removed,
    ) -> Result<(), Malformed> {
        for field in Fields::of(message) {
            match field? {
                (1, Raw::Bytes(scope)) => {
                    put_checked(out, 1, |out| self.attributes(scope, 3, out, removed))?;
                }
                (2, Raw::Bytes(span)) => {
                    put_checked(out, 2, |out| self.span(span, out, removed))?;
                }
                (number, raw) => put_raw(out, number, raw),
            }
        }
        Ok(())
    }

    fn span(
        &self,
        message: &[u8],
        out: &mut Vec<u8>,
        removed: &mut Removed,
    ) -> Result<(), Malformed> {
        for field in Fields::of(message) {
            match field? {
                (5, raw) => put_bytes(out, 5, self.replaced(raw.text(5)?, removed).as_bytes()),
                (9, Raw::Bytes(pair)) => self.attribute(pair, 9, out, removed)?,
                (11, Raw::Bytes(event)) => {
                    put_checked(out, 11, |out| self.event(event, out, removed))?;
                }
                (13, Raw::Bytes(link)) => {
                    put_checked(out, 13, |out| self.attributes(link, 4, out, removed))?;
                }
                (15, Raw::Bytes(status)) => {
                    put_checked(out, 15, |out| self.text_of(status, 2, out, removed))?;
                }
                (number, raw) => put_raw(out, number, raw),
            }
        }
        Ok(())
    }

    fn event(
        &self,
        message: &[u8],
        out: &mut Vec<u8>,
        removed: &mut Removed,
    ) -> Result<(), Malformed> {
        for field in Fields::of(message) {
            match field? {
                (2, raw) => put_bytes(out, 2, self.replaced(raw.text(2)?, removed).as_bytes()),
                (3, Raw::Bytes(pair)) => self.attribute(pair, 3, out, removed)?,
                (number, raw) => put_raw(out, number, raw),
            }
        }
        Ok(())
    }

    /// A message one of whose fields is a text.
    fn text_of(
        &self,
        message: &[u8],
        text: u32,
        out: &mut Vec<u8>,
        removed: &mut Removed,
    ) -> Result<(), Malformed> {
        for field in Fields::of(message) {
            match field? {
                (number, raw) if number == text => {
                    put_bytes(out, number, self.replaced(raw.text(number)?, removed).as_bytes());
                }
                (number, raw) => put_raw(out, number, raw),
            }
        }
        Ok(())
    }

    /// A message that has attributes in a field.
    fn attributes(
        &self,
        message: &[u8],
        field: u32,
        out: &mut Vec<u8>,
        removed: &mut Removed,
    ) -> Result<(), Malformed> {
        map_field(message, field, out, |pair, out| self.attribute(pair, field, out, removed))
    }

    fn attribute(
        &self,
        pair: &[u8],
        field: u32,
        out: &mut Vec<u8>,
        removed: &mut Removed,
    ) -> Result<(), Malformed> {
        let (key, value) = key_value(pair)?;
        match self.fate(key, value, removed)? {
            Fate::Keep => put_present(out, field, pair),
            Fate::Delete => {}
            Fate::Become(value) => put_message(out, field, |out| {
                put_bytes(out, 1, key.as_bytes());
                put_message(out, 2, |out| write::any_value(out, &value));
            }),
        }
        Ok(())
    }
}
