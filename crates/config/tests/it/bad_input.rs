//! Every kind of bad input is one clear message with its place and a hint. Never a panic, never half
//! a configuration.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::rig::{load_bytes, load_files, production, screen, shown};

#[test]
fn an_unknown_key_names_the_nearest() {
    assert_snapshot!(screen("version: 1\nservices:\n  orders:\n    external: a:1\n    timeuot: 2s\n"), @r#"
    error[TL0101]: a service has no key `timeuot`
     --> trunkline.yaml:5:5
      |
    5 |     timeuot: 2s
      |     ^^^^^^^ this key is not known
      |
      = hint: did you mean `timeout`?

    1 error
    "#);
}

#[test]
fn a_missing_callee_names_the_nearest_service() {
    assert_snapshot!(screen("
version: 1
services:
  payments: { external: \"a:1\" }
  orders:
    external: b:1
    calls: [\"payment\", postgres]
"), @r#"
    error[TL0103]: `orders` calls `payment`, which does not exist
     --> trunkline.yaml:7:13
      |
    7 |     calls: ["payment", postgres]
      |             ^^^^^^^^^ no service has this name
      |
      = hint: did you mean `payments`?

    error[TL0103]: `orders` calls `postgres`, which does not exist
     --> trunkline.yaml:7:24
      |
    7 |     calls: ["payment", postgres]
      |                        ^^^^^^^^ no service has this name
      |
      = hint: add it to `services`; one that runs elsewhere is `postgres: { external: "host:port" }`

    2 errors
    "#);
}

#[test]
fn circular_calls_show_the_circle() {
    assert_snapshot!(screen("
version: 1
services:
  a: { external: \"a:1\", calls: [b] }
  b: { external: \"b:1\", calls: [c] }
  c: { external: \"c:1\", calls: [a, c] }
"), @r#"
    error[TL0106]: services call each other in a circle: a → b → c → a
     --> trunkline.yaml:6:33
      |
    6 |   c: { external: "c:1", calls: [a, c] }
      |                                 ^ this call closes the circle
      |
      = hint: take one of these calls out; what is called starts first, and a circle has no first

    error[TL0106]: `c` calls itself
     --> trunkline.yaml:6:36
      |
    6 |   c: { external: "c:1", calls: [a, c] }
      |                                    ^ this call closes the circle
      |
      = hint: take one of these calls out; what is called starts first, and a circle has no first

    2 errors
    "#);
}

#[test]
fn two_services_on_one_port_and_a_service_on_the_gateways() {
    assert_snapshot!(screen("
version: 1
gateway: { http: 9000 }
services:
  a: { command: run a, port: 3000 }
  b: { command: run b, port: 3000 }
  c: { command: run c, port: 9000 }
  d: { external: \"localhost:9000\" }
"), @r#"
    error[TL0107]: `a` and `b` both listen on port 3000
     --> trunkline.yaml:6:30
      |
    5 |   a: { command: run a, port: 3000 }
      |                              ---- by `a`
    6 |   b: { command: run b, port: 3000 }
      |                              ^^^^ this port is taken
      |
      = hint: leave `port` out of `b`: Trunkline chooses one and passes it as `PORT`

    error[TL0119]: `c` and the gateway both listen on port 9000
     --> trunkline.yaml:7:30
      |
    3 | gateway: { http: 9000 }
      |                  ---- the gateway listens there
    ...
    7 |   c: { command: run c, port: 9000 }
      |                              ^^^^ this port is taken
      |
      = hint: leave `port` out of `c`: Trunkline chooses one and passes it as `PORT`

    error[TL0121]: `d` is at 127.0.0.1:9000, where this gateway listens
     --> trunkline.yaml:8:18
      |
    3 | gateway: { http: 9000 }
      |                  ---- the gateway listens there
    ...
    8 |   d: { external: "localhost:9000" }
      |                  ^^^^^^^^^^^^^^^^ requests would go round in a circle

    3 errors
    "#);
}

#[test]
fn a_route_to_nothing() {
    assert_snapshot!(screen("
version: 1
routes:
  - { match: \"/api/**\", to: [{ service: order, weight: 1 }] }
  - { match: \"/**\", to: inventory }
services:
  orders: { external: \"a:1\" }
"), @r#"
    error[TL0108]: this route leads to `order`, which does not exist
     --> trunkline.yaml:4:41
      |
    4 |   - { match: "/api/**", to: [{ service: order, weight: 1 }] }
      |                                         ^^^^^ no service has this name
      |
      = hint: did you mean `orders`?

    error[TL0108]: this route leads to `inventory`, which does not exist
     --> trunkline.yaml:5:25
      |
    5 |   - { match: "/**", to: inventory }
      |                         ^^^^^^^^^ no service has this name
      |
      = hint: add it to `services`; one that runs elsewhere is `inventory: { external: "host:port" }`

    2 errors
    "#);
}

#[test]
fn a_bad_certificate_path_and_content() {
    let text =
        "version: 1\ngateway:\n  https: 9443\n  tls: { cert: certs/a.pem, key: certs/a.key }\n";
    let files = [("trunkline.yaml", text), ("certs/a.key", "not a key")];
    assert_snapshot!(shown(&load_files(&files, &production())), @r#"
    error[TL0110]: the certificate `certs/a.pem`: cannot read the file: entity not found
     --> trunkline.yaml:4:16
      |
    4 |   tls: { cert: certs/a.pem, key: certs/a.key }
      |                ^^^^^^^^^^^ this file cannot be used
      |
      = hint: paths are relative to the file that names them

    error[TL0110]: `certs/a.key` holds no private key in PEM form
     --> trunkline.yaml:4:34
      |
    4 |   tls: { cert: certs/a.pem, key: certs/a.key }
      |                                  ^^^^^^^^^^^ no private key in here
      |
      = hint: a PEM file has lines that start with `-----BEGIN`

    2 errors
    "#);
}

#[test]
fn an_unreadable_file() {
    let files = [("trunkline.yaml", "version: 1\ninclude: [missing.yaml, \"more/*.yaml\"]\n")];
    assert_snapshot!(shown(&load_files(&files, &production())), @r#"
    error[TL0001]: `missing.yaml`: cannot read the file: entity not found
     --> trunkline.yaml:2:11
      |
    2 | include: [missing.yaml, "more/*.yaml"]
      |           ^^^^^^^^^^^^ this file cannot be used
      |
      = hint: paths are relative to the file that names them

    error[TL0018]: no file matches `more/*.yaml`
     --> trunkline.yaml:2:25
      |
    2 | include: [missing.yaml, "more/*.yaml"]
      |                         ^^^^^^^^^^^^^ this entry includes nothing
      |
      = hint: paths are relative to the file that names them

    2 errors
    "#);
}

#[test]
fn bytes_that_are_not_text() {
    assert_snapshot!(shown(&load_bytes(b"version: 1\nname: \xff\xfe\n")), @r#"
    error[TL0002]: `trunkline.yaml`: not UTF-8 text: byte 0xff in line 2
    --> trunkline.yaml

    1 error
    "#);
}

#[test]
fn a_yaml_bomb_is_one_message() {
    let mut text = String::from("version: 1\nx-a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (name, before) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        let aliases = vec![format!("*{before}"); 10].join(", ");
        writeln!(text, "x-{name}: &{name} [{aliases}]").unwrap();
    }
    assert_snapshot!(screen(&text), @r#"
    error[TL0007]: aliases expand to more than 100000 values
     --> trunkline.yaml:6:34
      |
    6 | x-e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
      |                                  ^^ reading stopped here
      |
      = hint: write the repeated part fewer times; aliases of aliases multiply

    1 error
    "#);
}

#[test]
fn nesting_without_end_is_one_message() {
    assert_snapshot!(screen(&format!("version: 1\nx-a: {}", "[".repeat(100_000))), @r#"
    error[TL0005]: maps and lists nest more than 64 deep
     --> trunkline.yaml:2:261
      |
    2 | [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
      |                                                                                                     ^ this is one level too many

    1 error
    "#);
}

#[test]
fn an_alias_of_itself_is_one_message() {
    assert_snapshot!(screen("version: 1\nx-a: &a [1, *a]\n"), @r#"
    error[TL0009]: the alias points to something that is not complete before it
     --> trunkline.yaml:2:13
      |
    2 | x-a: &a [1, *a]
      |             ^^ this alias is inside of what it names, or in another document

    1 error
    "#);
}

#[test]
fn syntax_errors_show_their_place() {
    assert_snapshot!(screen("version: 1\nroutes:\n\t- match: /\n"), @r#"
    error[TL0004]: the file is not valid YAML: tabs disallowed within this context (block indentation)
     --> trunkline.yaml:3:2
      |
    3 |     - match: /
      |     ^ the reader stopped here
      |
      = hint: indent with spaces; YAML does not allow tabs there

    1 error
    "#);
    assert_snapshot!(screen("version: 1\nname: \"shop\n"), @r#"
    error[TL0004]: the file is not valid YAML: while scanning a quoted scalar, found unexpected end of stream
     --> trunkline.yaml:2:7
      |
    2 | name: "shop
      |       ^ the reader stopped here
      |
      = hint: the closing quote is missing

    1 error
    "#);
}

#[test]
fn duplicate_keys_show_both() {
    assert_snapshot!(screen("version: 1\nname: a\nname: b\n"), @r#"
    error[TL0008]: the key `name` is given twice
     --> trunkline.yaml:3:1
      |
    2 | name: a
      | ---- the first time
    3 | name: b
      | ^^^^ the second time
      |
      = hint: keep one of the two

    1 error
    "#);
}

#[test]
fn all_mistakes_of_all_files_are_listed_at_once() {
    let one = "version: 1\ninclude: [two.yaml]\nworkers: many\nroutes:\n  - { match: GET api, to: x, redirect: /y }\n";
    let two = "version: 1\nservices:\n  Orders: { external: nowhere, health: yes, timeout: 2 }\n";
    let loaded = load_files(&[("one.yaml", one), ("two.yaml", two)], &production());
    assert_snapshot!(shown(&loaded), @r#"
    error[TL0104]: expected a number, or `auto`, found the text `many`
     --> one.yaml:3:10
      |
    3 | workers: many
      |          ^^^^ this has another type

    error[TL0114]: a route does one of `to`, `redirect` and `respond`
     --> one.yaml:5:40
      |
    5 |   - { match: GET api, to: x, redirect: /y }
      |                           -            ^^ this excludes the other
      |                           |
      |                           as this is given
      |
      = hint: keep one of them

    error[TL0105]: a name has lower-case letters, digits and inner hyphens only, not `O`
     --> two.yaml:3:3
      |
    3 |   Orders: { external: nowhere, health: yes, timeout: 2 }
      |   ^^^^^^ not a name for a service
      |
      = hint: it becomes part of host names: `orders`, `orders-v2`

    error[TL0105]: a duration needs a unit: `2ms`, `2s`, `2m`, `2h` or `2d`
     --> two.yaml:3:54
      |
    3 |   Orders: { external: nowhere, health: yes, timeout: 2 }
      |                                                      ^ not a duration

    4 errors
    "#);
    assert!(loaded.model.is_none());
}

#[test]
fn keys_of_a_later_version_say_what_happens_instead() {
    assert_snapshot!(screen("
version: 1
mesh: { mtls: strict }
routes:
  - { match: \"/**\", to: web, auth: jwt, mirror: shadow }
services:
  web: { external: \"a:1\", slo: { available: 99% } }
"), @r#"
    error[TL0202]: `mesh` (mTLS and access between services) is not served yet, and without it calls between services would be neither encrypted nor checked
     --> trunkline.yaml:3:1
      |
    3 | mesh: { mtls: strict }
      | ^^^^ this key has no effect yet
      |
      = hint: take the key out, and enforce it elsewhere

    error[TL0202]: `auth` (authentication of callers) is not served yet, and without it every caller would be let in
     --> trunkline.yaml:5:30
      |
    5 |   - { match: "/**", to: web, auth: jwt, mirror: shadow }
      |                              ^^^^ this key has no effect yet
      |
      = hint: take the key out, and enforce it elsewhere

    warning[TL0201]: `mirror` (copies of requests to another service) is not served yet: nothing is copied
     --> trunkline.yaml:5:41
      |
    5 |   - { match: "/**", to: web, auth: jwt, mirror: shadow }
      |                                         ^^^^^^ this key has no effect yet

    warning[TL0201]: `slo` (objectives and their error budget) is not served yet: nothing is measured against an objective
     --> trunkline.yaml:7:27
      |
    7 |   web: { external: "a:1", slo: { available: 99% } }
      |                           ^^^ this key has no effect yet

    2 errors, 2 warnings
    "#);
}

#[test]
fn two_files_that_claim_one_listener() {
    let one = "version: 1\ninclude: [two.yaml]\ngateway: { http: 9000 }\n";
    let two = "version: 1\ngateway:\n  http: 127.0.0.1:9000\n";
    assert_snapshot!(shown(&load_files(&[("one.yaml", one), ("two.yaml", two)], &production())), @r#"
    error[TL0109]: `one.yaml` and `two.yaml` both claim the listener 127.0.0.1:9000
     --> two.yaml:3:9
      |
    3 |   http: 127.0.0.1:9000
      |         ^^^^^^^^^^^^^^ claimed again here
      |
     ::: one.yaml:3:18
      |
    3 | gateway: { http: 9000 }
      |                  ---- claimed here
      |
      = hint: say who owns it with `edge: one.yaml`, put one behind the other with `chain: [one.yaml, two.yaml]`, or give one of them another `port:`

    1 error
    "#);
}

#[test]
fn files_that_include_each_other() {
    let one = "version: 1\ninclude: [two.yaml]\n";
    let two = "version: 1\ninclude: [./one.yaml]\n";
    assert_snapshot!(shown(&load_files(&[("one.yaml", one), ("two.yaml", two)], &production())), @r#"
    error[TL0017]: files include each other: one.yaml → two.yaml → one.yaml
     --> two.yaml:2:11
      |
    2 | include: [./one.yaml]
      |           ^^^^^^^^^^ this entry closes the circle
      |
      = hint: take one of these entries out of `include`

    1 error
    "#);
}

#[test]
fn files_of_other_products_are_named() {
    let one = "version: 1\ninclude: [kong.yml, haproxy.cfg, notes.yaml, empty.yaml]\n";
    let files = [
        ("one.yaml", one),
        ("kong.yml", "_format_version: \"3.0\"\nservices: []\n"),
        ("haproxy.cfg", "global\n  maxconn 100\nfrontend web\n  bind :80\n"),
        ("notes.yaml", "hello: world\n"),
        ("empty.yaml", "# nothing\n"),
    ];
    assert_snapshot!(shown(&load_files(&files, &production())), @r#"
    error[TL0016]: `kong.yml` is a configuration of Kong, which is not read yet
     --> kong.yml:1:1
      |
    1 | _format_version: "3.0"
      | ^^^^^^^^^^^^^^^^^^^^^^ this looks like Kong
      |
      = hint: take the file out, and say the same in `trunkline.yaml`

    error[TL0016]: `haproxy.cfg` is a configuration of HAProxy, which is not read yet
     --> haproxy.cfg:1:1
      |
    1 | global
      | ^^^^^^ this looks like HAProxy
      |
      = hint: take the file out, and say the same in `trunkline.yaml`

    error[TL0015]: `notes.yaml` is of no known kind
     --> notes.yaml:1:1
      |
    1 | hello: world
      | ^^^^^^^^^^^^ no product's configuration starts like this
      |
      = hint: a `trunkline.yaml` starts with `version: 1`

    error[TL0014]: `empty.yaml` holds no configuration
     --> empty.yaml:1:1
      |
    1 | # nothing
      | ^^^^^^^^^ nothing but comments and blank lines
      |
      = hint: a `trunkline.yaml` starts with `version: 1`

    4 errors
    "#);
}

#[test]
fn an_unknown_version_says_nothing_else() {
    assert_snapshot!(screen("version: 2\nfoo: bar\n"), @r#"
    error[TL0113]: version 1 of the format is read, found the number `2`
     --> trunkline.yaml:1:10
      |
    1 | version: 2
      |          ^ this version is not known
      |
      = hint: write `version: 1`

    1 error
    "#);
}

#[test]
fn data_cannot_control_the_terminal() {
    let loaded = load_bytes(b"version: 1\n\"ev\\e[31mil\": 1\nname: \"a\\e]0;x\\a\"\n");
    assert_snapshot!(shown(&loaded), @r#"
    error[TL0101]: the file has no key `ev\u{1b}[31mil`
     --> trunkline.yaml:2:1
      |
    2 | "ev\e[31mil": 1
      | ^^^^^^^^^^^^ this key is not known
      |
      = hint: known keys: `version`, `name`, `include`, `edge`, `chain`, `workers`, `zone`, `gateway`, `tcp`, `udp`, `routes`, `services`, `trace`, `telemetry`, `cluster`, `management`, `ports`, `env`

    error[TL0105]: a name has lower-case letters, digits and inner hyphens only, not `\u{1b}`
     --> trunkline.yaml:3:7
      |
    3 | name: "a\e]0;x\a"
      |       ^^^^^^^^^^^ not a name for a project

    2 errors
    "#);
}

#[test]
fn management_beyond_loopback_needs_a_token_by_reference() {
    assert_snapshot!(screen("version: 1\nmanagement: { metrics: 0.0.0.0:9090 }\n"), @r#"
    error[TL0118]: a management surface beyond loopback needs a token
     --> trunkline.yaml:2:24
      |
    2 | management: { metrics: 0.0.0.0:9090 }
      |                        ^^^^^^^^^^^^ others can reach this address
      |
      = hint: add `token: env:TRUNKLINE_TOKEN` or `token: file:/path` to `management`

    1 error
    "#);
    assert_snapshot!(screen("version: 1\nmanagement: { token: hunter2, origins: [\"*\"] }\n"), @r#"
    error[TL0120]: `token` is not a reference to a secret
     --> trunkline.yaml:2:22
      |
    2 | management: { token: *******, origins: ["*"] }
      |                      ^^^^^^^ secrets do not belong into this file
      |
      = hint: write `env:NAME` or `file:path`

    error[TL0105]: `*` is not an origin
     --> trunkline.yaml:2:41
      |
    2 | management: { token: *******, origins: ["*"] }
      |                                         ^^^ not a scheme and a host
      |
      = hint: write it like `https://tools.example.com`, without a path

    2 errors
    "#);
}

#[test]
fn a_management_surface_on_a_port_that_is_taken() {
    let said = screen(
        "version: 1\ngateway: { http: 9090 }\nmanagement: { control: 20001, jaeger: 20001 }\n\
         services:\n  a: { command: run a, port: 20001 }\nroutes: [{ match: /, to: a }]\n",
    );
    for message in [
        "the gateway and the metrics surface both listen on port 9090",
        "the console surface and the jaeger surface both listen on port 20001",
        "`a` and the console surface both listen on port 20001",
    ] {
        assert!(said.contains(message), "{said}");
    }
    let elsewhere =
        "version: 1\ngateway: { http: \"127.0.0.2:9090\" }\nroutes: [{ match: /, respond: {} }]\n";
    assert_eq!(screen(elsewhere), "");
}
