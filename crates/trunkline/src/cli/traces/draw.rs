//! One trace in the terminal. What does not fit on a screen or two is folded from a depth on that is
//! found by asking; `--all` prints every row, page after page.

use std::fmt::Write as _;

use serde_json::Value;

use super::read;
use crate::cli::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Failure, Verdict};
use crate::screen::traces::{Attributes, Drawing, Waterfall};

/// Rows that are shown unless more are asked for.
const ROWS_SHOWN: usize = 200;
/// Fewer rows than this are too little to see, so that one more depth is opened and cut.
const ROWS_LEAST: usize = 40;
/// Rows of a page with `--all`: as many as the API gives at once.
const PAGE_ROWS: usize = 2_000;
/// Of traces with more spans than this, attributes are not read for the sake of a few words.
const ATTRIBUTES_SPANS_MAX: usize = 500;

/// How much of a trace is drawn.
#[derive(Debug, clap::Args)]
pub(super) struct Look {
    /// Draw every span, however many there are
    #[arg(long, requires = "id", conflicts_with_all = ["depth", "from"])]
    all: bool,
    /// Draw only what the trace waited for
    #[arg(long, requires = "id")]
    critical: bool,
    /// Fold what is deeper than this
    #[arg(long, value_name = "DEPTH", requires = "id")]
    depth: Option<u32>,
    /// Begin with this row
    #[arg(long, value_name = "ROW", requires = "id")]
    from: Option<usize>,
}

/// Draws the trace, or prints it with all that is known.
pub(super) async fn one(id: &str, look: &Look, control: &Control, context: &Context) -> Verdict {
    if context.printer.is_json() {
        let document: Value = control.get(&format!("/v1/traces/{}", encode(id))).await?;
        context.printer.json(&document);
        return Ok(Exit::Done);
    }
    let asked = Asked { id, look, control };
    let mut folded = look.depth;
    let rows = if look.all { PAGE_ROWS } else { ROWS_SHOWN };
    let mut page = asked.page(look.from.unwrap_or(0), rows, folded).await?;
    if !look.all && folded.is_none() && look.from.is_none() && page.rows_total > ROWS_SHOWN {
        folded = Some(asked.fitting_depth(page.depth_max).await?);
        page = asked.page(0, rows, folded).await?;
    }
    let attributes = match page.spans {
        0..=ATTRIBUTES_SPANS_MAX => {
            read(control.get(&format!("/v1/traces/{}", encode(id))).await?)?
        }
        _ => Attributes::default(),
    };
    let printer = &context.printer;
    let drawing = Drawing::new(&page, &attributes, printer.data);
    printer.raw(&drawing.head(&page));
    printer.raw(&drawing.rows(&page));
    while look.all && !page.rows.is_empty() && !printer.is_reader_gone() {
        let next = page.from + page.rows.len();
        if next >= page.rows_total {
            break;
        }
        page = asked.page(next, rows, folded).await?;
        printer.raw(&drawing.rows(&page));
    }
    printer.raw(&drawing.foot(&page, folded));
    Ok(Exit::Done)
}

/// The trace that is asked for.
struct Asked<'a> {
    id: &'a str,
    look: &'a Look,
    control: &'a Control,
}

impl Asked<'_> {
    async fn page(
        &self,
        from: usize,
        rows: usize,
        folded: Option<u32>,
    ) -> Result<Waterfall, Failure> {
        let mut path = format!("/v1/traces/{}/waterfall?from={from}&rows={rows}", encode(self.id));
        if let Some(depth) = folded {
            let _ = write!(path, "&collapse_depth={depth}");
        }
        if self.look.critical {
            path.push_str("&critical=true");
        }
        read(self.control.get(&path).await?)
    }

    /// The greatest depth that still fits on a screen or two. More depth never means fewer rows, so
    /// that a few questions find it.
    async fn fitting_depth(&self, deepest: u32) -> Result<u32, Failure> {
        let (mut fits, mut too_deep) = ((1, 0), deepest.max(1));
        while fits.0 < too_deep {
            let middle = fits.0 + (too_deep - fits.0).div_ceil(2);
            let rows = self.page(0, 1, Some(middle)).await?.rows_total;
            if rows <= ROWS_SHOWN {
                fits = (middle, rows);
            } else {
                too_deep = middle - 1;
            }
        }
        let (depth, rows) = fits;
        let rows = if rows == 0 { self.page(0, 1, Some(depth)).await?.rows_total } else { rows };
        Ok(if rows < ROWS_LEAST && depth < deepest { depth + 1 } else { depth })
    }
}
