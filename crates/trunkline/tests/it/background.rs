//! `up --detach`: a run without a terminal, seen to become ready, or told why not.

use crate::golden;
use crate::serve::{get, ports};
use crate::support::{World, describe, free_port, is_alive, screen, until};
use crate::up::{SERVER, pids, project};

#[test]
fn a_detached_run_is_ready_when_the_command_returns_and_goes_on() {
    let (world, port) = (World::new(), free_port());
    world.write("server.py", &SERVER.replace("print(", "dict(a="));
    world.write(
        "trunkline.yaml",
        &format!(
            "version: 1\nname: shop\ngateway: {{ http: {port}, domain: shop.localhost }}\n{}services:\n  \
             web: {{ command: \"exec python3 server.py\", calls: [orders], health: / }}\n  \
             orders: {{ command: \"exec python3 server.py\" }}\nroutes: [ {{ match: \"/**\", to: web }} ]\n",
            ports()
        ),
    );
    let begun = world.run(&["up", "--detach"]);
    assert!(begun.status.success(), "{}", describe(&begun));
    golden::check("up-detach", &screen(&begun));
    assert_eq!(get(port, "/").0, 200);
    let started = pids(&world);
    assert_eq!(started.len(), 2);
    let again = world.run(&["up", "-d"]);
    assert!(
        again.status.success() && screen(&again).contains("runs already"),
        "{}",
        describe(&again)
    );
    std::fs::create_dir(world.path("project/deep")).unwrap();
    world.data(&["down", "-C", "deep"]);
    until("the services' end", || !started.iter().any(|pid| is_alive(*pid)), String::new);
}

#[test]
fn a_detached_run_that_fails_says_why_and_leaves_nothing() {
    let (world, port) = (World::new(), free_port());
    world.write(
        "trunkline.yaml",
        &format!(
            "version: 1\nname: shop\ngateway: {{ http: {port} }}\n{}services:\n  \
             web: {{ command: \"echo 'Error: DATABASE_URL is not set'; exit 3\" }}\n\
             routes: [ {{ match: \"/**\", to: web }} ]\n",
            ports()
        ),
    );
    let failed = world.run(&["up", "-d"]);
    golden::check("up-failed", &screen(&failed));
    assert_eq!(world.run(&["status"]).status.code(), Some(3));
}

#[test]
fn only_the_named_services_and_what_they_call_are_started() {
    let (world, port) = (World::new(), free_port());
    project(&world, port);
    let begun = world.run(&["up", "orders", "-d"]);
    assert!(screen(&begun).contains("1 of 2 services"), "{}", describe(&begun));
    assert_eq!(pids(&world).len(), 1);
    assert_eq!(get(port, "/orders/1").0, 200);
    world.data(&["down"]);
    let unknown = world.run(&["up", "payments"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", describe(&unknown));
}

#[test]
fn a_run_that_is_not_ready_in_time_is_ended() {
    let (world, port) = (World::new(), free_port());
    world.write(
        "trunkline.yaml",
        &format!(
            "version: 1\nname: shop\ngateway: {{ http: {port} }}\n{}services:\n  \
             web: {{ command: \"exec sleep 1000\" }}\nroutes: [ {{ match: \"/**\", to: web }} ]\n",
            ports()
        ),
    );
    let late = world.run(&["up", "-d", "--timeout", "1s"]);
    assert_eq!(late.status.code(), Some(1));
    assert!(screen(&late).contains("not ready in time: web"), "{}", describe(&late));
}

#[test]
fn lines_are_kept_by_their_level() {
    let (world, port) = (World::new(), free_port());
    let lines = r#"{\"level\":30,\"msg\":\"fine\"}\n{\"level\":50,\"msg\":\"broken\",\"sku\":7}\n"#;
    world.write("server.py", &SERVER.replace(r#""listening \x1b[2J""#, &format!("\"{lines}\"")));
    world.write(
        "trunkline.yaml",
        &format!(
            "version: 1\nname: shop\ngateway: {{ http: {port} }}\n{}services:\n  \
             web: {{ command: \"exec python3 server.py\" }}\nroutes: [ {{ match: \"/**\", to: web }} ]\n",
            ports()
        ),
    );
    world.data(&["up", "-d"]);
    let all = world.data(&["logs"]);
    assert!(all.contains("info  fine") && all.contains("error broken  sku=7"), "{all}");
    let bad = world.data(&["logs", "--level", "warn", "--tail", "5"]);
    assert!(!bad.contains("fine") && bad.contains("broken"), "{bad}");
    world.data(&["down"]);
}
