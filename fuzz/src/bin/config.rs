//! Configuration: no bytes make loading or reporting panic, and what is wrong is always said.
#![no_main]

use std::collections::BTreeMap;
use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use trunkline_config::diagnostic::{Style, render_all, to_json};
use trunkline_config::files::Memory;
use trunkline_config::native::Native;
use trunkline_config::{Options, Profile, load_with};

fuzz_target!(|bytes: &[u8]| {
    let path = PathBuf::from("trunkline.yaml");
    let files = Memory(BTreeMap::from([(path.clone(), bytes.to_vec())]));
    let options = Options {
        env: Some("p".to_owned()),
        profile: Profile::Laptop,
        low_ports: true,
        ..Options::default()
    };
    let loaded = load_with(&files, &[path], &options, &[&Native]);
    assert_eq!(loaded.model.is_none(), loaded.diagnostics.has_errors());
    if let Some(model) = &loaded.model {
        assert_eq!(model.broken_laws(), Vec::new());
    }
    let text = render_all(&loaded.diagnostics, &loaded.sources, Style::Plain);
    assert!(!text.contains('\u{1b}'));
    let _ = to_json(&loaded.diagnostics, &loaded.sources);
});
