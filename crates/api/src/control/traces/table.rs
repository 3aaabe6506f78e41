//! `/v1/traces/{id}/table`: the spans of a trace as a list, sorted and filtered here.

use axum::extract::{Path, State};
use axum::response::Response;
use http::Uri;
use serde_json::{Value, json};
use trunkline_query::Skeleton;
use trunkline_query::table::{self, Order, Page, Wanted};
use trunkline_query::waterfall::{self, Shown};

use super::waterfall::{row, searched};
use super::{answer, milliseconds, skeleton, trace_id, views, whole};
use crate::Wiring;
use crate::control::SCHEMA;
use crate::parameters::{Parameters, invalid};
use crate::problem::Problem;

/// Rows of a page when nothing is asked for.
const ROWS_DEFAULT: usize = 200;

const PARAMETERS: &[&str] = &["sort", "service", "failed", "q", "from", "rows"];

/// What a list is sorted by, and its word.
const ORDERS: &[(&str, Order)] = &[
    ("start", Order::Start),
    ("duration", Order::Duration),
    ("self", Order::Own),
    ("service", Order::Service),
    ("name", Order::Name),
];

pub(super) async fn table(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let parameters = Parameters::strict(&uri, PARAMETERS)?;
    let wanted = wanted(&parameters)?;
    let text = searched(parameters.one("q")?.unwrap_or_default())?.to_owned();
    // What is looked for stands in attributes, which a skeleton has not.
    let (_room, trace, skeleton) = if text.is_empty() {
        (None, None, skeleton(&wiring, &id).await?)
    } else {
        let (room, trace, skeleton) = whole(&wiring, trace_id(&id)?).await?;
        (Some(room), Some(trace), skeleton)
    };
    let text = wiring.reader.compute(move |budget| {
        // Where it costs too much, nobody reads the answer.
        let matches =
            trace.map(|trace| waterfall::matches(&trace.spans, &text, budget).unwrap_or_default());
        let page = table::page(&skeleton, &wanted, matches.as_deref().unwrap_or_default());
        document(&skeleton, &page, matches.is_some()).to_string()
    });
    Ok(answer(text.await?))
}

fn wanted(parameters: &Parameters) -> Result<Wanted, Problem> {
    let sort = parameters.one("sort")?.unwrap_or("start");
    let (reverse, word) = sort.strip_prefix('-').map_or((false, sort), |word| (true, word));
    let known = ORDERS.iter().find(|(name, _)| *name == word);
    let (_, order) = known.ok_or_else(|| {
        invalid(
            "sort",
            sort,
            "expected start, duration, self, service or name, with `-` for the greatest first",
        )
    })?;
    Ok(Wanted {
        order: *order,
        reverse,
        service: parameters.one("service")?.map(str::to_owned),
        failed_only: parameters.flag("failed")?,
        from: parameters.parsed("from", "expected a number")?.unwrap_or(0),
        rows: parameters.parsed("rows", "expected a number")?.unwrap_or(ROWS_DEFAULT),
    })
}

fn document(skeleton: &Skeleton, page: &Page, matched: bool) -> Value {
    let parts = views::parts(skeleton);
    let rows = page.rows.iter().enumerate().filter_map(|(place, index)| {
        let of_row = parts.get(&u32::try_from(*index).ok()?);
        let shown = Shown { place: page.from + place, row: *index, collapsed: false, matched };
        row(skeleton, &shown, of_row.map(Vec::as_slice).unwrap_or_default())
    });
    json!({
        "schema": SCHEMA,
        "id": skeleton.trace.to_string(),
        "duration_ms": milliseconds(skeleton.duration_nanos()),
        "total": page.total,
        "from": page.from,
        "rows": rows.collect::<Vec<_>>(),
    })
}
