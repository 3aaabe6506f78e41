//! Breakers and faults on the real binary: injected, seen, healed.

use trunkline_testkit::Upstream;

use crate::serve::{get, ports};
use crate::support::{World, describe, free_port, until};

fn config(port: u16, upstream: &Upstream) -> String {
    format!(
        "version: 1\nname: demo\ngateway: {{ http: 127.0.0.1:{port}, access_log: off }}\n{}\
         services:\n  payments:\n    external: \"{}\"\n    breaker: {{ open_at: 30%, window: 20s, \
         min_calls: 10, wait: 500ms, trials: 3 }}\n    retry: 2\n    bulkhead: 25\n\
         routes:\n  - {{ match: \"/**\", to: payments }}\n",
        ports(),
        upstream.address()
    )
}

fn run(world: &World, arguments: &[&str]) -> String {
    let output = world.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", describe(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn half_of_the_calls_fail_the_breaker_opens_and_closes_again() {
    let (world, port, upstream) = (World::new(), free_port(), Upstream::answering(200, "paid"));
    world.write("trunkline.yaml", &config(port, &upstream));
    let mut serving = world.start(&["serve", "-c", "trunkline.yaml"]);
    serving.wait_for("serving");
    assert_eq!(get(port, "/"), (200, "paid".to_owned()));
    let told = run(&world, &["fault", "payments", "abort", "--share", "50%", "--status", "500"]);
    assert_eq!(told, "payments: 50% of its calls fail with 500\n");
    let open = || get(port, "/").1.contains("\"kind\":\"breaker\"");
    until("the breaker opens", open, || run(&world, &["resilience"]));
    let before = upstream.requests();
    for _ in 0..20 {
        assert_eq!(get(port, "/").0, 503);
    }
    assert_eq!(upstream.requests(), before, "no call reaches the service while it is open");
    assert!(run(&world, &["resilience"]).contains("OPEN"));
    run(&world, &["fault", "payments", "off"]);
    until("trials close it", || get(port, "/").0 == 200, || run(&world, &["resilience"]));
    for _ in 0..5 {
        assert_eq!(get(port, "/").0, 200);
    }
    let events = run(&world, &["resilience", "events"]);
    for change in ["CLOSED to OPEN", "OPEN to HALF_OPEN", "HALF_OPEN to CLOSED"] {
        assert!(events.contains(change), "{events}");
    }
    run(&world, &["resilience", "force-open", "payments"]);
    assert_eq!(get(port, "/").0, 503);
    assert_eq!(run(&world, &["resilience", "reset", "payments"]), "payments is CLOSED\n");
    assert_eq!(get(port, "/").0, 200);
    let unknown = world.run(&["resilience", "reset", "nobody"]);
    assert!(!unknown.status.success());
    assert!(describe(&unknown).contains("no policy has the name `nobody`"));
}
