//! Traces as they are written: which are recorded, in which formats they travel, and mistakes.

use insta::assert_snapshot;
use trunkline_model::trace::tracing::{Format, Parent, Propagation, Sampling, Tracing};

use crate::rig::{model, screen};

fn tracing(text: &str) -> Tracing {
    model(&format!("version: 1\n{text}\n")).tracing
}

#[test]
fn without_a_word_all_that_start_here_are_recorded_and_callers_formats_are_kept() {
    for text in ["", "trace: {}", "trace: { sample: 100%, propagate: auto }"] {
        let all = Sampling::share("100%".parse().unwrap());
        assert_eq!(tracing(text), Tracing { sample: all, propagate: Propagation::AsCalled });
    }
}

#[test]
fn samples_have_short_forms_and_a_long_one() {
    let check = |written: &str, printed: &str| {
        let sample = tracing(&format!("trace: {{ sample: {written} }}")).sample;
        assert_eq!(sample.to_string(), printed, "{written}");
    };
    check("12.5%", "12.5%");
    check("10/s", "10/s");
    check("100/10s", "100/10s");
    check("always", "always");
    check("never", "never");
    check("{ share: 20% }", "20%");
    check("{ rate: 5/m }", "5/m");
    check("{ share: 20%, rate: 5/s }", "{ share: 20%, rate: 5/s, parent: follow }");
    check("{ parent: ignore }", "always");
    check("{ share: 20%, parent: ignore }", "{ share: 20%, parent: ignore }");
    let long = tracing("trace: { sample: { share: 20%, parent: ignore } }").sample;
    assert_eq!((long.parent, long.share.basis_points()), (Parent::Ignore, 2_000));
}

#[test]
fn formats_are_a_list_in_order_a_word_or_none() {
    let check = |written: &str, formats: &[Format]| {
        let propagate = tracing(&format!("trace: {{ propagate: {written} }}")).propagate;
        assert_eq!(propagate, Propagation::Listed(formats.to_vec()), "{written}");
    };
    check("b3", &[Format::B3]);
    check("[]", &[]);
    check(
        "[datadog, jaeger, b3multi, b3, w3c]",
        &[Format::Datadog, Format::Jaeger, Format::B3Multi, Format::B3, Format::W3c],
    );
}

#[test]
fn a_route_may_want_otherwise() {
    let route = |trace: &str| {
        let text = format!(
            "version: 1\nroutes:\n  - {{ match: /**, to: a{trace} }}\nservices: {{ a: {{ external: \"a:1\" }} }}\n"
        );
        model(&text).routes.remove(0).tracing
    };
    let plain = route("");
    assert_eq!((plain.sample, plain.propagate), (None, None));
    let own = route(", trace: { sample: never, propagate: [b3] }");
    assert_eq!(own.sample, Some(Sampling::NEVER));
    assert_eq!(own.propagate, Some(Propagation::Listed(vec![Format::B3])));
    let own = route(", trace: { sample: 5/s }");
    assert_eq!((own.sample.unwrap().to_string().as_str(), own.propagate), ("5/s", None));
}

#[test]
fn what_is_no_sample_and_no_format_is_told() {
    let text = "version: 1
trace:
  sample: 0.5
  propagate: [w3c, b4, w3c]
routes:
  - { match: /a, to: a, trace: { sample: 120% } }
  - { match: /b, to: a, trace: { sample: 0/s, propagate: { w3c: true } } }
  - { match: /c, to: a, trace: { sample: { share: 5, parents: ignore }, keep: 1d } }
services: { a: { external: \"a:1\" } }
";
    assert_snapshot!(screen(text), @r"
    error[TL0105]: `sample` says which traces are recorded
     --> trunkline.yaml:3:11
      |
    3 |   sample: 0.5
      |           ^^^ neither a share nor a rate
      |
      = hint: write `25%`, `10/s`, `always`, `never` or `{ share, rate, parent }`

    error[TL0105]: `b4` is not one of `w3c`, `b3`, `b3multi`, `jaeger`, `datadog`
     --> trunkline.yaml:4:20
      |
    4 |   propagate: [w3c, b4, w3c]
      |                    ^^ this value is not known
      |
      = hint: did you mean `b3`?

    error[TL0105]: `w3c` is named twice
     --> trunkline.yaml:4:24
      |
    4 |   propagate: [w3c, b4, w3c]
      |                        ^^^ named again here

    error[TL0105]: a share is at most 100%
     --> trunkline.yaml:6:42
      |
    6 |   - { match: /a, to: a, trace: { sample: 120% } }
      |                                          ^^^^ not a share
      |
      = hint: write it like `12.5%`

    error[TL0105]: `0` is not a whole number above zero
     --> trunkline.yaml:7:42
      |
    7 |   - { match: /b, to: a, trace: { sample: 0/s, propagate: { w3c: true } } }
      |                                          ^^^ not a rate
      |
      = hint: write it like `20/s`

    error[TL0104]: expected `auto`, a format, or a list of formats, found a map
     --> trunkline.yaml:7:58
      |
    7 |   - { match: /b, to: a, trace: { sample: 0/s, propagate: { w3c: true } } }
      |                                                          ^^^^^^^^^^^^^ this has another type

    error[TL0105]: a share is a percentage with at most two decimals, such as `12.5%`
     --> trunkline.yaml:8:51
      |
    8 |   - { match: /c, to: a, trace: { sample: { share: 5, parents: ignore }, keep: 1d } }
      |                                                   ^ not a share

    error[TL0101]: `sample` has no key `parents`
     --> trunkline.yaml:8:54
      |
    8 |   - { match: /c, to: a, trace: { sample: { share: 5, parents: ignore }, keep: 1d } }
      |                                                      ^^^^^^^ this key is not known
      |
      = hint: did you mean `parent`?

    error[TL0101]: `trace` of a route has no key `keep`
     --> trunkline.yaml:8:73
      |
    8 |   - { match: /c, to: a, trace: { sample: { share: 5, parents: ignore }, keep: 1d } }
      |                                                                         ^^^^ this key is not known
      |
      = hint: known keys: `sample`, `propagate`

    9 errors
    ");
}
