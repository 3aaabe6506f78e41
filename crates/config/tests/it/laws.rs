//! Laws of all inputs.

use proptest::prelude::*;
use trunkline_config::diagnostic::to_json;

use crate::rig::{load_bytes, load_text, shown};

/// What every load keeps to.
fn check_laws(bytes: &[u8]) {
    let loaded = load_bytes(bytes);
    assert_eq!(loaded.model.is_none(), loaded.diagnostics.has_errors());
    if let Some(model) = &loaded.model {
        assert_eq!(model.broken_laws(), Vec::new());
    }
    let text = shown(&loaded);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(to_json(&loaded.diagnostics, &loaded.sources).is_object());
}

/// Pieces that configuration is made of, so that random texts get past the first line.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "version",
        "1",
        "name",
        "gateway",
        "routes",
        "services",
        "to",
        "match",
        "/**",
        "GET /a/*",
        "a",
        "b",
        "calls",
        "external",
        "a:1",
        "http",
        "off",
        "headers",
        "regex",
        "(",
        "timeout",
        "2s",
        "env",
        "<<",
        "include",
        "*.yaml",
        "ä€😀",
        "\u{1b}[0m",
        "null",
        "true",
        "0x1F",
        "1e400",
    ];
    let marks = [
        ": ", "\n", "\n  ", "\n  - ", "{ ", " }", "[", "]", ", ", "&x ", "*x", "\"", "'", "#",
        "!!str ", "|\n", "---\n", "\t",
    ];
    prop_oneof![
        3 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        3 => prop::sample::select(marks.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_laws(&bytes);
    }

    #[test]
    fn no_text_panics(pieces in prop::collection::vec(piece(), 0..60)) {
        check_laws(pieces.concat().as_bytes());
        check_laws(format!("version: 1\n{}", pieces.concat()).as_bytes());
    }

    #[test]
    fn no_mutation_of_the_example_panics(at in 0..2000_usize, byte: u8, cut in 0..2000_usize) {
        let mut bytes = include_bytes!("../../testdata/design.yaml").to_vec();
        if let Some(slot) = bytes.get_mut(at) {
            *slot = byte;
        }
        check_laws(&bytes);
        bytes.truncate(cut);
        check_laws(&bytes);
    }

    #[test]
    fn yaml_and_json_of_one_value_mean_the_same(count in 1..20_u16, rate in 1..100_u8) {
        let yaml = format!("version: 1\nworkers: {count}\ntrace:\n  sample: {rate}%\n");
        let json = format!("{{\"version\":1,\"workers\":{count},\"trace\":{{\"sample\":\"{rate}%\"}}}}");
        prop_assert_eq!(load_text(&yaml).model, load_text(&json).model);
    }
}
