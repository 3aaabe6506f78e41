//! Why a request would take the route it takes: `trunkline explain`.
//!
//! Slow and thorough where [`RouteTable::find`] is fast: every route is asked, from the greatest
//! key down, and those that came close say what kept them from it.

use std::fmt::Write as _;

use trunkline_model::ops::{Answer, Explanation, Question};
use trunkline_model::route::{Redirect, path};

use super::compiled::{CompiledAction, CompiledRoute, Requested};
use super::conditions::{Asked, Fields};
use super::table::{RouteTable, fits_host};
use crate::explain::{answer, forwarded};

/// At most so many routes are told about: people read this.
const PASSED_OVER_MAX: usize = 20;

/// What this table would do with a request. The listener and the endpoints of targets are for the
/// caller to add. `question.host` is in normal form ([`super::host::normal`]).
pub fn explanation(table: &RouteTable, question: &Question) -> Explanation {
    let (path, query) = match question.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (question.target.as_str(), None),
    };
    let asked = Asked {
        host: &question.host,
        method: &question.method,
        path,
        query,
        fields: Fields::Pairs(&question.headers),
    };
    let mut explanation = Explanation::default();
    let found = table.find(&asked);
    if let Err(miss) = found {
        let kind = miss.reason().kind;
        let by = kind.as_str();
        explanation.answer = Some(Answer { status: kind.status(), location: None, by });
    }
    let winner = found.ok();
    if let Some(route) = winner {
        explanation.answer = answer(&route.source.action, question);
        explanation.route = Some((route.id.clone(), route.origin.clone()));
        explanation.filters = route.filters.names().map(str::to_owned).collect();
        if let CompiledAction::Forward(targets) = &route.action {
            let target = |t| (targets.percent(t), t);
            explanation.targets = targets
                .all()
                .iter()
                .map(target)
                .map(|(percent, t)| (t.service.clone(), percent, Vec::new()))
                .collect();
            match forwarded(&route.source.filters, &question.target) {
                Ok(target) => explanation.forwarded = Some(target),
                Err(refused) => explanation.answer = Some(refused),
            }
        }
    }
    explanation.passed_over = passed_over(table, &asked, winner.map(|winner| winner.order));
    explanation
}

/// Where a redirect sends who asks.
pub(crate) fn redirected(redirect: &Redirect, question: &Question) -> String {
    let (path, query) = match question.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (question.target.as_str(), None),
    };
    let host = &question.host;
    let authority = question.port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
    let (scheme, authority) = (question.scheme.as_str(), authority.as_str());
    Requested { scheme, authority, host, path, query }.redirected(redirect)
}

/// The routes above `winner` that came close, and what kept each from it. Without a winner, those
/// that fit nothing are told too, if there is room.
fn passed_over(
    table: &RouteTable,
    asked: &Asked<'_>,
    winner: Option<trunkline_model::route::OrderKey>,
) -> Vec<(trunkline_model::RouteId, String)> {
    let path = match path::normal(asked.path) {
        Ok(path) => path,
        Err(bad) => {
            let all = table.routes().iter().take(1);
            return all.map(|route| (route.id.clone(), bad.to_string())).collect();
        }
    };
    let (mut close, mut far) = (Vec::new(), Vec::new());
    for route in table.routes() {
        if winner.is_some_and(|winner| route.order <= winner) || close.len() == PASSED_OVER_MAX {
            break;
        }
        let path_fits = route.path.fits(&path);
        if let Some(why) = why_not(route, asked, path_fits) {
            let list = if path_fits { &mut close } else { &mut far };
            list.push((route.id.clone(), why));
        }
    }
    if winner.is_none() {
        far.truncate(PASSED_OVER_MAX - close.len());
        close.append(&mut far);
    }
    close
}

/// Everything that keeps a route from a request.
fn why_not(route: &CompiledRoute, asked: &Asked<'_>, path_fits: bool) -> Option<String> {
    let mut why = String::new();
    let mut tell = |what: &dyn std::fmt::Display| {
        let comma = if why.is_empty() { "" } else { ", " };
        let _ = write!(why, "{comma}{what}");
    };
    if !fits_host(route, asked.host) {
        tell(&"another host");
    }
    if !path_fits {
        tell(&"another path");
    }
    if let Some(unmet) = route.conditions.unmet(asked) {
        tell(&unmet);
    }
    (!why.is_empty()).then_some(why)
}
