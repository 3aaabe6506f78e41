//! Several files, overlays and the design's own example.

use trunkline_config::{Loaded, Options};
use trunkline_model::Model;

use crate::rig::{load_files, production, shown};

fn right(loaded: &Loaded) -> &Model {
    assert!(loaded.diagnostics.is_empty(), "{}", shown(loaded));
    loaded.model.as_ref().unwrap()
}

fn env(name: &str) -> Options {
    Options { env: Some(name.into()), ..production() }
}

const OVERLAID: &str = "
version: 1
services:
  orders: { external: \"localhost:8080\", timeout: 2s, health: tcp }
env:
  production:
    workers: 8
    services: { orders: { external: \"orders.internal:80\", health: null } }
";

#[test]
fn an_overlay_is_laid_over_the_file() {
    let loaded = load_files(&[("trunkline.yaml", OVERLAID)], &env("production"));
    let model = right(&loaded);
    assert_eq!(model.workers, trunkline_model::Workers::Count(8));
    assert_eq!(model.services[0].timeouts.request.as_secs(), 2);
    assert!(model.services[0].health.is_none());
    let without = load_files(&[("trunkline.yaml", OVERLAID)], &production());
    assert_eq!(right(&without).workers, trunkline_model::Workers::PerCpu);
}

#[test]
fn an_unknown_environment_names_the_nearest() {
    let loaded = load_files(&[("trunkline.yaml", OVERLAID)], &env("prodution"));
    insta::assert_snapshot!(shown(&loaded), @r#"
    error[TL0112]: there is no environment `prodution`
     --> trunkline.yaml:5:1
      |
    5 | env:
      | ^^^ it is not among these
      |
      = hint: did you mean `production`?

    1 error
    "#);
}

#[test]
fn a_mistake_in_an_overlay_is_shown_in_the_overlay() {
    let text = "version: 1\nenv:\n  p:\n    gateway: { reasns: id }\n";
    insta::assert_snapshot!(shown(&load_files(&[("trunkline.yaml", text)], &env("p"))), @r#"
    error[TL0101]: `gateway` has no key `reasns`
     --> trunkline.yaml:4:16
      |
    4 |     gateway: { reasns: id }
      |                ^^^^^^ this key is not known
      |
      = hint: did you mean `reasons`?

    1 error
    "#);
}

#[test]
fn included_files_share_one_model_and_are_watched() {
    let loaded = load_files(
        &[
            (
                "main.yaml",
                "version: 1\ninclude: [\"teams/*/trunkline.yaml\"]\nroutes: [{ match: /a, to: a }]\n",
            ),
            (
                "teams/a/trunkline.yaml",
                "version: 1\nservices: { a: { command: run, path: src, calls: [b] } }\n",
            ),
            (
                "teams/b/trunkline.yaml",
                "version: 1\nservices: { b: { external: \"b:1\" } }\nroutes: [{ match: /b, to: b }]\n",
            ),
        ],
        &production(),
    );
    let model = right(&loaded);
    assert_eq!((model.services.len(), model.routes.len()), (2, 2));
    assert!(model.routes.iter().all(|route| route.listeners.is_empty()));
    let watched: Vec<_> = loaded.watched.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(watched, ["main.yaml", "teams", "teams/a/trunkline.yaml", "teams/b/trunkline.yaml"]);
}

const TWO: &str = "version: 1
gateway: { http: 9000 }
routes: [{ match: \"/x/y\", to: b }]
services: { b: { external: \"b:1\" } }
";

#[test]
fn the_edge_owns_what_two_files_claim() {
    let one = "version: 1\ninclude: [two.yaml]\nedge: two.yaml\ngateway: { http: 9000, headers: secure }\n";
    let loaded = load_files(&[("one.yaml", one), ("two.yaml", TWO)], &production());
    let model = right(&loaded);
    assert_eq!(model.listeners.len(), 1);
    assert!(model.listeners[0].filters.is_empty(), "the settings are those of the edge");
}

#[test]
fn a_chain_lets_the_first_file_win() {
    let one =
        "version: 1\ninclude: [two.yaml]\nchain: [one.yaml, two.yaml]\ngateway: { http: 9000 }
routes: [{ match: \"/**\", respond: {} }]\n";
    let loaded = load_files(&[("one.yaml", one), ("two.yaml", TWO)], &production());
    let model = right(&loaded);
    assert!(model.routes[0].order > model.routes[1].order);
}

#[test]
fn files_with_listeners_of_their_own_keep_their_routes_there() {
    let one = "version: 1\ninclude: [two.yaml]\ngateway: { http: 9001 }\nroutes: [{ match: /x/y, respond: {} }]\n";
    let loaded = load_files(&[("one.yaml", one), ("two.yaml", TWO)], &production());
    let listeners: Vec<_> = right(&loaded).routes.iter().map(|r| r.listeners[0].as_str()).collect();
    assert_eq!(listeners, ["http", "http@two.yaml"]);
}

#[test]
fn the_example_of_the_design_says_exactly_what_is_not_served() {
    let text = include_str!("../../testdata/design.yaml");
    let loaded = load_files(&[("trunkline.yaml", text)], &production());
    let codes: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|d| format!("{} {}", d.code, d.message.split([' ', ':']).next().unwrap()))
        .collect();
    insta::assert_snapshot!(codes.join("\n"), @r#"
    TL0018 no
    TL0001 `kong.yml`
    TL0202 `rate_limit`
    TL0202 `auth`
    TL0202 `rate_limit`
    TL0202 `mesh`
    TL0117 nothing
    TL0117 nothing
    TL0103 `orders`
    TL0201 `canary`
    TL0201 `slo`
    "#);
}
