//! Names for what was found: of any text a DNS label, and of the project its own.

use trunkline_model::names::NAME_BYTES_MAX;
use trunkline_model::{ProjectName, ServiceName};

use super::node::json;
use super::rust::toml;
use super::tree::Tree;

/// A text as a DNS label; `fallback` if nothing of it can be one.
pub(super) fn label(text: &str, fallback: &str) -> String {
    let mut label = String::new();
    let mut former = '-';
    for c in text.chars() {
        // `OrdersApi` is `orders-api`, `HTTPApi` is `httpapi`.
        if c.is_ascii_uppercase() && (former.is_ascii_lowercase() || former.is_ascii_digit()) {
            label.push('-');
        }
        former = c;
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() {
            label.push(c);
        } else if !label.ends_with('-') {
            label.push('-');
        }
    }
    label.truncate(NAME_BYTES_MAX);
    let label = label.trim_matches('-');
    if label.is_empty() { fallback.to_owned() } else { label.to_owned() }
}

/// A text as the name of a service.
pub(super) fn service(text: &str) -> ServiceName {
    label(text, "service").parse().expect("a label is a name")
}

/// The name of the project: the root's package, else its folder.
pub(super) fn project(tree: &Tree) -> ProjectName {
    let folder = tree.root().file_name().map(|name| name.to_string_lossy().into_owned());
    let folder = folder.unwrap_or_default();
    let package = tree.text("package.json").and_then(|text| json(&text));
    let package = package.as_ref().and_then(|package| package.get("name")?.as_str());
    let cargo = tree.text("Cargo.toml").and_then(|text| toml(&text));
    let krate = cargo.as_ref().and_then(|cargo| cargo.get("package")?.get("name")?.as_str());
    let name = package.or(krate).unwrap_or(&folder);
    let name = name.rsplit('/').next().unwrap_or(name);
    label(name, "project").parse().expect("a label is a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_becomes_a_name() {
        for (text, expected) in [
            ("orders", "orders"),
            ("OrdersApi", "orders-api"),
            ("Shop.Web", "shop-web"),
            ("my_service", "my-service"),
            ("--a--b--", "a-b"),
            ("päyment", "p-yment"),
            ("日本", "service"),
            ("", "service"),
        ] {
            assert_eq!(service(text).as_str(), expected, "{text}");
        }
        assert!(service(&"aB".repeat(200)).as_str().len() <= NAME_BYTES_MAX);
    }
}
