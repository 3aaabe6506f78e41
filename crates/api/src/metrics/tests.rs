//! Laws of the catalog and its page.

use std::collections::BTreeSet;

use super::catalog::{ALL, Kind, reference};

#[test]
fn families_have_unique_names_that_end_in_their_unit() {
    let names: BTreeSet<_> = ALL.iter().map(|family| family.name).collect();
    assert_eq!(names.len(), ALL.len());
    for family in ALL {
        assert!(family.name.ends_with(family.unit), "{}", family.name);
        assert!(!family.name.ends_with("_total"), "{}", family.name);
        assert!(!family.help.is_empty() && family.help.ends_with('.'), "{}", family.name);
        // Names that begin so are those of other products.
        let own = !family.name.starts_with("traces_");
        assert!(
            !own || family.kind != Kind::Histogram || family.unit == "seconds",
            "{}",
            family.name
        );
    }
}

#[test]
fn the_reference_page_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/metrics.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, reference()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(page, reference(), "run UPDATE=1 cargo test -p trunkline-api");
}
