//! `store`: its files, what is damaged, what was copied.

use std::fmt::Write as _;
use std::path::Path;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use trunkline_store::admin::{Copied, Fsck, Listing};

use crate::print::{Align, Paint, Role, Table, clean};

const COLUMNS: &[(&str, Align)] = &[
    ("file", Align::Left),
    ("from", Align::Left),
    ("to", Align::Left),
    ("spans", Align::Right),
    ("size", Align::Right),
    ("services", Align::Left),
];

/// What is left out on narrow terminals, in this order.
const NARROW: &[&str] = &["services", "to", "size"];
/// Services that are named.
const SERVICES_MAX: usize = 3;
/// Damages that are told.
const FAULTS_MAX: usize = 50;

/// A moment in UTC; nothing that is not a date.
pub(crate) fn moment(unix_nanos: u64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_nanos))
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// A moment to the second.
fn second(unix_nanos: u64) -> String {
    let text = moment(unix_nanos);
    let whole = text.split(['.', 'Z']).next().unwrap_or_default();
    whole.replace('T', " ")
}

/// Bytes as people read them: `812 B`, `3.4 MiB`.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1_024.0;
    let mut unit = 0;
    while value >= 1_023.5 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    let digits = usize::from(value < 9.95);
    format!("{value:.digits$} {}", UNITS.get(unit).copied().unwrap_or_default())
}

fn counted(number: u64, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

/// What is there.
pub(crate) fn list(
    folder: &Path,
    listing: &Listing,
    paint: Paint,
    columns: Option<usize>,
) -> String {
    let mut table = Table::new(COLUMNS);
    for segment in &listing.segments {
        let mut services: Vec<_> = segment.services.iter().collect();
        services.sort_by_key(|(_, spans)| std::cmp::Reverse(*spans));
        let more = services.len().saturating_sub(SERVICES_MAX);
        let mut names: Vec<_> =
            services.iter().take(SERVICES_MAX).map(|(name, _)| clean(name).into_owned()).collect();
        names.extend((more > 0).then(|| format!("+{more}")));
        table.row(vec![
            (segment.file.clone(), Some(Role::Strong)),
            (second(segment.earliest_unix_nanos), None),
            (second(segment.latest_unix_nanos), None),
            (segment.spans.to_string(), None),
            (size(segment.bytes), None),
            (names.join(" "), Some(Role::Faint)),
        ]);
    }
    if let Some(columns) = columns {
        table.narrow(columns, NARROW);
    }
    let mut text = if table.is_empty() { String::new() } else { table.render(paint) + "\n" };
    let spans: u64 = listing.segments.iter().map(|segment| segment.spans).sum();
    let bytes: u64 = listing.segments.iter().map(|segment| segment.bytes).sum();
    let log: u64 = listing.log.iter().map(|(_, bytes)| bytes).sum();
    let _ = writeln!(
        text,
        "{} in {}: {}, and {} of log, in {}",
        counted(spans, "span"),
        counted(listing.segments.len() as u64, "file"),
        size(bytes),
        size(log),
        folder.display(),
    );
    for removed in listing.removed.iter().filter(|removed| removed.spans > 0) {
        let _ = writeln!(
            text,
            "removed by {}: {}",
            removed.rule.as_str(),
            counted(removed.spans, "span")
        );
    }
    text
}

/// What a check found.
pub(crate) fn check(folder: &Path, found: &Fsck, paint: Paint) -> String {
    let mut text = String::new();
    let cross = paint.apply(Role::Error, "✗");
    for fault in found.faults.iter().take(FAULTS_MAX) {
        let _ = writeln!(
            text,
            "{cross} {}: {}, at most {}",
            fault.file,
            clean(&fault.what),
            counted(fault.spans, "span")
        );
    }
    for damage in found.log.lost.iter().take(FAULTS_MAX) {
        let frames = match damage.frames {
            Some(frames) => counted(frames, "batch").replace("batchs", "batches"),
            None => "an unknown number of batches".to_owned(),
        };
        let _ = writeln!(
            text,
            "{cross} {} at {}: {} are damaged, {frames}",
            damage.file,
            damage.offset,
            size(damage.length)
        );
    }
    let told = found.faults.len().min(FAULTS_MAX) + found.log.lost.len().min(FAULTS_MAX);
    let all = found.faults.len() + found.log.lost.len();
    if all > told {
        let _ = writeln!(text, "and {} more", all - told);
    }
    if found.log_unreadable > 0 {
        let _ = writeln!(text, "{cross} in the log, {} cannot be read", found.log_unreadable);
    }
    for file in &found.unlisted {
        let _ = writeln!(
            text,
            "{} {file} is of no use; it goes at the next start",
            paint.apply(Role::Warning, "!")
        );
    }
    let mark = if found.is_sound() { paint.apply(Role::Good, "✓") } else { cross };
    let _ = writeln!(
        text,
        "{mark} {}: {} in {}, {} in the log alone",
        folder.display(),
        counted(found.spans, "span"),
        counted(found.segments, "file"),
        counted(found.log_spans, "span"),
    );
    text
}

/// What was copied where.
pub(crate) fn copied(copied: &Copied, to: &Path) -> String {
    format!(
        "{} in {} ({}) and {} of log are in {}",
        counted(copied.spans, "span"),
        counted(copied.segments, "file"),
        size(copied.bytes),
        size(copied.log_bytes),
        to.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_moments_are_short() {
        let sizes = [0, 1_023, 1_024, 10_240, 1_048_570, 5 << 30].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "10 KiB", "1.0 MiB", "5.0 GiB"]);
        assert_eq!(second(1_790_000_000_123_456_789), "2026-09-21 14:13:20");
    }
}
